/**
 * Hugging Face's API of models and tasks (https://huggingface.co/docs/inference-providers/tasks/index): POST /models/MODEL,
 * where MODEL is a name of the catalog, on its own or as edgewise/MODEL.
 */
import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type DescribeRouteOptions, describeRoute, resolver } from 'hono-openapi'
import * as z from 'zod'
import { EdgewiseError } from '../../../errors.ts'
import { camelCase } from '../../../function.ts'
import type { ModelInfo } from '../../../runtime/runtime.ts'
import { readInput } from '../../body.ts'
import { inputError } from '../../errors.ts'
import { type Dialect, keepAlive, type Service } from '../../service.ts'
import { textClassification, zeroShotClassification } from './classification.ts'
import { featureExtraction, sentenceSimilarity } from './embeddings.ts'
import { errorBody } from './errors.ts'
import { fillMask } from './fill-mask.ts'
import { questionAnswering } from './question-answering.ts'
import { summarization } from './summarization.ts'
import type { Task } from './task.ts'
import { completions, textGeneration } from './text-generation.ts'
import { translation } from './translation.ts'

const TASKS: readonly Task[] = [
  textClassification,
  zeroShotClassification,
  questionAnswering,
  translation,
  summarization,
  textGeneration,
  featureExtraction,
  sentenceSimilarity,
  fillMask,
]

const TAG = 'Hugging Face'
const OWNER = 'edgewise/'

export const huggingFace: Dialect = {
  tag: {
    name: TAG,
    description:
      'The models by the protocol of Hugging Face’s inference API. The same under `/hf-inference/models`, and with ' +
      '`edgewise/` in front of a model’s name. Without `/pipeline/TASK` the task is the one that the model is ' +
      'catalogued for.',
  },
  routes(service) {
    const routes = new Hono()
    const tasks = TASKS.filter((task) => service.find(task.function))
    const answer = async (c: Context, choose: (model: ModelInfo) => Task) => {
      const model = await findModel(c, service)
      const task = choose(model)
      const running = (async () => await task.run(await readRequest(c, task, model), model, service, c))()
      keepAlive(c, running)
      const answered = await running
      return answered instanceof Response ? answered : c.json(answered)
    }
    const named = (name: string) => (model: ModelInfo) => {
      const task = tasks.find((task) => task.name === name)
      if (task?.models.includes(model.task)) return task
      const own = tasks.filter(({ models }) => models.includes(model.task)).map(({ name }) => name)
      throw new EdgewiseError(
        'invalid_input',
        `Model "${model.name}" does not do ${name.slice(0, 100)}.`,
        own.length > 0 ? `It does ${own.join(', ')}.` : 'This Worker has no function for it.',
      )
    }
    /** The task that a model is catalogued for, or what comes nearest to it. */
    const ownTask = (model: ModelInfo) => {
      const task =
        tasks.find(({ name }) => name === model.task) ??
        tasks.find(({ models }) => models.includes(model.task))
      return task ?? named(model.task)(model)
    }

    if (tasks.length > 0) {
      routes.post('/models/:model', describeRoute(ANY_TASK), (c) => answer(c, ownTask))
      for (const task of tasks)
        routes.post(`/models/:model/pipeline/${task.name}`, describeRoute(describeTask(task)), (c) =>
          answer(c, named(task.name)),
        )
    }
    if (service.find(completions.function)) {
      const complete = (model: ModelInfo) => {
        named(textGeneration.name)(model)
        return completions
      }
      routes.post('/models/:model/v1/completions', describeRoute(describeTask(completions)), (c) =>
        answer(c, complete),
      )
    }
    routes.get('/api/models/:model', describeRoute(LISTING), async (c) =>
      c.json(listingOf(await findModel(c, service))),
    )
    return routes
  },
  path: (path) =>
    path
      .replace(/^\/hf-inference(?=\/models\/)/, '')
      // The name of an owner is a part of the model's.
      .replace(/^(\/(?:api\/)?models\/[^/]+)\/([^/]+)(?=$|\/pipeline\/|\/v1\/completions$)/, '$1%2F$2'),
  error: (error, c) =>
    /^\/(api\/)?models\//.test(c.req.path)
      ? c.json(errorBody(error), error.status as ContentfulStatusCode)
      : undefined,
}

/** @throws EdgewiseError `unknown_model` */
async function findModel(c: Context, service: Service): Promise<ModelInfo> {
  const id = c.req.param('model') ?? ''
  const { runtime } = service.context(c)
  const own = (await runtime.models()).find((model) => OWNER + model.name === id)
  return own ?? (await runtime.model(id))
}

/** @throws EdgewiseError `invalid_input`, and those of readInput() */
async function readRequest(c: Context, task: Task, model: ModelInfo) {
  const given = (await readInput(c.req.raw, 'inputs')) as Record<string, unknown>
  const parsed = task.request.safeParse(withoutNulls(given))
  if (parsed.success) return parsed.data
  throw inputError(
    parsed.error,
    `Read as ${task.name} by model "${model.name}"; for another task ask its /pipeline/TASK. /reference has the fields.`,
  )
}

/** Clients send null for what is not given. */
function withoutNulls({ parameters, ...body }: Record<string, unknown>): Record<string, unknown> {
  const given = (fields: object) =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined))
  const isObject = typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters)
  return given({ ...body, parameters: isObject ? given(parameters) : parameters })
}

const listing = z.object({
  id: z.string(),
  modelId: z.string(),
  pipeline_tag: z.string(),
  tags: z.array(z.string()).describe('The tasks that it can be asked for'),
  inferenceProviderMapping: z.object({
    'hf-inference': z.object({ status: z.literal('live'), providerId: z.string(), task: z.string() }),
  }),
})

/** What the clients ask the hub about a model, to know whether and as what it can be asked. */
const listingOf = ({ name, task }: ModelInfo): z.output<typeof listing> => ({
  id: OWNER + name,
  modelId: OWNER + name,
  pipeline_tag: task,
  tags: TASKS.filter(({ models }) => models.includes(task)).map(({ name }) => name),
  inferenceProviderMapping: { 'hf-inference': { status: 'live', providerId: OWNER + name, task } },
})

const errorSchema = z.object({ error: z.string() }).meta({ ref: 'HuggingFaceError' })

const ERRORS = Object.fromEntries(
  Object.entries({
    400: 'The input is wrong, or asks for what is not supported',
    401: 'The service wants an API key, and got none that it knows',
    404: 'There is no such model',
    413: 'The body is too large',
    415: 'The body has a type that is not understood',
    429: 'Too many requests',
    500: 'A bug',
    503: 'The model could not be loaded',
  }).map(([status, description]) => [
    status,
    { description, content: { 'application/json': { schema: resolver(errorSchema) } } },
  ]),
)

const modelParameter = (example: string) => ({
  name: 'model',
  in: 'path' as const,
  required: true,
  description: 'A name of GET /v1/models',
  schema: { type: 'string' as const },
  example,
})

function describeTask({ name, summary, description, request, answer, example }: Task): DescribeRouteOptions {
  return {
    operationId: `huggingFace.${camelCase(name)}`,
    summary,
    ...(description && { description }),
    tags: [TAG],
    parameters: [modelParameter(example.model)],
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: resolver(request, { io: 'input' }),
          examples: { Example: { value: example.body } },
        },
      },
    },
    responses: {
      200: {
        description: 'The answer',
        content: {
          'application/json': { schema: resolver(answer) },
          ...('stream' in request.shape && { 'text/event-stream': { schema: { type: 'string' } } }),
        },
      },
      ...ERRORS,
    },
  }
}

const anyRequest = z.object({ inputs: z.unknown(), parameters: z.looseObject({}).optional() })

const ANY_TASK: DescribeRouteOptions = {
  operationId: 'huggingFace.model',
  summary: 'Ask a model for the task that it is catalogued for',
  tags: [TAG],
  parameters: [modelParameter('sentiment')],
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: resolver(anyRequest, { io: 'input' }),
        examples: { Example: { value: { inputs: 'What a waste of two hours.' } } },
      },
    },
  },
  responses: {
    200: {
      description: 'The answer, as of the task',
      content: { 'application/json': { schema: resolver(z.unknown()) } },
    },
    ...ERRORS,
  },
}

const LISTING: DescribeRouteOptions = {
  operationId: 'huggingFace.listing',
  summary: 'Tell what a model can be asked for',
  tags: [TAG],
  parameters: [modelParameter('embed')],
  responses: {
    200: { description: 'The model', content: { 'application/json': { schema: resolver(listing) } } },
    404: ERRORS[404]!,
    503: ERRORS[503]!,
  },
}

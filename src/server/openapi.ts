/** What the OpenAPI document says of each function's route. */
import { type DescribeRouteOptions, resolver } from 'hono-openapi'
import * as z from 'zod'
import { ERROR_STATUS, type ErrorCode } from '../errors.ts'
import type { EdgewiseFunction, FunctionRoute } from '../function.ts'

const errorSchema = z
  .object({
    error: z.object({
      code: z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]).describe('Stable; decide by it'),
      message: z.string().describe('What was wrong'),
      hint: z.string().describe('What to do about it'),
    }),
  })
  .meta({ ref: 'Error' })

/** Statuses a function's route can answer with besides 200. */
const ERROR_RESPONSES: Record<number, string> = {
  400: 'The input is wrong',
  401: 'The service wants an API key, and got none that it knows',
  404: 'There is no such model, prompt or classifier',
  409: 'There is one of the name already, or it is out of date',
  413: 'The body is too large',
  415: 'The body has a type that is not understood',
  429: 'Too many requests; Retry-After says how long to wait',
  500: 'A bug',
  501: 'The service lacks a binding for it',
  503: 'The model could not be loaded',
}

const errorContent = { 'application/json': { schema: resolver(errorSchema) } }

const EVENTS =
  'With `stream`: `event: text` with `{ "index", "text" }` a part, then `event: end` with the answer, or `event: error`.'

/** The operation of POST /v1/NAME. */
export function describeFunction(fn: EdgewiseFunction): DescribeRouteOptions {
  const examples = Object.fromEntries(fn.examples.map(({ title, input }) => [title, { value: input }]))
  return {
    operationId: fn.name,
    summary: fn.summary,
    description: fn.description,
    tags: ['functions'],
    requestBody: {
      required: true,
      content: {
        'application/json': { schema: resolver(fn.input, { io: 'input' }), examples },
        'text/plain': {
          schema: { type: 'string', description: `The field \`${fn.primary}\` alone` },
        },
      },
    },
    responses: {
      200: {
        description: 'The answer',
        content: {
          'application/json': { schema: resolver(fn.output) },
          ...(fn.stream && { 'text/event-stream': { schema: { type: 'string', description: EVENTS } } }),
        },
      },
      ...Object.fromEntries(
        Object.entries(ERROR_RESPONSES).map(([status, description]) => [
          status,
          { description, content: errorContent },
        ]),
      ),
    },
  }
}

/** The operation of a route beside a function's own. */
export function describeFunctionRoute(
  fn: string,
  name: string,
  { summary, input, output, path, example }: FunctionRoute,
): DescribeRouteOptions {
  return {
    operationId: `${fn}.${name}`,
    summary,
    tags: ['functions'],
    ...(path && {
      parameters: [
        {
          name: 'name',
          in: 'path' as const,
          required: true,
          schema: { type: 'string' as const },
          ...(example && { example: example.name }),
        },
      ],
    }),
    ...(input && {
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: resolver(input, { io: 'input' }),
            ...(example?.input && { examples: { [summary]: { value: example.input } } }),
          },
        },
      },
    }),
    responses: {
      200: { description: 'The answer', content: { 'application/json': { schema: resolver(output) } } },
      ...(input && { 400: { description: 'The input is wrong', content: errorContent } }),
      ...(path && { 404: { description: 'There is none of the name', content: errorContent } }),
      501: { description: 'The service has no place to keep them', content: errorContent },
      503: { description: 'The storage failed', content: errorContent },
    },
  }
}

const model = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int().describe('0: when it was made is not kept'),
    owned_by: z.string(),
    task: z.string(),
    summary: z.string(),
    license: z.string(),
    revision: z.string(),
    size: z.int().describe('Bytes of all its files'),
    loaded: z.boolean().describe('Whether this isolate holds it in memory'),
  })
  .meta({ ref: 'Model' })
const modelList = z.object({ object: z.literal('list'), data: z.array(model) }).meta({ ref: 'Models' })

const health = z
  .object({
    status: z.literal('ok'),
    kernels: z.enum(['relaxed-simd', 'simd']).describe('Which build of the kernels runs'),
    memoryUsed: z.int().describe('Bytes of WebAssembly memory that models hold'),
  })
  .meta({ ref: 'Health' })

export const describeModels: DescribeRouteOptions = {
  operationId: 'models',
  summary: 'List the models there are',
  tags: ['service'],
  responses: {
    200: { description: 'The models', content: { 'application/json': { schema: resolver(modelList) } } },
    503: { description: 'The catalog could not be read', content: errorContent },
  },
}

export const describeModel: DescribeRouteOptions = {
  operationId: 'model',
  summary: 'Tell what a model is',
  tags: ['service'],
  parameters: [
    { name: 'name', in: 'path', required: true, schema: { type: 'string' }, example: 'sentiment' },
  ],
  responses: {
    200: { description: 'The model', content: { 'application/json': { schema: resolver(model) } } },
    404: { description: 'There is none of the name', content: errorContent },
    503: { description: 'The catalog could not be read', content: errorContent },
  },
}

export const describeHealth: DescribeRouteOptions = {
  operationId: 'health',
  summary: 'Tell whether the service runs, and on what',
  tags: ['service'],
  responses: {
    200: { description: 'It runs', content: { 'application/json': { schema: resolver(health) } } },
  },
}

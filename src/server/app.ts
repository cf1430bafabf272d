/** The HTTP service: routes made from functions' definitions. */
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { getPath } from 'hono/utils/url'
import { describeRoute, openAPIRouteHandler } from 'hono-openapi'
import type { ClassifierStore } from '../classifier/store.ts'
import { EdgewiseError } from '../errors.ts'
import type { EdgewiseFunction } from '../function.ts'
import type { ModelInfo, Runtime } from '../runtime/runtime.ts'
import { type Access, guard } from './access.ts'
import { MAX_BODY_BYTES, readInput } from './body.ts'
import { asEdgewiseError, inputError } from './errors.ts'
import { eventStream } from './events.ts'
import {
  describeFunction,
  describeFunctionRoute,
  describeHealth,
  describeModel,
  describeModels,
} from './openapi.ts'
import { createService, type Dialect } from './service.ts'

export interface AppOptions<Bindings extends object> {
  functions: readonly EdgewiseFunction[]
  /** Other services' protocols that it speaks besides. */
  dialects?: readonly Dialect[]
  /** Who may ask, and how often; anybody, as often as they like, without. */
  access?(bindings: Bindings): Access
  /** Called for each request; must return the same runtime for the life of the isolate. */
  runtime(bindings: Bindings): Runtime
  /** Where trained classifiers are kept, if anywhere. */
  classifiers?(bindings: Bindings): ClassifierStore | undefined
}

/** Builds the service. Routes: POST /v1/NAME a function, what its definition adds, GET /v1/models, /healthz, /openapi.json. */
export function createApp<Bindings extends object>({
  functions,
  dialects = [],
  access,
  runtime,
  classifiers,
}: AppOptions<Bindings>) {
  const app = new Hono<{ Bindings: Bindings }>({
    getPath: (request) => dialects.reduce((path, dialect) => dialect.path?.(path) ?? path, getPath(request)),
  })
  const describe = (error: unknown, c: Context) => {
    const known = asEdgewiseError(error)
    for (const dialect of dialects) {
      const written = dialect.error?.(known, c)
      if (written) return written
    }
    // 499 is nginx's status for a client that has gone; nobody reads it, but logs show it.
    return c.json(known.toJSON(), known.status as ContentfulStatusCode)
  }
  app.onError(describe)
  app.use(requestId())
  app.use(cors({ origin: '*', exposeHeaders: ['x-request-id', 'retry-after'] }))
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) =>
        describe(
          new EdgewiseError(
            'payload_too_large',
            `The body is larger than ${MAX_BODY_BYTES} bytes.`,
            'Send fewer or shorter texts at a time.',
          ),
          c,
        ),
    }),
  )
  if (access)
    app.use(
      guard(
        (bindings) => access(bindings as Bindings),
        async (c) => {
          const keys = await Promise.all(dialects.map((dialect) => dialect.key?.(c)))
          return keys.find((key) => key !== undefined)
        },
      ),
    )

  const service = createService(functions, (c) => {
    const store = classifiers?.(c.env as Bindings)
    return {
      runtime: runtime(c.env as Bindings),
      signal: c.req.raw.signal,
      ...(store && { classifiers: store }),
    }
  })
  for (const fn of functions) {
    app.post(`/v1/${fn.name}`, describeRoute(describeFunction(fn)), async (c) => {
      const input = (await readInput(c.req.raw, fn.primary)) as Record<string, unknown>
      if (fn.stream && input.stream === true) return await eventStream(service.write(fn, input, c))
      return c.json(await service.run(fn, input, c))
    })
    for (const [name, route] of Object.entries(fn.routes ?? {}))
      app[route.method](
        `/v1/${fn.name}${route.path}`,
        describeRoute(describeFunctionRoute(fn.name, name, route)),
        async (c) => {
          const primary = Object.keys(route.input?.shape ?? {})[0] ?? ''
          const input = route.input?.safeParse(await readInput(c.req.raw, primary))
          if (input && !input.success) throw inputError(input.error, 'See /reference for the fields.')
          const parameters = { name: c.req.param('name') ?? '' }
          return c.json((await route.run(parameters, service.context(c), input?.data ?? {})) as object)
        },
      )
  }

  for (const dialect of dialects) app.route('/', dialect.routes(service))

  app.get('/v1/models', describeRoute(describeModels), async (c) => {
    const models = await runtime(c.env as Bindings).models()
    return c.json({ object: 'list', data: models.map(describedModel) })
  })
  app.get('/v1/models/:name', describeRoute(describeModel), async (c) => {
    return c.json(describedModel(await runtime(c.env as Bindings).model(c.req.param('name'))))
  })
  app.get('/healthz', describeRoute(describeHealth), (c) => {
    const { kernels, memoryUsed } = runtime(c.env as Bindings)
    return c.json({ status: 'ok', kernels, memoryUsed: memoryUsed() })
  })
  app.get(
    '/openapi.json',
    openAPIRouteHandler(app, {
      documentation: {
        openapi: '3.1.0',
        info: {
          title: 'edgewise',
          version: '0.1.0',
          description:
            'NLP functions inside a serverless edge worker, on one small quantized transformer runtime.',
          license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        },
        tags: [
          { name: 'functions', description: 'What the models do' },
          ...dialects.map(({ tag }) => tag),
          { name: 'service', description: 'What runs' },
        ],
      },
      defaultValidationErrorResponse: false,
    }),
  )

  app.all('*', (c) => {
    const allowed = app.routes
      .filter(({ path, method }) => method !== 'ALL' && fits(path, c.req.path))
      .map(({ method }) => method)
    if (allowed.length === 0)
      throw new EdgewiseError(
        'not_found',
        `There is nothing at ${c.req.path}.`,
        `The functions are ${functions.map(({ name }) => `POST /v1/${name}`).join(', ')}; /reference describes them.`,
      )
    const methods = [...new Set(allowed)].join(', ')
    c.header('Allow', methods)
    throw new EdgewiseError(
      'method_not_allowed',
      `${c.req.path} does not answer ${c.req.method}.`,
      `Use ${methods}.`,
    )
  })
  return app
}

/** With what clients of OpenAI look for; when a model was made is not kept. */
const describedModel = ({ name, ...rest }: ModelInfo) => ({
  id: name,
  object: 'model',
  created: 0,
  owned_by: 'edgewise',
  ...rest,
})

/** Whether a path is one of a route's, whose parameters stand for one part each. */
const fits = (route: string, path: string): boolean =>
  new RegExp(`^${route.replace(/:[^/]+/g, '[^/]+')}$`).test(path)

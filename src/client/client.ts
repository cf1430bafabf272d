/**
 * The typed client: methods and their types come from the functions' definitions, which are imported as types only,
 * so it has nothing of the server in it. Works in browsers, Node and Workers.
 *
 *     const nlp = createClient<typeof functions>({ baseUrl: 'http://localhost:8787' })
 *     const { results } = await nlp.sentiment('What a film!')
 *     const { masks } = (await nlp.fillMask('So [MASK]!')).results[0]
 *     await nlp.classifiers.remove({ name: 'support' })
 *     for await (const { text } of nlp.translate.stream({ text: letter, target: 'de' })) show(text)
 */
import type * as z from 'zod'
import type { EdgewiseFunction, TextPart } from '../function.ts'
import { failureOf, NetworkError, RequestError } from './errors.ts'
import { readEvents } from './events.ts'
import { withRetries } from './retry.ts'

export { type Embedding, similarity } from '../similarity.ts'
export {
  ConflictError,
  InvalidInputError,
  NetworkError,
  NotFoundError,
  RateLimitError,
  RequestError,
  UnauthorizedError,
  UnavailableError,
} from './errors.ts'

export interface ClientOptions {
  /** Where the service is, with or without a trailing slash. */
  baseUrl: string
  /** Sent as `Authorization: Bearer …`. */
  apiKey?: string | undefined
  /** Sent with each request. */
  headers?: Record<string, string>
  /** Replaces the global fetch, say by a service binding's. */
  fetch?: typeof fetch
  /** How often a request is sent again after a 429, a 503 or a failure of the network; 2 unless told otherwise. */
  retries?: number
  /** Milliseconds that a retry waits at most, also where Retry-After asks for more; 30,000 unless told otherwise. */
  maxRetryDelay?: number
}

export interface CallOptions {
  signal?: AbortSignal
}

type Input<F> = F extends { input: infer I extends z.ZodType } ? z.input<I> : never
type Output<F> = F extends { output: infer O extends z.ZodType } ? z.output<O> : never
type Primary<F> = F extends { primary: infer P extends string } ? Input<F>[P & keyof Input<F>] : never

type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name

interface Route {
  method: 'get' | 'delete' | 'post'
  path: '' | `/:name${string}`
  input?: z.ZodType
  output: z.ZodType
}

/** Names of routes that delete. The client has no definitions at run time: a route's name tells its method. */
type Deletes = `remove${string}` | `delete${string}`

type RouteCall<R extends Route> = R['path'] extends ''
  ? (options?: CallOptions) => Promise<z.output<R['output']>>
  : (
      parameters: { name: string } & (R extends { input: infer I extends z.ZodType } ? z.input<I> : unknown),
      options?: CallOptions,
    ) => Promise<z.output<R['output']>>

/** The method that a route of a name has: what takes more than a name posts. */
type MethodOf<Name, R> = Name extends Deletes ? 'delete' : R extends { input: z.ZodType } ? 'post' : 'get'

/** A route whose name does not tell its method has none in the client: it would ask for something else. */
type RouteCalls<F> = F extends { routes?: infer Routes }
  ? {
      [K in keyof Routes as string extends K
        ? never
        : Routes[K] extends Route & { method: MethodOf<K, Routes[K]> }
          ? K
          : never]: Routes[K] extends Route ? RouteCall<Routes[K]> : never
    }
  : unknown

/** Of a function whose answers can come in parts: its text as it is written; the answer is returned. */
type StreamCall<F> =
  Input<F> extends { stream?: boolean | undefined }
    ? {
        stream(input: Input<F>, options?: CallOptions): AsyncGenerator<TextPart, Output<F>, void>
      }
    : unknown

/** One method a function, which has a method itself for each of its routes. */
type Method<F> = ((input: Input<F> | Primary<F>, options?: CallOptions) => Promise<Output<F>>) &
  RouteCalls<F> &
  StreamCall<F>

/** One method a function: takes the whole input, or what its primary field takes. Also `fillMask` for `fill-mask`. */
export type Client<Functions extends readonly unknown[]> = {
  [F in Functions[number] as F extends { name: infer N extends string } ? N | Camel<N> : never]: Method<F>
}

/**
 * Makes a client of a service. A stream that has begun is not restarted.
 * @throws RequestError or one of its kinds from each method; an aborted call rejects with the signal's reason
 */
export function createClient<Functions extends readonly EdgewiseFunction[]>({
  baseUrl,
  apiKey,
  headers = {},
  fetch: send = fetch,
  retries = 2,
  maxRetryDelay = 30_000,
}: ClientOptions): Client<Functions> {
  /** @param read takes the answer out of the response; where the connection breaks meanwhile, all is tried again */
  const request = async <Answer>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    input: unknown,
    { signal }: CallOptions = {},
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> => {
    const sent = new Headers(headers)
    if (apiKey) sent.set('authorization', `Bearer ${apiKey}`)
    if (method === 'POST') sent.set('content-type', 'application/json')
    const init = {
      method,
      headers: sent,
      ...(method === 'POST' && { body: JSON.stringify(input) }),
      ...(signal && { signal }),
    }
    const tried = async () => {
      try {
        const response = await send(`${baseUrl.replace(/\/$/, '')}/v1/${path}`, init)
        if (response.ok) return await read(response)
        throw failureOf(response, parsed(await response.text()), baseUrl)
      } catch (cause) {
        if (cause instanceof RequestError) throw cause
        const message = `${baseUrl} did not answer.`
        throw new NetworkError('network', 0, message, 'Check the address and the network.', { cause })
      }
    }
    return await withRetries(tried, { retries, most: maxRetryDelay, signal })
  }

  const call = (...[method, path, input, options]: CallParameters): Promise<unknown> =>
    request(method, path, input, options, async (response) => {
      const answer = parsed(await response.text())
      if (answer === undefined) throw failureOf(response, undefined, baseUrl)
      return answer
    })

  async function* stream(fn: string, input: object, { signal }: CallOptions = {}) {
    const response = await request(
      'POST',
      fn,
      { ...input, stream: true },
      signal && { signal },
      async (response) => response,
    )
    const brokenOff = (cause?: unknown) =>
      new NetworkError(
        'network',
        response.status,
        `The answer of ${baseUrl} broke off.`,
        'Send the request again.',
        { cause, requestId: response.headers.get('x-request-id') ?? undefined },
      )
    try {
      for await (const { event, data } of readEvents(response.body!)) {
        const value: unknown = JSON.parse(data)
        if (event === 'end') return value
        if (event === 'error') throw failureOf(response, value, baseUrl)
        if (event === 'text') yield value as TextPart
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw error instanceof RequestError ? error : brokenOff(error)
    }
    throw brokenOff()
  }

  const routeOf = (fn: string, route: string) => {
    const method = /^(remove|delete)/.test(route) ? 'DELETE' : 'GET'
    return (first?: { name: string } | CallOptions, second?: CallOptions) => {
      if (!(first && 'name' in first)) return call(method, fn, undefined, first)
      const { name, ...input } = first
      const path = `${fn}/${encodeURIComponent(name)}`
      return Object.keys(input).length > 0
        ? call('POST', `${path}/${route}`, input, second)
        : call(method, path, undefined, second)
    }
  }
  const methodOf = (name: string) => {
    const fn = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    const method = (input: unknown, options?: CallOptions) => call('POST', fn, input, options)
    return new Proxy(method, {
      get: (target, route) => {
        if (!isName(route) || route in target) return Reflect.get(target, route)
        return route === 'stream'
          ? (input: object, options?: CallOptions) => stream(fn, input, options)
          : routeOf(fn, route)
      },
    })
  }
  return new Proxy({} as Client<Functions>, {
    get: (_, name) => (isName(name) ? methodOf(name) : undefined),
  })
}

type CallParameters = [
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  input: unknown,
  options: CallOptions | undefined,
]

/** JSON's value; undefined where it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A promise looks for `then`, JSON for `toJSON`: nothing here must pass for either. */
const isName = (key: string | symbol): key is string =>
  typeof key === 'string' && key !== 'then' && key !== 'toJSON'

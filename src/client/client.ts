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
import type { ErrorBody, ErrorCode } from '../errors.ts'
import type { EdgewiseFunction, TextPart } from '../function.ts'

export { type Embedding, similarity } from '../similarity.ts'

export interface ClientOptions {
  /** Where the service is, with or without a trailing slash. */
  baseUrl: string
  /** Sent with each request, say for authorization. */
  headers?: Record<string, string>
  /** Replaces the global fetch, say by a service binding's. */
  fetch?: typeof fetch
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

/** A request that failed: `code` is the service's, or `network` when no answer of the service came. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: ErrorCode | 'network'
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  readonly hint: string

  constructor(
    code: ErrorCode | 'network',
    status: number,
    message: string,
    hint: string,
    options?: { cause?: unknown },
  ) {
    super(message, options)
    this.code = code
    this.status = status
    this.hint = hint
  }
}

/**
 * Makes a client of a service.
 * @throws RequestError from each method; an aborted call rejects with the signal's reason
 */
export function createClient<Functions extends readonly EdgewiseFunction[]>({
  baseUrl,
  headers = {},
  fetch: send = fetch,
}: ClientOptions): Client<Functions> {
  const request = async (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    input: unknown,
    { signal }: CallOptions = {},
  ): Promise<Response> => {
    const json = method === 'POST' && { 'content-type': 'application/json' }
    try {
      return await send(`${baseUrl.replace(/\/$/, '')}/v1/${path}`, {
        method,
        headers: { ...json, ...headers },
        ...(json && { body: JSON.stringify(input) }),
        ...(signal && { signal }),
      })
    } catch (cause) {
      if (signal?.aborted) throw signal.reason
      throw new RequestError(
        'network',
        0,
        `${baseUrl} did not answer.`,
        'Check the address and the network.',
        {
          cause,
        },
      )
    }
  }

  /** The body of an answer. @throws RequestError where it is none */
  const answerOf = async (response: Response): Promise<unknown> => {
    const body: unknown = await response.json().catch(() => undefined)
    if (response.ok && body !== undefined) return body
    throw failure(response, body)
  }

  const failure = (response: Response, body: unknown): RequestError => {
    const error = (body as Partial<ErrorBody> | undefined)?.error
    if (!error)
      return new RequestError(
        'network',
        response.status,
        `${baseUrl} answered ${response.status} without an answer of edgewise.`,
        'Check that the address is that of an edgewise service.',
      )
    return new RequestError(error.code, response.status, error.message, error.hint)
  }

  const call = async (...[method, path, input, options]: Parameters<typeof request>): Promise<unknown> =>
    await answerOf(await request(method, path, input, options))

  async function* stream(fn: string, input: object, options?: CallOptions) {
    const response = await request('POST', fn, { ...input, stream: true }, options)
    if (!response.ok || !response.body) return await answerOf(response)
    const events = response.body.pipeThrough(new TextDecoderStream())
    let rest = ''
    try {
      for await (const text of events) {
        const parts = (rest + text).split('\n\n')
        rest = parts.pop()!
        for (const part of parts) {
          const [, event, data] = part.match(/^event: (.*)\ndata: (.*)$/)!
          const value: unknown = JSON.parse(data!)
          if (event === 'end') return value
          if (event === 'error') throw failure(response, value)
          yield value as TextPart
        }
      }
    } catch (error) {
      if (options?.signal?.aborted) throw options.signal.reason
      throw error
    }
    throw failure(response, undefined)
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

/** A promise looks for `then`, JSON for `toJSON`: nothing here must pass for either. */
const isName = (key: string | symbol): key is string =>
  typeof key === 'string' && key !== 'then' && key !== 'toJSON'

/**
 * The typed client: methods and their types come from the functions' definitions, which are imported as types only,
 * so it has nothing of the server in it. Works in browsers, Node and Workers.
 *
 *     const nlp = createClient<typeof functions>({ baseUrl: 'http://localhost:8787' })
 *     const { results } = await nlp.sentiment('What a film!')
 */
import type * as z from 'zod'
import type { ErrorBody, ErrorCode } from '../errors.ts'
import type { EdgewiseFunction } from '../function.ts'

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

/** One method a function: takes the whole input, or what its primary field takes. */
export type Client<Functions extends readonly unknown[]> = {
  [F in Functions[number] as F extends { name: infer N extends string } ? N : never]: (
    input: Input<F> | Primary<F>,
    options?: CallOptions,
  ) => Promise<Output<F>>
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
  const call = async (name: string, input: unknown, { signal }: CallOptions = {}): Promise<unknown> => {
    let response: Response
    try {
      response = await send(`${baseUrl.replace(/\/$/, '')}/v1/${name}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(input),
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
    const body: unknown = await response.json().catch(() => undefined)
    if (response.ok && body !== undefined) return body
    const error = (body as Partial<ErrorBody> | undefined)?.error
    if (!error)
      throw new RequestError(
        'network',
        response.status,
        `${baseUrl} answered ${response.status} without an answer of edgewise.`,
        'Check that the address is that of an edgewise service.',
      )
    throw new RequestError(error.code, response.status, error.message, error.hint)
  }
  return new Proxy({} as Client<Functions>, {
    get: (_, name) =>
      // A promise looks for `then`: the client must not pass for one.
      typeof name === 'string' && name !== 'then'
        ? (input: unknown, options?: CallOptions) => call(name, input, options)
        : undefined,
  })
}

/**
 * A service binding to a Worker of edgewise, as another Worker sees it. Its types come from the functions' definitions,
 * which are imported as types only:
 *
 *     interface Env { NLP: ServiceBinding<typeof functions> }
 *     const { results } = await env.NLP.sentiment('What a film!')
 */
import type * as z from 'zod'
import { EdgewiseError, ERROR_STATUS, type ErrorCode } from './errors.ts'

type Input<F> = F extends { input: infer I extends z.ZodType } ? z.input<I> : never
type Output<F> = F extends { output: infer O extends z.ZodType } ? z.output<O> : never
type Primary<F> = F extends { primary: infer P extends string } ? Input<F>[P & keyof Input<F>] : never

/** The name of a method: fillMask of fill-mask. */
export type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name

type NameOf<F> = F extends { name: infer Name extends string } ? Name : never

/** What a call takes: the whole input, or what its primary field takes. Whether it streams, its name tells. */
type Given<F> = Omit<Input<F>, 'stream'> | Primary<F>

declare const answer: unique symbol

/**
 * The bytes of server-sent events, as POST /v1/NAME sends them with `stream`: they can be the body of a response as they
 * are, and partsOf() reads them.
 */
export type EventStream<Answer> = ReadableStream<Uint8Array> & { readonly [answer]?: Answer }

type Streams<F> = Input<F> extends { stream?: boolean | undefined } ? F : never

interface Route {
  path: string
  input?: z.ZodType
  output: z.ZodType
}

type RouteCall<R extends Route> = R['path'] extends ''
  ? () => Promise<z.output<R['output']>>
  : R extends { input: infer I extends z.ZodType }
    ? (input: { name: string } & z.input<I>) => Promise<z.output<R['output']>>
    : (input: { name: string } | string) => Promise<z.output<R['output']>>

type Routes<F> = F extends { routes?: infer All }
  ? {
      [K in keyof All & string as string extends K
        ? never
        : `${Camel<NameOf<F>>}${Capitalize<K>}`]: RouteCall<Extract<All[K], Route>>
    }
  : unknown

type Merged<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer All) => void
  ? All
  : never

/**
 * One method a function, in camel case and as the function is called (`fillMask`, `fill-mask`); `translateStream` of a
 * function whose text can come in parts; `classifiersList` of a function's route; `fetch`, which serves HTTP.
 *
 * Methods reject with an Error that rpcError() reads.
 */
export type ServiceBinding<Functions extends readonly unknown[]> = {
  [F in Functions[number] as NameOf<F> | Camel<NameOf<F>>]: (input: Given<F>) => Promise<Output<F>>
} & {
  [F in Functions[number] as `${Camel<NameOf<Streams<F>>>}Stream`]: (
    input: Given<F>,
  ) => Promise<EventStream<Output<F>>>
} & Merged<Functions[number] extends infer F ? (F extends unknown ? Routes<F> : never) : never> & {
    fetch: typeof fetch
  }

/**
 * An error as it crosses from one Worker to another: without cause, prototype and anything of the inside. Its code and hint
 * are in the message too, which is all that is left of it where a Worker on its way has a compatibility date before
 * 2026-04-21, when the flag enhanced_error_serialization became the default.
 */
export const crossing = ({ name, message, code, status, hint }: EdgewiseError): Error =>
  Object.assign(new Error(`${message} [${code}] ${hint}`), { name, code, status, hint })

/** The service's error behind what a method rejected with; undefined where it is none of the service. */
export function rpcError(error: unknown): EdgewiseError | undefined {
  const text = error instanceof Error ? error.message : ''
  const [, message, code = '', hint] = text.match(/^(?:EdgewiseError: )?(.*) \[(\w+)\] (.*)$/s) ?? []
  if (!Object.hasOwn(ERROR_STATUS, code)) return undefined
  return new EdgewiseError(code as ErrorCode, message!, hint!, { cause: error })
}

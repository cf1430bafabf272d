/** What routes have in common: input that is checked, and functions that run for a request. */
import type { Context, Hono } from 'hono'
import type * as z from 'zod'
import type { EdgewiseError } from '../errors.ts'
import type { EdgewiseFunction, FunctionContext, TextPart } from '../function.ts'
import { inputError } from './errors.ts'

type Input<F extends EdgewiseFunction> = z.input<F['input']>
type Output<F extends EdgewiseFunction> = z.output<F['output']>

/** A text that is being written. */
export interface Writing<Answer = unknown> {
  /** Its parts; the answer is returned. */
  parts: AsyncGenerator<TextPart, Answer, void>
  /** Ends the work, when the reader goes away. */
  abort(): void
}

/** What is read of a request's context: Hono's has it, and so has a call of an RPC method. */
export interface Call {
  executionCtx: { waitUntil(promise: Promise<unknown>): void }
}

/** The functions of a Worker, run for requests. */
export interface Service<C extends Call = Context> {
  functions: readonly EdgewiseFunction[]
  /** The function of a name, where this Worker has it. */
  find<F extends EdgewiseFunction>(name: F['name']): F | undefined
  context(c: C): FunctionContext
  /** @throws EdgewiseError `invalid_input`, and what the function throws */
  run<F extends EdgewiseFunction>(fn: F, input: Input<F>, c: C): Promise<Output<F>>
  /** Of a function that streams. @throws EdgewiseError `invalid_input`; its parts throw what the function throws */
  write<F extends EdgewiseFunction>(fn: F, input: Input<F>, c: C): Writing<Output<F>>
}

/** Another service's protocol, spoken by the same functions: its clients work by changing one address. */
export interface Dialect {
  /** The tag of its routes in the reference. */
  tag: { name: string; description: string }
  /** Its routes, those whose functions the service has. */
  routes(service: Service): Hono
  /** The API key of a request that has none in its header, where its clients put it elsewhere. */
  key?(c: Context): Promise<string | undefined>
  /** The path that another one of its protocol's stands for; one that is none of its own as it is. */
  path?(path: string): string
  /**
   * Writes an error as that service does, of its routes and of what is refused before it reaches one, by its key, size or
   * method. Undefined where the path is none of its own.
   */
  error?(error: EdgewiseError, c: Context): Response | undefined
}

/** @param contextOf what functions are handed for a request */
export function createService<C extends Call = Context>(
  functions: readonly EdgewiseFunction[],
  contextOf: (c: C) => FunctionContext,
): Service<C> {
  const parse = (fn: EdgewiseFunction, given: unknown) => {
    const input = fn.input.safeParse(given)
    if (input.success) return input.data
    throw inputError(input.error, `See POST /v1/${fn.name} in /reference for the fields.`)
  }
  return {
    functions,
    find: <F extends EdgewiseFunction>(name: F['name']) => functions.find((fn) => fn.name === name) as F,
    context: contextOf,
    async run<F extends EdgewiseFunction>(fn: F, input: Input<F>, c: C) {
      const answer = fn.run(parse(fn, input), contextOf(c))
      keepAlive(c, answer)
      return (await answer) as Output<F>
    },
    write<F extends EdgewiseFunction>(fn: F, input: Input<F>, c: C) {
      const reader = new AbortController()
      const context = contextOf(c)
      const signal = AbortSignal.any([context.signal, reader.signal])
      const parts = fn.stream!(parse(fn, input), { ...context, signal }) as Writing<Output<F>>['parts']
      return { parts: keptAlive(c, parts), abort: () => reader.abort() }
    },
  }
}

/** Parts whose first, for which a model is loaded, is computed even when its client has gone. */
async function* keptAlive<Answer>(c: Call, parts: Writing<Answer>['parts']): Writing<Answer>['parts'] {
  try {
    const first = parts.next()
    keepAlive(c, first)
    let next = await first
    for (; !next.done; next = await parts.next()) yield next.value
    return next.value
  } finally {
    await parts.return(undefined as Answer)
  }
}

/**
 * Lets an answer finish after its client has gone. Loading a model is shared by all who wait for it, and a runtime
 * that drops the first request's I/O would leave the others waiting for ever.
 */
export function keepAlive(c: Call, answer: Promise<unknown>): void {
  const settled = answer.catch(() => undefined)
  try {
    c.executionCtx.waitUntil(settled)
  } catch {
    // Outside a Worker there is no execution context, and nothing to keep alive.
  }
}

/**
 * A function is defined once; the HTTP route, OpenAPI document, client method, CLI command, page and eval are
 * derived from that definition. Adding a task is one folder in functions/ and one line in functions/index.ts.
 */
import type * as z from 'zod'
import type { ClassifierStore } from './classifier/store.ts'
import type { Runtime } from './runtime/runtime.ts'

/** What a function is handed besides its input. */
export interface FunctionContext {
  runtime: Runtime
  /** Aborted when the caller goes away; functions check it between forward passes. */
  signal: AbortSignal
  /** Trained classifiers; absent where the service has no place to keep them. */
  classifiers?: ClassifierStore
}

/** A route beside a function's own, for what lies in storage: GET or DELETE /v1/FUNCTION or /v1/FUNCTION/NAME. */
export interface FunctionRoute {
  method: 'get' | 'delete' | 'post'
  /** Of the path behind /v1/FUNCTION; a route that posts has its own name behind NAME. */
  path: '' | '/:name' | `/:name/${string}`
  /** One line, imperative. */
  summary: string
  /** Of a route that posts: its body. */
  input?: z.ZodObject
  output: z.ZodObject
  /** A name and a body that it answers, once the function's own examples have been run; tested as written. */
  example?: { name: string; input?: Record<string, unknown> }
  /** @param input the body, as `input` has parsed it */
  run(
    parameters: { name: string },
    context: FunctionContext,
    input: Record<string, unknown>,
  ): Promise<unknown>
}

/** A part of an answer that is still being written. */
export interface TextPart {
  /** Of the text, where there are many. */
  index: number
  /** What it adds to what has been written of that text. */
  text: string
  /** Of its tokens, where asked for. */
  logprobs?: TokenLogprob[]
}

/** How likely a token was, by the model's own log-probability; `top` are the likeliest at its place. */
export interface TokenLogprob {
  token: string
  /** Of the token in the vocabulary. */
  id: number
  logprob: number
  top?: { token: string; id: number; logprob: number }[] | undefined
}

export interface EdgewiseFunction<
  Name extends string = string,
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodObject = z.ZodObject,
  Primary extends keyof z.input<Input> & string = keyof z.input<Input> & string,
  Routes extends Record<string, FunctionRoute> = Record<string, FunctionRoute>,
> {
  /** Route (`/v1/NAME`), CLI command and client method. */
  name: Name
  /** One line, imperative: the OpenAPI summary and the CLI help. */
  summary: string
  /** Markdown paragraph for the reference page. */
  description: string
  /** Default model: a name in models/catalog.json; absent where none is needed. */
  model?: string
  /** Further models of the catalog that some inputs ask for: what is deployed with the function beside `model`. */
  furtherModels?: readonly string[]
  /** Bindings of the Worker that it wants beside ASSETS. */
  bindings?: readonly 'CLASSIFIERS'[]
  /** The field of the input that a bare string stands for: CLI argument, client's first argument, page's text box. */
  primary: Primary
  input: Input
  output: Output
  /** Inputs shown in the reference page and in the playground; tested as written. */
  examples: { title: string; input: z.input<Input> }[]
  run(input: z.output<Input>, context: FunctionContext): Promise<z.output<Output>>
  /**
   * The same with its text as it comes; the answer is returned. The route answers with server-sent events where the
   * input's `stream` is true. It stops within one token once the context's signal is aborted.
   */
  stream?(input: z.output<Input>, context: FunctionContext): AsyncGenerator<TextPart, z.output<Output>, void>
  /** Further routes by the names of the client's methods: client.FUNCTION.NAME(). */
  routes?: Routes
}

/** Types a function's definition; the value is returned as it is. */
export function defineFunction<
  Name extends string,
  Input extends z.ZodObject,
  Output extends z.ZodObject,
  Primary extends keyof z.input<Input> & string,
  Routes extends Record<string, FunctionRoute> = Record<never, FunctionRoute>,
>(
  definition: EdgewiseFunction<Name, Input, Output, Primary, Routes>,
): EdgewiseFunction<Name, Input, Output, Primary, Routes> {
  return definition
}

/** A function's name where names have no hyphen: fillMask of fill-mask. */
export const camelCase = (name: string): string =>
  name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())

/** What a stream returns at its end. */
export async function drain<Output>(parts: AsyncGenerator<TextPart, Output, void>): Promise<Output> {
  let next = await parts.next()
  while (!next.done) next = await parts.next()
  return next.value
}

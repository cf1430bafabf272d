/**
 * A function is defined once; the HTTP route, OpenAPI document, client method, CLI command, page and eval are
 * derived from that definition. Adding a task is one folder in functions/ and one line in functions/index.ts.
 */
import type * as z from 'zod'
import type { Runtime } from './runtime/runtime.ts'

/** What a function is handed besides its input. */
export interface FunctionContext {
  runtime: Runtime
  /** Aborted when the caller goes away; functions check it between forward passes. */
  signal: AbortSignal
}

export interface EdgewiseFunction<
  Name extends string = string,
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodObject = z.ZodObject,
  Primary extends keyof z.input<Input> & string = keyof z.input<Input> & string,
> {
  /** Route (`/v1/NAME`), CLI command and client method. */
  name: Name
  /** One line, imperative: the OpenAPI summary and the CLI help. */
  summary: string
  /** Markdown paragraph for the reference page. */
  description: string
  /** Default model: a name in models/catalog.json. */
  model: string
  /** The field of the input that a bare string stands for: CLI argument, client's first argument, page's text box. */
  primary: Primary
  input: Input
  output: Output
  /** Inputs shown in the reference page and in the playground; tested as written. */
  examples: { title: string; input: z.input<Input> }[]
  run(input: z.output<Input>, context: FunctionContext): Promise<z.output<Output>>
}

/** Types a function's definition; the value is returned as it is. */
export function defineFunction<
  Name extends string,
  Input extends z.ZodObject,
  Output extends z.ZodObject,
  Primary extends keyof z.input<Input> & string,
>(
  definition: EdgewiseFunction<Name, Input, Output, Primary>,
): EdgewiseFunction<Name, Input, Output, Primary> {
  return definition
}

/** What the tasks of Hugging Face's API have in common (https://huggingface.co/docs/inference-providers/tasks/index). */
import type { Context } from 'hono'
import * as z from 'zod'
import type { ModelInfo } from '../../../runtime/runtime.ts'
import type { Tokenizer } from '../../../text/tokenizer.ts'
import type { Service } from '../../service.ts'

export interface Task<Request extends z.ZodObject = z.ZodObject> {
  /** As Hugging Face calls it: text-classification. */
  name: string
  /** One line, imperative. */
  summary: string
  /** Markdown, for the reference page. */
  description?: string
  /** The function that a Worker must have for it. */
  function: string
  /** What the models that do it are catalogued as. */
  models: readonly string[]
  request: Request
  answer: z.ZodType
  example: { model: string; body: z.input<Request> }
  /** The answer, or a response where it is not JSON. @throws EdgewiseError as the function does */
  run(request: z.output<Request>, model: ModelInfo, service: Service, c: Context): Promise<object>
}

/** Types a task's definition. */
export const defineTask = <Request extends z.ZodObject>(task: Task<Request>): Task => task as never

/** A body: inputs, and parameters that must be known. */
export const requestOf = <Inputs extends z.ZodType, Parameters extends z.ZodRawShape>(
  inputs: Inputs,
  parameters: Parameters,
) =>
  z.strictObject({
    inputs,
    parameters: z.strictObject(parameters).prefault({} as never),
    options: z
      .looseObject({})
      .optional()
      .describe('Not looked at: there is no cache to use and no model to wait for'),
  })

/**
 * A parameter of Hugging Face's that is refused, since an answer that ignores it would be another one.
 * @param harmless values that ask for nothing
 */
export const unsupported = (why: string, ...harmless: readonly unknown[]) =>
  z
    .unknown()
    .refine((value) => value === undefined || harmless.includes(value), `is not supported: ${why}`)
    .optional()
    .describe(`Not supported: ${why}`)

/** A parameter that makes no difference here, whatever it says. */
export const withoutEffect = (type: z.ZodType, why: string) =>
  type.optional().describe(`Without effect: ${why}`)

/** One answer where there was one text, else a list in the order of the texts. */
export const oneOrMany = <Answer>(
  inputs: string | readonly string[],
  answers: Answer[],
): Answer | Answer[] => (typeof inputs === 'string' ? answers[0]! : answers)

/** The first or the last tokens of a text; the text as it is where it has no more. */
export function truncate(
  text: string,
  most: number,
  keep: 'first' | 'last',
  tokenizer: Pick<Tokenizer, 'encode'>,
): string {
  const { offsets } = tokenizer.encode(text, { offsets: true })
  const cut = (count: number) =>
    keep === 'first' ? text.slice(0, offsets[count - 1]![1]) : text.slice(offsets.at(-count)![0])
  if (offsets.length <= most) return text
  // A part of a word may take more tokens alone than within its text.
  let count = most
  while (count > 1 && tokenizer.encode(cut(count)).ids.length > most) count--
  return cut(count)
}

/** What functions that write have in common: one text from a generator, part by part, and what is told of it. */
import * as z from 'zod'
import type { TextOptions } from '../../src/backends/generator.ts'
import type { TextPart } from '../../src/function.ts'
import type { Generator } from '../../src/runtime/runtime.ts'

const logprob = z.object({ token: z.string(), id: z.int(), logprob: z.number() })

export const completion = z.object({
  text: z.string(),
  finishReason: z
    .enum(['stop', 'length', 'time'])
    .describe('The model or a stop string ended it; the tokens were used up; the time was'),
  stopString: z.string().optional().describe('The one that ended it'),
  score: z.number().optional().describe('Of a beam: its log-probability divided by its length'),
  logprobs: z
    .array(logprob.extend({ top: z.array(logprob).optional() }))
    .optional()
    .describe('Of each token, where asked for'),
})

export type Completion = z.output<typeof completion>

export const usage = z.object({
  promptTokens: z.int().describe('Tokens read'),
  completionTokens: z.int().describe('Tokens written'),
})

export interface Written {
  completions: Completion[]
  usage: z.output<typeof usage>
}

/** Writes one text, or the texts of one beam search. @throws EdgewiseError as Generator.generate() */
export async function* write(
  generator: Generator,
  prompt: string | ArrayLike<number>,
  { index, ...options }: TextOptions & { index: number },
): AsyncGenerator<TextPart, Written, void> {
  const tokenOf = (id: number) => generator.tokenizer.decode([id], { special: true })
  const logprobs: NonNullable<Completion['logprobs']> = []
  let sent = 0
  let text = ''
  const told = { ...options, logprobs: options.logprobs || (options.topLogprobs ?? 0) > 0 }
  for await (const event of generator.generate(prompt, told)) {
    if (event.type === 'token' && event.logprob !== undefined)
      logprobs.push({
        token: tokenOf(event.id),
        id: event.id,
        logprob: event.logprob,
        ...(event.topLogprobs && {
          top: event.topLogprobs.map(({ id, logprob }) => ({ token: tokenOf(id), id, logprob })),
        }),
      })
    if (event.text !== '') {
      const own = logprobs.slice(sent)
      sent = logprobs.length
      yield { index, text: event.text, ...(own.length > 0 && { logprobs: own }) }
    }
    text += event.text
    if (event.type === 'token') continue
    const { hypotheses, finishReason, stopString } = event // 'abort' is thrown, not told
    const usage = { promptTokens: event.usage.promptTokens, completionTokens: event.usage.completionTokens }
    const completions = hypotheses
      ? hypotheses.map(({ ids, score, finishReason }) => ({
          text: generator.tokenizer.decode(ids),
          finishReason: finishReason as Completion['finishReason'],
          score,
        }))
      : [
          {
            text,
            finishReason: finishReason as Completion['finishReason'],
            ...(stopString !== undefined && { stopString }),
            ...(logprobs.length > 0 && { logprobs }),
          },
        ]
    return { completions, usage }
  }
  throw new Error('A generator ended without its last event.')
}

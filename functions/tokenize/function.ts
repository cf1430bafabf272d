/** Tokens: a text as a model's tokenizer cuts it, with offsets, and back. Only the tokenizer is loaded. */
import * as z from 'zod'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction } from '../../src/function.ts'
import { modelName, modelUsed, offset, textList, texts } from '../../src/texts.ts'

const MAX_IDS = 50_000

const token = z.object({
  token: z.string().describe('As the vocabulary writes it'),
  id: z.int(),
  start: offset.describe('`text.slice(start, end)` is what the token stands for; empty for a special token'),
  end: offset,
})

export const tokenize = defineFunction({
  name: 'tokenize',
  summary: 'Cut a text into tokens, or put tokens together again',
  description:
    "Gives the tokens of a text as one of the models reads it, with each token's id and its place in the text; or the " +
    'text of given ids. Says how many tokens a text takes, and so whether it fits a context.',
  model: 'encoder',
  primary: 'text',
  input: z
    .strictObject({
      text: texts.optional().describe('A text, or up to 64 of them'),
      ids: z
        .array(z.int().min(0))
        .min(1)
        .max(MAX_IDS)
        .optional()
        .describe('Ids to decode, in place of a text'),
      special: z
        .boolean()
        .default(false)
        .describe('Also the special tokens that the model wants around a text'),
      model: modelName('encoder'),
    })
    .refine(({ text, ids }) => (text === undefined) !== (ids === undefined), 'give either text or ids'),
  output: z.object({
    results: z
      .array(z.object({ tokens: z.array(token), count: z.int() }))
      .optional()
      .describe('Of texts: one result each, in their order'),
    text: z.string().optional().describe('Of ids: what they spell'),
    model: modelUsed,
    tokens: z.int().describe('Tokens in all'),
  }),
  examples: [
    { title: 'A text', input: { text: 'Edge workers have no GPU, unfortunately.' } },
    { title: 'Two texts', input: { text: ['Hello!', 'Transformers everywhere'], special: true } },
  ],
  async run({ text, ids, special, model }, { runtime, signal }) {
    const { name, revision, tokenizer } = await runtime.tokenizer(model, signal)
    const used = { name, revision }
    if (ids) {
      const outside = ids.find((id) => id >= tokenizer.vocabularySize)
      if (outside !== undefined)
        throw new EdgewiseError(
          'invalid_input',
          `ids: ${outside} is not in the vocabulary of "${name}".`,
          `Ids go from 0 to ${tokenizer.vocabularySize - 1}.`,
        )
      return { text: tokenizer.decode(ids, { special }), model: used, tokens: ids.length }
    }
    const results = textList(text!).map((text) => {
      const { ids, offsets } = tokenizer.encode(text, { offsets: true })
      const wrapped = special ? tokenizer.wrap(ids).inputIds : ids
      // The template puts its tokens around the text's.
      const before = special ? firstOf(wrapped, ids) : 0
      const tokens = wrapped.map((id, i) => {
        const [start, end] = offsets[i - before] ?? (i < before ? [0, 0] : [text.length, text.length])
        return { token: tokenizer.tokenOf(id) ?? '', id, start, end }
      })
      return { tokens, count: tokens.length }
    })
    return { results, model: used, tokens: results.reduce((sum, { count }) => sum + count, 0) }
  },
})

/** Where a text's ids begin within the template. */
function firstOf(wrapped: number[], ids: number[]): number {
  for (let at = 0; at + ids.length <= wrapped.length; at++)
    if (ids.every((id, i) => wrapped[at + i] === id)) return at
  return 0
}

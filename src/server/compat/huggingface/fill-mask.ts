/** fill-mask. */
import * as z from 'zod'
import type { fillMask as fillMaskFunction } from '../../../../functions/fill-mask/function.ts'
import { texts } from '../../../texts.ts'
import { defineTask, oneOrMany, requestOf } from './task.ts'

const filled = z
  .array(
    z.object({
      sequence: z.string().describe('The text with the word in the place of the mask'),
      score: z.number(),
      token: z.int(),
      token_str: z.string(),
    }),
  )
  .describe('The likeliest first')

export const fillMask = defineTask({
  name: 'fill-mask',
  summary: 'Guess the words behind [MASK] in a text',
  function: 'fill-mask',
  models: ['fill-mask'],
  request: requestOf(texts.describe('A text with at least one [MASK], or up to 64 of them'), {
    top_k: z.int().min(1).max(100).optional().describe('How many words a mask; 5 unless given'),
    targets: z
      .union([
        z.array(z.string().min(1)),
        z
          .string()
          .min(1)
          .transform((one) => [one]),
      ])
      .optional()
      .describe('Words to choose among, each one token of the vocabulary'),
  }),
  answer: z
    .union([filled, z.array(filled), z.array(z.array(filled))])
    .describe(
      'A list of words; a list of such lists where the text has several masks, or there are several texts',
    ),
  example: {
    model: 'encoder',
    body: { inputs: 'The movie was so [MASK] that I fell asleep.', parameters: { top_k: 2 } },
  },
  async run({ inputs, parameters: { top_k, targets } }, model, service, c) {
    const fn = service.find<typeof fillMaskFunction>('fill-mask')!
    const { results } = await service.run(fn, { text: inputs, topK: top_k, targets, model: model.name }, c)
    return oneOrMany(
      inputs,
      results.map(({ masks }) => {
        const lists = masks.map(({ predictions }) =>
          predictions.map(({ sequence, score, id, token }) => ({
            sequence,
            score,
            token: id,
            token_str: token,
          })),
        )
        return lists.length === 1 ? lists[0]! : lists
      }),
    )
  },
})

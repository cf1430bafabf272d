/** summarization. */
import * as z from 'zod'
import type { summarize } from '../../../../functions/summarize/function.ts'
import { texts } from '../../../texts.ts'
import { defineTask, requestOf, unsupported, withoutEffect } from './task.ts'

/** Words that a token stands for, in English text: near enough. */
const WORDS_A_TOKEN = 0.75

const length = z.int().min(1)
const fields = {
  max_length: length
    .optional()
    .describe('Most tokens, three quarters of a word each; the first sentence always stays'),
  max_new_tokens: length.optional().describe('As max_length'),
  min_length: unsupported('a summary is as long as what it says', 0),
  num_beams: z.int().min(1).max(8).optional().describe('Of a model that writes'),
}

export const summarization = defineTask({
  name: 'summarization',
  summary: 'Summarize English texts',
  description:
    'A model of embeddings answers with the sentences that say most of a text; an encoder-decoder writes.',
  function: 'summarize',
  models: ['summarization', 'text2text-generation', 'sentence-similarity', 'feature-extraction'],
  request: requestOf(texts.describe('A text, or up to 64 of them'), {
    ...fields,
    generate_parameters: z.strictObject(fields).optional(),
    truncation: withoutEffect(
      z.enum(['do_not_truncate', 'longest_first', 'only_first', 'only_second']),
      'a long text is read whole, part by part',
    ),
    clean_up_tokenization_spaces: withoutEffect(z.boolean(), 'there are none to clean up'),
  }),
  answer: z.array(z.object({ summary_text: z.string() })).describe('One a text; a list for one text too'),
  example: {
    model: 'embed',
    body: {
      inputs:
        'The city council met on Monday. After a long debate it decided to build a new bridge over the river. ' +
        'The old bridge is closed to trucks because of its age. The mayor thanked all who came. ' +
        'Work on the new bridge will begin in spring and take two years.',
      parameters: { max_length: 60 },
    },
  },
  async run({ inputs, parameters: { generate_parameters, ...parameters } }, model, service, c) {
    const { max_length, max_new_tokens, num_beams } = { ...parameters, ...generate_parameters }
    const most = Math.min(max_length ?? Infinity, max_new_tokens ?? Infinity)
    const writes = !['sentence-similarity', 'feature-extraction'].includes(model.task)
    const fn = service.find<typeof summarize>('summarize')!
    const input = {
      text: inputs,
      style: writes ? ('abstract' as const) : ('bullets' as const),
      model: model.name,
      words: Number.isFinite(most)
        ? Math.max(1, Math.min(2_000, Math.floor(most * WORDS_A_TOKEN)))
        : undefined,
      numBeams: num_beams,
    }
    const { results } = await service.run(fn, input, c)
    return results.map(({ summary, sentences }) => ({
      summary_text: sentences ? sentences.map(({ text }) => text).join(' ') : summary,
    }))
  },
})

/** translation. */
import * as z from 'zod'
import type { translate } from '../../../../functions/translate/function.ts'
import { texts } from '../../../texts.ts'
import { defineTask, requestOf, withoutEffect } from './task.ts'

/** Tags as models of the hub have them: de, de_DE (mBART), deu_Latn (NLLB). */
const language = z
  .string()
  .regex(/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$/, 'must be a language code such as de')
  .transform((tag) => new Intl.Locale(tag.split(/[-_]/)[0]!).language)

const NOTHING_CUT = 'a long text is translated whole, sentence by sentence'

export const translation = defineTask({
  name: 'translation',
  summary: 'Translate texts',
  function: 'translate',
  models: ['translation'],
  request: requestOf(texts.describe('A text, or up to 64 of them'), {
    tgt_lang: language
      .describe('The language to write: en, de_DE and fra_Latn are understood')
      .meta({ examples: ['de'] }),
    src_lang: language.optional().describe('The language of the texts; told by themselves unless given'),
    generate_parameters: z
      .strictObject({ num_beams: z.int().min(1).max(8).optional().describe('4 unless given') })
      .optional(),
    truncation: withoutEffect(
      z.enum(['do_not_truncate', 'longest_first', 'only_first', 'only_second']),
      NOTHING_CUT,
    ),
    clean_up_tokenization_spaces: withoutEffect(z.boolean(), 'there are none to clean up'),
  }),
  answer: z.array(z.object({ translation_text: z.string() })).describe('One a text; a list for one text too'),
  example: {
    model: 'translate',
    body: {
      inputs: 'The children are playing in the garden.',
      parameters: { src_lang: 'en', tgt_lang: 'de' },
    },
  },
  async run({ inputs, parameters: { src_lang, tgt_lang, generate_parameters } }, model, service, c) {
    const fn = service.find<typeof translate>('translate')!
    const input = {
      text: inputs,
      source: src_lang ?? 'auto',
      target: tgt_lang,
      numBeams: generate_parameters?.num_beams,
      model: model.name,
    }
    const { results } = await service.run(fn, input, c)
    return results.map(({ translation }) => ({ translation_text: translation }))
  },
})

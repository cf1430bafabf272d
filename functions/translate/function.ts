/**
 * Translation, sentence by sentence: what stands between sentences, and what is not language within them, is kept. One
 * model writes several languages; a token before the source tells it which (Johnson et al. 2017,
 * https://aclanthology.org/Q17-1024).
 */
import * as z from 'zod'
import { EdgewiseError, throwIfAborted } from '../../src/errors.ts'
import { defineFunction, drain, type FunctionContext, type TextPart } from '../../src/function.ts'
import { DETECTABLE, detectLanguage } from '../../src/language/detect.ts'
import { modelName, modelUsed, probability, textList, texts } from '../../src/texts.ts'
import { createTranslator, type Translator } from './translator.ts'

const language = z
  .string()
  .regex(/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$/, 'must be a language code such as de')

const input = z.strictObject({
  text: texts.describe('A text, or up to 64 of them'),
  target: language
    .default('en')
    .describe('The language to write: en, de or fr')
    .meta({ examples: ['en', 'de', 'fr'] }),
  source: language
    .or(z.literal('auto'))
    .default('auto')
    .describe('The language of the texts; auto detects it for each')
    .meta({ examples: ['auto', 'en', 'de', 'fr'] }),
  alternatives: z.int().min(0).max(4).default(0).describe('Other translations of each text'),
  numBeams: z
    .int()
    .min(1)
    .max(8)
    .default(4)
    .describe('Beams of the search: more are slower and a little better'),
  stream: z.boolean().default(false).describe('Sends sentences as they are done'),
  model: modelName('translate'),
})

const output = z.object({
  results: z
    .array(
      z.object({
        translation: z.string(),
        score: probability.describe(
          'Mean probability of a token that was written (geometric); 1 where none was',
        ),
        source: z.string().describe('The language that was translated from'),
        detected: z
          .object({ language: z.string(), score: probability })
          .optional()
          .describe('Where the source was to be detected: how sure that is among the languages there are'),
        target: z.string(),
        pivot: z.string().optional().describe('The language in between'),
        alternatives: z
          .array(z.object({ translation: z.string(), score: probability }))
          .describe('The best first: each sentence its next best translation'),
        sentences: z.int(),
        inParts: z
          .int()
          .describe(
            'Sentences whose parts were translated each alone, as they were too long or would have lost what is kept',
          ),
      }),
    )
    .describe('One result a text, in the order of the texts'),
  model: modelUsed,
  tokens: z.object({ read: z.int(), written: z.int() }),
})

export const translate = defineFunction({
  name: 'translate',
  summary: 'Translate texts between English, German and French',
  description:
    'Translates sentence by sentence. Paragraphs, spacing, HTML tags, placeholders such as `{name}` or `%s` and ' +
    'addresses stay as they are. The source language is detected unless given. German and French are translated into ' +
    'one another by way of English (`pivot`). The model is small and learned from short everyday sentences.',
  model: 'translate',
  primary: 'text',
  input,
  output,
  examples: [
    { title: 'To German', input: { text: 'The children are playing in the garden.', target: 'de' } },
    {
      title: 'Markup',
      input: { text: '<p>Hello {name}!</p>\n<p>You have <b>three</b> new letters.</p>', target: 'fr' },
    },
    { title: 'By way of English', input: { text: 'Wo ist der Bahnhof?', target: 'fr' } },
  ],
  async run(input, context) {
    return await drain(writeTranslations(input, context))
  },
  stream: writeTranslations,
})

type Input = z.output<typeof input>

async function* writeTranslations(
  { text, target, source, alternatives, numBeams, model }: Input,
  { runtime, signal }: FunctionContext,
): AsyncGenerator<TextPart, z.output<typeof output>, void> {
  const generator = await runtime.generator(model, signal)
  const translator = createTranslator(generator, { numBeams, alternatives, signal })
  const to = supported(target, 'target', translator)
  const from = source === 'auto' ? undefined : supported(source, 'source', translator)
  const results = []
  for (const [index, one] of textList(text).entries()) {
    throwIfAborted(signal)
    const [detected] = from === undefined ? detectLanguage(one) : []
    const origin = from ?? detected!.language
    const { languages } = translator.path(origin, to)
    const pivot = languages.length > 2 ? languages[1] : undefined
    const writing = translator.translate(one, languages)
    let next = await writing.next()
    for (; !next.done; next = await writing.next()) yield { index, text: next.value }
    const { best, others, ...counts } = next.value
    results.push({
      translation: best.text,
      score: best.score,
      source: origin,
      ...(detected && { detected }),
      target: to,
      ...(pivot !== undefined && { pivot }),
      alternatives: others.map(({ text, score }) => ({ translation: text, score })),
      ...counts,
    })
  }
  return {
    results,
    model: { name: generator.name, revision: generator.revision },
    tokens: translator.tokens,
  }
}

/** @throws EdgewiseError `language_unsupported` with the languages there are */
function supported(tag: string, field: string, { languages }: Translator): string {
  const code = tag.toLowerCase().split(/[-_]/)[0]!
  if (languages.includes(code) && DETECTABLE.includes(code)) return code
  const pairs = languages.flatMap((a) => languages.filter((b) => b !== a).map((b) => `${a}-${b}`))
  throw new EdgewiseError(
    'language_unsupported',
    `${field}: "${tag}" is not among the languages of this model.`,
    `Choose one of ${languages.join(', ')}; pairs: ${pairs.join(', ')}.`,
  )
}

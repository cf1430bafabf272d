/**
 * Summaries: the sentences of the text that say most of it, or what a model of the T5 family writes where the catalog has
 * one.
 */
import * as z from 'zod'
import { throwIfAborted } from '../../src/errors.ts'
import { defineFunction, drain, type FunctionContext, type TextPart } from '../../src/function.ts'
import type { Generator, Runtime } from '../../src/runtime/runtime.ts'
import { halved } from '../../src/text/halves.ts'
import { splitSentences } from '../../src/text/sentences.ts'
import { modelUsed, offset, probability, textList, texts } from '../../src/texts.ts'
import { usage, write } from '../generate/writing.ts'
import { extract } from './extract.ts'
import { mended } from './mend.ts'
import { trimmed } from './trim.ts'

/** How much the beginning of a text counts; chosen by ROUGE on 60 texts of each source of summarize.train. */
const EARLY = { bullets: 0.4, abstract: 0.8, headline: 0.8 }
/** The model that writes unless another is named. */
const WRITER = 'text2text'
/** From this mean probability of a token on, a headline of the model is taken; chosen by ROUGE-L on summarize.train. */
const SURE = 0.7
/**
 * Sections of a text whose abstract is that of the first: most say there what they are about. On what is left of
 * summarize.dev ROUGE-L rises by 7 points for documentation and 1 for papers, and falls by 6 for news.
 */
const SHORT = 3
/** Most tokens that the model reads at once: training saw none more. */
const SECTION_TOKENS = 248
/** Tokens of one summary, by style. */
const MOST_TOKENS = { abstract: 96, headline: 24 }

const input = z.strictObject({
  text: texts.describe('A text, or up to 64 of them'),
  style: z
    .enum(['abstract', 'headline', 'bullets'])
    .default('bullets')
    .describe(
      'bullets: the sentences that say most, as they are; abstract and headline are written by the model',
    ),
  sentences: z
    .int()
    .min(1)
    .max(50)
    .optional()
    .describe('Most sentences; 3 of bullets unless words are limited'),
  words: z
    .int()
    .min(1)
    .max(2_000)
    .optional()
    .describe('Most words; a summary is never less than its first sentence'),
  numBeams: z.int().min(1).max(8).default(4).describe('Beams of the search, of abstract and headline'),
  stream: z.boolean().default(false).describe('Sends each text’s summary as it is done'),
  model: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Of bullets an encoder, embed unless named; of the others an encoder-decoder, text2text if there is one',
    ),
})

const output = z.object({
  results: z
    .array(
      z.object({
        summary: z.string().describe('Bullets have a line each'),
        method: z
          .enum(['extractive', 'model', 'model-by-sections'])
          .describe(
            'Sentences of the text; written by the model, of an abstract from the beginning of a text of up to three sections; ' +
              'written section by section, as the text is longer',
          ),
        fallback: z
          .literal(true)
          .optional()
          .describe(
            'Not all is the model’s: where it began as a sentence of the text does and went on otherwise, that sentence ' +
              'stands in its place; of a headline that it was not sure of, the words of the first sentence that say most',
          ),
        score: probability
          .optional()
          .describe('What the model wrote: the geometric mean of the probabilities of its tokens'),
        sentences: z
          .array(z.object({ text: z.string(), start: offset, end: offset, score: z.number() }))
          .optional()
          .describe('Of bullets: where they stand in the text, in its order'),
        sections: z.int().describe('Sections that were summarized each; 1 where the text fits'),
      }),
    )
    .describe('One result a text, in the order of the texts'),
  usage,
  model: modelUsed,
})

export const summarize = defineFunction({
  name: 'summarize',
  summary: 'Summarize English texts: the sentences that say most, an abstract or a headline',
  description:
    '`bullets` are sentences of the text, with their places: nothing in them is made up. `abstract` and `headline` are ' +
    'written by an encoder-decoder where the catalog has one, text by sections where it is too long; else they are ' +
    'sentences of the text too, and `method` says so.',
  model: 'embed',
  furtherModels: [WRITER],
  primary: 'text',
  input,
  output,
  examples: [
    {
      title: 'Bullets',
      input: {
        text: 'The city council met on Monday. After a long debate it decided to build a new bridge over the river. The old bridge is closed to trucks because of its age. The mayor thanked all who came. Work on the new bridge will begin in spring and take two years.',
        sentences: 2,
      },
    },
    {
      title: 'A headline',
      input: {
        text: 'Hello all, the meeting about the budget has been moved from Tuesday to Thursday at 3 pm in room 5. Please tell me if you cannot come. Anna',
        style: 'headline',
      },
    },
  ],
  run: async (input, context) => await drain(summarizeTexts(input, context)),
  stream: summarizeTexts,
})

type Input = z.output<typeof input>
type Output = z.output<typeof output>
type Result = Output['results'][0]

/** What became of a section. */
interface Part {
  text: string
  /** Of a token that the model wrote, on average. */
  logprob: number
  /** What of it is the text's in place of the model's. */
  fallback: 'all' | 'some' | undefined
}

const countWords = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length

async function* summarizeTexts(
  { text, style, sentences, words, numBeams, model }: Input,
  { runtime, signal }: FunctionContext,
): AsyncGenerator<TextPart, Output, void> {
  const generator = style === 'bullets' ? undefined : await writerOf(model, runtime, signal)
  const ofItsOwn = { bullets: 3, abstract: 2, headline: 1 }[style]
  const most = sentences ?? (generator || words !== undefined ? Number.POSITIVE_INFINITY : ofItsOwn)
  const fits = (chosen: readonly { text: string }[]) =>
    chosen.length <= most &&
    chosen.reduce((sum, sentence) => sum + countWords(sentence.text), 0) <=
      (words ?? Number.POSITIVE_INFINITY)
  const total = { promptTokens: 0, completionTokens: 0 }
  const results: Result[] = []
  let used: { name: string; revision: string }
  if (!generator) {
    const encoder = await runtime.encoder(
      (style === 'bullets' ? model : undefined) ?? 'embed',
      signal,
      'hidden-states',
    )
    used = encoder
    for (const [index, one] of textList(text).entries()) {
      const found = await extract(encoder, one, fits, EARLY[style], signal)
      const summary = found.map((sentence) => sentence.text).join(style === 'bullets' ? '\n' : ' ')
      total.promptTokens += encoder.tokenize(one).length
      results.push({ summary, method: 'extractive', sentences: found, sections: 1 })
      yield { index, text: summary }
    }
  } else {
    used = generator
    const prompt = await runtime.prompt(`summarize-${style}`, signal)
    const written = async (text: string): Promise<Part> => {
      throwIfAborted(signal)
      const { completions, usage } = await drain(
        write(generator, prompt.render({ text }), {
          maxNewTokens: MOST_TOKENS[style as keyof typeof MOST_TOKENS],
          numBeams,
          logprobs: numBeams === 1,
          noRepeatNgramSize: 3,
          index: 0,
          signal,
        }),
      )
      total.promptTokens += usage.promptTokens
      total.completionTokens += usage.completionTokens
      const { text: own, score, logprobs = [] } = completions[0]!
      const logprob =
        score ?? logprobs.reduce((sum, token) => sum + token.logprob, 0) / Math.max(1, logprobs.length)
      const as = (text: string, fallback?: Part['fallback']): Part => ({ text, logprob, fallback })
      if (generator.name !== WRITER) return as(own.trim())
      if (style === 'headline') {
        const first = splitSentences(text)[0]?.text ?? ''
        return Math.exp(logprob) >= SURE ? as(own.trim()) : as(trimmed(first), 'all')
      }
      const { summary, replaced } = mended(own, text)
      return as(summary, replaced)
    }
    for (const [index, one] of textList(text).entries()) {
      const all = sectionsOf(one, generator)
      const sections = style === 'abstract' && all.length <= SHORT ? all.slice(0, 1) : all
      const parts: Part[] = []
      for (const section of sections) parts.push(await written(section))
      // One headline of many: the headline of all of them.
      if (style === 'headline' && parts.length > 1)
        parts.splice(0, parts.length, await written(parts.map(({ text }) => text).join('. ')))
      const summary = shortened(parts.map(({ text }) => text).join(' '), fits)
      const fallback = parts.some(({ fallback }) => fallback !== undefined)
      const isExtracted = parts.every(({ fallback }) => fallback === 'all')
      results.push({
        summary,
        method: isExtracted ? 'extractive' : sections.length > 1 ? 'model-by-sections' : 'model',
        ...(fallback && { fallback: true as const }),
        score: Math.exp(parts.reduce((sum, { logprob }) => sum + logprob, 0) / parts.length),
        sections: sections.length,
      })
      yield { index, text: summary }
    }
  }
  return { results, usage: total, model: { name: used.name, revision: used.revision } }
}

/** What writes; undefined where the catalog has nothing and nothing was asked for by name. */
async function writerOf(
  model: string | undefined,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Generator | undefined> {
  if (model !== undefined) return await runtime.generator(model, signal)
  const models = await runtime.models()
  return models.some(({ name }) => name === WRITER) ? await runtime.generator(WRITER, signal) : undefined
}

/** Whole sentences, as many as the model reads at once. */
function sectionsOf(text: string, generator: Generator): string[] {
  const sizeOf = (text: string) => generator.tokenizer.encode(text).ids.length
  // The prompt's own words and the end take some.
  const room = Math.min(SECTION_TOKENS, generator.contextLength - 16)
  const sections: { text: string; size: number }[] = []
  // As in training: a word has the same tokens wherever it stands.
  const onOneLine = text.trim().replace(/\s+/g, ' ')
  for (const sentence of splitSentences(onOneLine).flatMap((one) =>
    halved(one, (text) => sizeOf(text) <= room),
  )) {
    const size = sizeOf(sentence.text)
    const last = sections.at(-1)
    if (last && last.size + size <= room) {
      last.text += ` ${sentence.text}`
      last.size += size
    } else sections.push({ text: sentence.text, size })
  }
  return sections.map(({ text }) => text)
}

/** The first sentences that fit, at least one. */
function shortened(text: string, fits: (chosen: { text: string }[]) => boolean): string {
  const sentences = splitSentences(text)
  if (sentences.length === 0 || fits(sentences)) return text
  let count = sentences.length
  while (count > 1 && !fits(sentences.slice(0, count))) count--
  return text.slice(0, sentences[count - 1]!.end)
}

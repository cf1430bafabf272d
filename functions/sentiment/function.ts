/**
 * Sentiment: is a text negative, neutral or positive? And on demand: which emotion it shows, each of its sentences, and
 * what it says of given aspects.
 */
import * as z from 'zod'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction } from '../../src/function.ts'
import { type Classified, classifyTexts } from '../../src/runtime/classification.ts'
import type { Encoder } from '../../src/runtime/runtime.ts'
import { splitSentences } from '../../src/text/sentences.ts'
import { modelName, modelUsed, offset, probability, textList, texts } from '../../src/texts.ts'
import { findMentions } from './aspects.ts'

const MAX_ASPECTS = 20
/** Most sentences of a request that are scored one by one. */
const MAX_SENTENCES = 1_000

const label = z.enum(['negative', 'neutral', 'positive'])

const scores = z
  .object({ negative: probability, neutral: probability, positive: probability })
  .describe('The probability of each class; they sum to 1')

const judgement = {
  label: label.describe('The likeliest class'),
  score: probability.describe("The label's probability"),
  scores,
}
const span = { text: z.string(), start: offset, end: offset }

const result = z.object({
  ...judgement,
  tokens: z.int().describe('Tokens read, without special tokens'),
  windows: z.int().describe('Parts the text was read in: more than 1 when it is longer than the context'),
  emotion: z
    .object({ label: z.string(), score: probability, scores: z.record(z.string(), probability) })
    .optional()
    .describe('The emotion that the text shows, if asked for'),
  sentences: z
    .array(z.object({ ...span, ...judgement }))
    .optional()
    .describe('Each sentence by itself, if asked for'),
  aspects: z
    .array(
      z.object({
        aspect: z.string(),
        label: label.nullable().describe('Of the clauses that mention it; null where none does'),
        score: probability.nullable(),
        scores: scores.nullable(),
        mentions: z.array(
          z.object({ start: offset, end: offset, clause: z.object(span).describe('What was judged') }),
        ),
      }),
    )
    .optional()
    .describe('In the order in which they were asked for'),
})

export const sentiment = defineFunction({
  name: 'sentiment',
  summary: 'Tell whether a text is negative, neutral or positive',
  description:
    'Classifies one English text or a batch of up to 64. A text longer than the model’s context is read in ' +
    'windows whose logits are averaged by length. Neutral is a class the model has learned, not a threshold. ' +
    '`emotion`, `sentences` and `aspects` look closer.',
  model: 'sentiment',
  furtherModels: ['emotion'],
  primary: 'text',
  input: z.strictObject({
    text: texts.describe('A text, or up to 64 of them'),
    emotion: z.boolean().default(false).describe('Also which emotion the text shows'),
    sentences: z.boolean().default(false).describe('Also each sentence by itself'),
    aspects: z
      .array(z.string().trim().min(1).max(100))
      .min(1)
      .max(MAX_ASPECTS, `must hold at most ${MAX_ASPECTS} aspects`)
      .optional()
      .describe('Words to look for: what is said of each'),
    model: modelName('sentiment'),
    emotionModel: modelName('emotion'),
  }),
  output: z.object({
    results: z.array(result).describe('One result a text, in the order of the texts'),
    model: modelUsed,
    tokens: z.int().describe('Tokens of the texts'),
  }),
  examples: [
    {
      title: 'A review',
      input: { text: 'The plot is thin, but the acting is superb and I loved every minute.' },
    },
    {
      title: 'A batch',
      input: {
        text: [
          'What a waste of two hours.',
          'The train to Boston leaves at noon.',
          'Delightful from start to end!',
        ],
      },
    },
    {
      title: 'A closer look',
      input: {
        text: 'The food was delicious but the waiter was awful. We will not come back.',
        aspects: ['food', 'waiter'],
        sentences: true,
        emotion: true,
      },
    },
  ],
  async run({ text, emotion, sentences, aspects, model, emotionModel }, { runtime, signal }) {
    const encoder = await runtime.encoder(model, signal)
    requireSentiment(encoder)
    const emotionEncoder = emotion ? await runtime.encoder(emotionModel, signal) : undefined
    const texts = textList(text)
    const whole = await classifyTexts(encoder, texts, signal)
    const emotions = emotionEncoder && (await classifyTexts(emotionEncoder, texts, signal))
    const sentencesOf = sentences ? await bySentence(encoder, texts, signal) : undefined
    const aspectsOf = aspects ? await byAspect(encoder, texts, aspects, signal) : undefined
    const results = whole.map((judged, i) => ({
      ...judgementOf(judged),
      tokens: judged.tokens,
      windows: judged.windows,
      ...(emotions && { emotion: withoutCounts(emotions[i]!) }),
      ...(sentencesOf && { sentences: sentencesOf[i]! }),
      ...(aspectsOf && { aspects: aspectsOf[i]! }),
    }))
    return {
      results,
      model: { name: encoder.name, revision: encoder.revision },
      tokens: results.reduce((sum, result) => sum + result.tokens, 0),
    }
  },
})

function requireSentiment(encoder: Encoder): void {
  if ([...encoder.labels].sort().join() === [...label.options].sort().join()) return
  throw new EdgewiseError(
    'invalid_input',
    `Model "${encoder.name}" has the labels ${encoder.labels.join(', ')}: it is not a sentiment model.`,
    `Choose a model with the labels ${label.options.join(', ')}; GET /v1/models lists what there is.`,
  )
}

const withoutCounts = ({ label, score, scores }: Classified) => ({ label, score, scores })

/** A model's judgement, whose labels requireSentiment has checked; in their fixed order. */
function judgementOf({ label: best, score, scores }: Pick<Classified, 'label' | 'score' | 'scores'>) {
  const { negative, neutral, positive } = scores as Record<z.infer<typeof label>, number>
  return { label: best as z.infer<typeof label>, score, scores: { negative, neutral, positive } }
}

async function bySentence(encoder: Encoder, texts: string[], signal: AbortSignal) {
  const split = texts.map((text) => splitSentences(text))
  const count = split.reduce((sum, { length }) => sum + length, 0)
  if (count > MAX_SENTENCES)
    throw new EdgewiseError(
      'invalid_input',
      `The texts have ${count} sentences together.`,
      `Send at most ${MAX_SENTENCES} at a time.`,
    )
  const judged = await classifyTexts(
    encoder,
    split.flat().map(({ text }) => text),
    signal,
  )
  let next = 0
  return split.map((sentences) =>
    sentences.map((sentence) => ({ ...sentence, ...judgementOf(judged[next++]!) })),
  )
}

async function byAspect(encoder: Encoder, texts: string[], aspects: string[], signal: AbortSignal) {
  const found = texts.map((text) =>
    aspects.map((aspect) => ({ aspect, mentions: findMentions(text, aspect) })),
  )
  const clauses = [
    ...new Set(found.flat().flatMap(({ mentions }) => mentions.map(({ clause }) => clause.text))),
  ]
  const judged = await classifyTexts(encoder, clauses, signal)
  return found.map((ofText) =>
    ofText.map(({ aspect, mentions }) => {
      if (mentions.length === 0) return { aspect, label: null, score: null, scores: null, mentions: [] }
      const own = mentions.map(({ clause }) => judged[clauses.indexOf(clause.text)]!)
      const mean = Object.fromEntries(
        label.options.map((name) => [
          name,
          own.reduce((sum, { scores }) => sum + scores[name]!, 0) / own.length,
        ]),
      )
      const best = label.options.reduce((a, b) => (mean[b]! > mean[a]! ? b : a))
      return {
        aspect,
        ...judgementOf({ label: best, score: mean[best]!, scores: mean }),
        mentions,
      }
    }),
  )
}

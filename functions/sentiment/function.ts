/** Sentiment: is a text negative, neutral or positive? A three-class sequence classifier over windows. */
import * as z from 'zod'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction } from '../../src/function.ts'
import type { Encoder } from '../../src/runtime/runtime.ts'
import { splitWindows } from '../../src/runtime/windows.ts'

/** Most characters of one text: about 12,000 tokens, 100 windows. */
export const MAX_TEXT_LENGTH = 50_000
/** Most texts of one request. */
export const MAX_BATCH = 64

const label = z.enum(['negative', 'neutral', 'positive'])

const text = z
  .string()
  .max(MAX_TEXT_LENGTH, `must be at most ${MAX_TEXT_LENGTH} characters; split it`)
  .refine((value) => value.trim() !== '', 'must not be empty')

const probability = z.number().min(0).max(1)

const result = z.object({
  label: label.describe('The likeliest class'),
  score: probability.describe("The label's probability"),
  scores: z
    .object({ negative: probability, neutral: probability, positive: probability })
    .describe('The probability of each class; they sum to 1'),
  tokens: z.int().describe('Tokens read, without special tokens'),
  windows: z.int().describe('Parts the text was read in: more than 1 when it is longer than the context'),
})

export const sentiment = defineFunction({
  name: 'sentiment',
  summary: 'Tell whether a text is negative, neutral or positive',
  description:
    'Classifies one English text or a batch of up to 64. A text longer than the model’s context is read in ' +
    'windows whose logits are averaged by length. Neutral is a class the model has learned, not a threshold.',
  model: 'sentiment',
  primary: 'text',
  input: z.strictObject({
    text: z
      .union([
        text,
        z
          .array(text)
          .min(1, 'must hold at least one text')
          .max(MAX_BATCH, `must hold at most ${MAX_BATCH} texts`),
      ])
      .describe('A text, or up to 64 of them'),
    model: z.string().min(1).max(100).default('sentiment').describe('Name of a model in the catalog'),
  }),
  output: z.object({
    results: z.array(result).describe('One result a text, in the order of the texts'),
    model: z.object({ name: z.string(), revision: z.string() }).describe('The model that answered'),
    tokens: z.int().describe('Tokens read in all'),
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
  ],
  async run(input, { runtime, signal }) {
    const encoder = await runtime.encoder(input.model, signal)
    if ([...encoder.labels].sort().join() !== [...label.options].sort().join())
      throw new EdgewiseError(
        'invalid_input',
        `Model "${encoder.name}" has the labels ${encoder.labels.join(', ')}: it is not a sentiment model.`,
        `Choose a model with the labels ${label.options.join(', ')}; GET /v1/models lists what there is.`,
      )
    const texts = typeof input.text === 'string' ? [input.text] : input.text

    const windowsOf = texts.map((text) =>
      splitWindows(encoder.tokenize(text), encoder.contextLength - encoder.specialTokens),
    )
    const logits = await encoder.outputs(windowsOf.flat().map(encoder.wrap), signal)

    let next = 0
    const results = windowsOf.map((windows) => {
      const own = logits.slice(next, next + windows.length)
      next += windows.length
      return summarize(encoder, windows, own)
    })
    return {
      results,
      model: { name: encoder.name, revision: encoder.revision },
      tokens: results.reduce((sum, result) => sum + result.tokens, 0),
    }
  },
})

/** Averages the windows' logits by their length and turns them into the answer. */
function summarize(encoder: Encoder, windows: number[][], logits: Float32Array[]): z.output<typeof result> {
  const tokens = windows.reduce((sum, window) => sum + window.length, 0)
  const mean = encoder.labels.map((_, c) =>
    // An untokenizable text (control characters only) has no tokens: its one empty window then weighs 1.
    windows.reduce((sum, window, i) => sum + (logits[i]![c]! * (window.length || 1)) / (tokens || 1), 0),
  )
  const probabilities = softmax(mean)
  const best = probabilities.indexOf(Math.max(...probabilities))
  const scores = Object.fromEntries(encoder.labels.map((name, c) => [name, probabilities[c]!]))
  return {
    label: encoder.labels[best] as z.infer<typeof label>,
    score: probabilities[best]!,
    scores: scores as z.infer<typeof result>['scores'],
    tokens,
    windows: windows.length,
  }
}

function softmax(logits: number[]): number[] {
  const max = Math.max(...logits)
  const exp = logits.map((logit) => Math.exp(logit - max))
  const sum = exp.reduce((a, b) => a + b)
  return exp.map((e) => e / sum)
}

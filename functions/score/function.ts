/**
 * Score: how likely a text is to a permutation language model (XLNet, Yang et al. 2019,
 * https://arxiv.org/abs/1906.08237), which predicts any token from any others. Seen from both sides this is the
 * pseudo-log-likelihood of Salazar et al. 2020 (https://arxiv.org/abs/1910.14659), a sixth of the tokens at a time.
 */
import * as z from 'zod'
import { logSumExp } from '../../src/decoding/probabilities.ts'
import { defineFunction } from '../../src/function.ts'
import type { PermutationScorer } from '../../src/runtime/runtime.ts'
import { splitWindows } from '../../src/runtime/windows.ts'
import { modelName, modelUsed, offset, textList, texts } from '../../src/texts.ts'

/** Tokens read at once: as many as the shipped model was trained on, less its special tokens. */
const WINDOW = 126
/** Passes of a text: each predicts every sixth token from the five sixths between, as in training. */
const PASSES = 6

const result = z.object({
  logProbability: z.number().describe("Sum over the tokens of ln of each one's probability"),
  perplexity: z.number().describe('exp of the mean of minus that; lower is likelier, whatever the length'),
  tokens: z.int().describe('Tokens scored, without special tokens'),
  windows: z.int().describe('Parts the text was read in: more than 1 when it is longer than the context'),
  tokenScores: z
    .array(z.object({ token: z.string(), start: offset, end: offset, logProbability: z.number() }))
    .optional()
    .describe('Of each token, if asked for'),
})

export const score = defineFunction({
  name: 'score',
  summary: 'Tell how natural a text is, token by token',
  description:
    'The log-probability and perplexity of an English text under a permutation language model. `both-sides` predicts ' +
    'each token from what stands before and behind it and suits a choice between alternatives; `left-to-right` from ' +
    'what stands before it alone, in one pass in place of six.',
  model: 'xlnet',
  primary: 'text',
  input: z.strictObject({
    text: texts.describe('A text, or up to 64 of them, say alternatives to choose from'),
    method: z
      .enum(['both-sides', 'left-to-right'])
      .default('both-sides')
      .describe('What a token is predicted from'),
    tokenScores: z.boolean().default(false).describe("Also each token's score"),
    model: modelName('xlnet'),
  }),
  output: z.object({
    results: z.array(result).describe('One result a text, in the order of the texts'),
    model: modelUsed,
    tokens: z.int().describe('Tokens scored in all'),
  }),
  examples: [
    {
      title: 'Which is right?',
      input: { text: ['I have never seen such a good film.', 'I have never saw such a good film.'] },
    },
    { title: 'Token by token', input: { text: 'She drank a cup of chair.', tokenScores: true } },
  ],
  async run({ text: given, method, tokenScores, model }, { runtime, signal }) {
    const scorer = await runtime.permutationLm(model, signal)
    const results: z.output<typeof result>[] = []
    for (const text of textList(given)) {
      const { ids, offsets } = scorer.tokenizer.encode(text, { offsets: true })
      const windows = splitWindows(ids, WINDOW)
      const scores: number[] = []
      for (const window of windows) scores.push(...(await scoreWindow(scorer, window, method, signal)))
      const logProbability = scores.reduce((sum, x) => sum + x, 0)
      results.push({
        logProbability,
        perplexity: Math.exp(-logProbability / (scores.length || 1)),
        tokens: ids.length,
        windows: windows.length,
        ...(tokenScores && {
          tokenScores: ids.map((id, i) => ({
            token: scorer.tokenizer.tokenOf(id) ?? '',
            start: offsets[i]![0],
            end: offsets[i]![1],
            logProbability: scores[i]!,
          })),
        }),
      })
    }
    return {
      results,
      model: { name: scorer.name, revision: scorer.revision },
      tokens: results.reduce((sum, { tokens }) => sum + tokens, 0),
    }
  },
})

/** ln of each token's probability. */
async function scoreWindow(
  scorer: PermutationScorer,
  ids: number[],
  method: 'both-sides' | 'left-to-right',
  signal: AbortSignal,
): Promise<number[]> {
  if (ids.length === 0) return []
  const { inputIds } = scorer.tokenizer.wrap(ids)
  const first = Math.max(0, inputIds.indexOf(ids[0]!))
  const places = ids.map((_, i) => first + i)
  const passes =
    method === 'left-to-right'
      ? [places]
      : Array.from({ length: Math.min(PASSES, ids.length) }, (_, pass) =>
          places.filter((_, i) => i % PASSES === pass),
        )
  const steps = passes.map((targets) => ({
    inputIds,
    targets,
    permMask: method === 'left-to-right' ? maskBehind(inputIds.length) : maskOf(inputIds.length, targets),
  }))
  const logits = await scorer.predict(steps, signal)
  const scores = new Array<number>(ids.length)
  passes.forEach((targets, pass) => {
    targets.forEach((place, row) => {
      const { vocabularySize } = scorer
      const own = logits[pass]!.subarray(row * vocabularySize, (row + 1) * vocabularySize)
      scores[place - first] = own[inputIds[place]!]! - logSumExp(own)
    })
  })
  return scores
}

/** [tokens, tokens]: nobody sees the targets, all see the others. */
function maskOf(tokens: number, targets: number[]): Uint8Array {
  const mask = new Uint8Array(tokens * tokens)
  for (let i = 0; i < tokens; i++) for (const j of targets) mask[i * tokens + j] = 1
  return mask
}

/** [tokens, tokens]: each sees what stands before it. */
function maskBehind(tokens: number): Uint8Array {
  const mask = new Uint8Array(tokens * tokens)
  for (let i = 0; i < tokens; i++) for (let j = i; j < tokens; j++) mask[i * tokens + j] = 1
  return mask
}

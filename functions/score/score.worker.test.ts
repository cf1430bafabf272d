import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { answerOf, expectError, post } from '../../test/worker.ts'
import type { score } from './function.ts'

type Answer = z.output<typeof score.output>
const ask = (input: unknown) => answerOf<Answer>('score', input)

describe.each(['both-sides', 'left-to-right'] as const)('POST /v1/score, %s', (method) => {
  it('prefers a sentence to its words in disorder', async () => {
    const { results } = await ask({
      text: ['I have never seen such a good film before.', 'Seen good such I film never a have before.'],
      method,
    })
    expect(results[0]!.logProbability).toBeGreaterThan(results[1]!.logProbability)
    expect(results[0]!.perplexity).toBeLessThan(results[1]!.perplexity)
  })

  it("adds up its tokens' scores", async () => {
    const text = 'She opened the door and went out.'
    const [result] = (await ask({ text, method, tokenScores: true })).results as [Answer['results'][0]]
    const scores = result.tokenScores!
    expect(scores).toHaveLength(result.tokens)
    expect(scores.map(({ start, end }) => text.slice(start, end)).join(' ')).toBe(
      'She opened the door and went out .',
    )
    for (const { logProbability } of scores) expect(logProbability).toBeLessThan(0)
    expect(result.logProbability).toBeCloseTo(
      scores.reduce((sum, { logProbability }) => sum + logProbability, 0),
      6,
    )
    expect(result.perplexity).toBeCloseTo(Math.exp(-result.logProbability / result.tokens), 6)
  })

  it('reads a long text in windows', async () => {
    const { results } = await ask({ text: 'It was a long way home. '.repeat(30), method })
    expect(results[0]!.windows).toBe(2)
    expect(results[0]!.perplexity).toBeGreaterThan(1)
  })
})

it('a score left to right does not depend on what follows', async () => {
  const scores = async (text: string) =>
    (await ask({ text, method: 'left-to-right', tokenScores: true })).results[0]!.tokenScores!
  const [short, long] = [
    await scores('The train was late'),
    await scores('The train was late because of the snow'),
  ]
  short.forEach(({ logProbability }, i) => {
    expect(long[i]!.logProbability).toBeCloseTo(logProbability, 1)
  })
})

it.each<[string, object, string, RegExp]>([
  ['an unknown method', { text: 'a', method: 'sideways' }, 'invalid_input', /method/],
  ['an empty text', { text: ' ' }, 'invalid_input', /empty/],
  ['a model that is no permutation LM', { text: 'a', model: 'encoder' }, 'architecture_unsupported', /bert/],
])('bad input: %s', async (_, input, code, message) => {
  await expectError(await post('/v1/score', JSON.stringify(input)), code, message)
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createRandom } from './random.ts'
import { createSampler, type SamplingOptions } from './sampling.ts'

const logits = fc
  .array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.float({ min: -9, max: 9, noNaN: true })), {
    minLength: 2,
    maxLength: 40,
  })
  // Different logits have different weights, which those of 1e-45 and 0 have not.
  .map((array) => Float32Array.from(array, (x) => Math.round(x * 256) / 256))
const options: fc.Arbitrary<SamplingOptions> = fc.record({
  temperature: fc.constantFrom(0.25, 1, 3),
  topK: fc.integer({ min: 0, max: 12 }),
  topP: fc.constantFrom(0.1, 0.62, 0.93, 1),
  minP: fc.constantFrom(0, 0.07, 0.5),
})

/** By the definitions, with all sorted: the probability of each token. */
function reference(row: Float32Array, { temperature, topK, topP, minP }: SamplingOptions): number[] {
  const order = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]! || a - b)
  const smallest = topK > 0 && topK < row.length ? row[order[topK - 1]!]! : -Infinity
  let kept = order.filter((id) => row[id]! >= smallest)
  const weight = (id: number) => Math.exp((row[id]! - row[order[0]!]!) / temperature)
  const total = kept.reduce((sum, id) => sum + weight(id), 0)
  let above = 0
  kept = kept.filter((id) => {
    const keep = topP === 1 || above < topP * total
    above += weight(id)
    return keep
  })
  kept = kept.filter((id) => weight(id) >= minP)
  const sum = kept.reduce((all, id) => all + weight(id), 0)
  return Array.from(row.keys(), (id) => (kept.includes(id) ? weight(id) / sum : 0))
}

it('draws by the definitions of top-k, top-p and min-p', () => {
  const sampler = createSampler()
  fc.assert(
    fc.property(logits, options, (row, o) => {
      const expected = reference(row, o)
      const counts = new Float64Array(row.length)
      for (let i = 0; i < 512; i++) counts[sampler(row.slice(), o, () => (i + 0.5) / 512)]!++
      expected.forEach((p, id) => {
        expect(Math.abs(counts[id]! / 512 - p)).toBeLessThanOrEqual(1.01 / 512)
        if (p === 0) expect(counts[id]).toBe(0)
      })
    }),
    { numRuns: 200 },
  )
})

it('draws from a large vocabulary as often as each token is likely', () => {
  const random = createRandom(5)
  const row = Float32Array.from({ length: 5000 }, (_, id) => (id % 97 === 3 ? 4 - id / 1000 : random() - 4))
  row.fill(-Infinity, 64, 256)
  const weights = Array.from(row, (x) => Math.exp(x / 0.8))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const sampler = createSampler()
  const counts = new Float64Array(row.length)
  const draws = 10_000
  for (let i = 0; i < draws; i++)
    counts[sampler(row, { temperature: 0.8, topK: 0, topP: 1, minP: 0 }, random)]!++
  const shares = (of: (id: number) => boolean) => {
    const ids = [...row.keys()].filter(of)
    const p = ids.reduce((sum, id) => sum + weights[id]!, 0) / total
    const n = ids.reduce((sum, id) => sum + counts[id]!, 0)
    return { deviation: Math.abs(n - p * draws), allowed: 4 * Math.sqrt(p * (1 - p) * draws) }
  }
  for (let first = 0; first < 5000; first += 97)
    for (const of of [(id: number) => id === first + 3, (id: number) => id >= first && id < first + 90]) {
      const { deviation, allowed } = shares(of)
      expect(deviation).toBeLessThanOrEqual(allowed)
    }
})

it('says when no token is left', () => {
  const none = new Float32Array(4).fill(-Infinity)
  const all = { temperature: 1, topK: 2, topP: 0.9, minP: 0 }
  expect(createSampler()(none, all, Math.random)).toBe(-1)
  none[2] = -3
  expect(createSampler()(none, all, createRandom(1))).toBe(2)
})

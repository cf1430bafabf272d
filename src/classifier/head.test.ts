import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../decoding/random.ts'
import { applyHead, fitHead, PENALTY } from './head.ts'
import { crossValidate } from './validation.ts'

const likeliest = (probabilities: number[]) => probabilities.indexOf(Math.max(...probabilities))

/** Vectors of length 1 around as many directions as there are labels. */
function clusters(labels: number, each: number, noise: number, width = 8) {
  const random = createRandom(5)
  const features: Float32Array[] = []
  const gold: number[] = []
  for (let label = 0; label < labels; label++)
    for (let i = 0; i < each; i++) {
      const x = Float32Array.from(
        { length: width },
        (_, d) => (d === label ? 1 : 0) + noise * (random() - 0.5),
      )
      const length = Math.hypot(...x)
      features.push(x.map((value) => value / length))
      gold.push(label)
    }
  return { features, gold }
}

const names = (n: number) => Array.from({ length: n }, (_, i) => `label ${i}`)

describe('a head', () => {
  it('tells apart what a line parts', () => {
    const examples = clusters(4, 10, 0.5)
    const head = fitHead(names(4), examples)
    examples.features.forEach((x, i) => {
      const probabilities = applyHead(head, x)
      expect(likeliest(probabilities)).toBe(examples.gold[i])
      expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 10)
    })
  })

  it('is at the minimum: the mean error times the features is the penalty on the weights', () => {
    const examples = clusters(3, 12, 2.5)
    const head = fitHead(names(3), examples)
    const rows = examples.features.length
    for (let c = 0; c < 3; c++)
      for (let d = 0; d <= 8; d++) {
        let gradient = 0
        examples.features.forEach((x, i) => {
          const error = applyHead(head, x)[c]! - (examples.gold[i] === c ? 1 : 0)
          gradient += (error * (d === 8 ? 1 : x[d]!)) / rows
        })
        const penalty = d === 8 ? 0 : (PENALTY / rows) * head.weights[c * 9 + d]!
        expect(gradient + penalty).toBeCloseTo(0, 2)
      }
  })

  it('weighs labels alike, however many examples each has', () => {
    const { features, gold } = clusters(2, 40, 0.4)
    const rows = gold.flatMap((label, i) => (label === 0 || i % 20 === 0 ? [i] : []))
    const head = fitHead(names(2), {
      features: rows.map((i) => features[i]!),
      gold: rows.map((i) => gold[i]!),
    })
    const right = gold.filter((label, i) => likeliest(applyHead(head, features[i]!)) === label)
    expect(right).toHaveLength(80)
  })

  it('gives finite probabilities for any examples', () => {
    const vector = fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(vector, { minLength: 2, maxLength: 12 }), (vectors) => {
        const features = vectors.map((values) => Float32Array.from(values))
        const head = fitHead(names(2), { features, gold: features.map((_, i) => i % 2) })
        for (const x of features)
          for (const p of applyHead(head, x)) {
            expect(p).toBeGreaterThanOrEqual(0)
            expect(p).toBeLessThanOrEqual(1)
          }
      }),
      { numRuns: 50 },
    )
  })
})

describe('cross-validation', () => {
  it('is near 1 where labels lie apart and near chance where they mean nothing', () => {
    const apart = crossValidate(names(4), clusters(4, 10, 0.5))
    expect(apart.accuracy).toBe(1)
    expect(apart.majority).toBe(0.25)
    expect(apart.perLabel).toContainEqual({ label: 'label 2', count: 10, precision: 1, recall: 1 })
    const random = createRandom(9)
    const { features } = clusters(4, 30, 0.5)
    const noise = crossValidate(names(4), { features, gold: features.map(() => Math.floor(random() * 4)) })
    expect(noise.accuracy).toBeLessThan(0.45)
  })

  it('copes with one example of each label', () => {
    const { features } = clusters(3, 1, 0.5)
    expect(crossValidate(names(3), { features, gold: [0, 1, 2] })).toMatchObject({ accuracy: 0 })
  })

  it('copes with a label of one example', () => {
    const { features } = clusters(2, 3, 0.5)
    const { accuracy, perLabel } = crossValidate(names(2), { features, gold: [0, 0, 0, 0, 0, 1] })
    expect(accuracy).toBeLessThan(1)
    expect(perLabel[1]).toMatchObject({ count: 1, recall: 0 })
  })
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  argmax,
  BLOCK,
  blockMaxima,
  expNegative,
  kthLargest,
  logSoftmax,
  logSumExp,
  topIndices,
} from './probabilities.ts'

/** Few values, so that many are equal. */
const values = fc
  .array(fc.oneof(fc.integer({ min: -4, max: 4 }), fc.float({ min: -50, max: 50, noNaN: true })), {
    minLength: 1,
    maxLength: 200,
  })
  .map((array) => Float32Array.from(array))

it('e^-x within 1e-8', () => {
  for (let x = 0; x < 40; x += 0.00713) expect(Math.abs(expNegative(x) / Math.exp(-x) - 1)).toBeLessThan(1e-8)
})

it('the sum and the log-probabilities of a softmax', () => {
  fc.assert(
    fc.property(values, fc.constantFrom(0.3, 1, 2), (logits, temperature) => {
      const plain = Math.log(logits.reduce((sum, x) => sum + Math.exp((x - 50) / temperature), 0))
      expect(logSumExp(logits, temperature)).toBeCloseTo(plain + 50 / temperature, 5)
      const expected = Array.from(logits, (x) => x - logSumExp(logits))
      const actual = logits.slice()
      logSoftmax(actual)
      actual.forEach((x, i) => {
        expect(x).toBeCloseTo(expected[i]!, 4)
      })
    }),
  )
})

it('the largest, as sorting finds them', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 150 }), (array, n) => {
      const order = Array.from(array.keys()).sort((a, b) => array[b]! - array[a]! || a - b)
      expect(argmax(array)).toBe(order[0])
      expect(topIndices(array, n)).toEqual(order.slice(0, n))
      const k = Math.min(n, array.length)
      const maxima = new Float32Array(Math.ceil(array.length / BLOCK))
      expect(blockMaxima(array, maxima)).toBe(array[order[0]!])
      expect(kthLargest(array, k, maxima, new Float32Array(array.length))).toBe(array[order[k - 1]!])
    }),
  )
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { similarity } from './similarity.ts'

const base64 = (bytes: number[]) => btoa(String.fromCharCode(...bytes))
const vector = fc.array(fc.integer({ min: -127, max: 127 }), { minLength: 1, maxLength: 64 })

describe('similarity', () => {
  it.each([
    [[1, 0], [0, 2], 0],
    [[1, 2], [2, 4], 1],
    [[1, 2], [-1, -2], -1],
    [[0, 0], [1, 2], 0],
    [base64([0b11110000]), base64([0b11110000]), 1],
    [base64([0b11110000]), base64([0b00001111]), -1],
    [base64([0b11110000]), base64([0b11111111]), 0],
  ])('of %j and %j is %d', (a, b, expected) => {
    expect(similarity(a, b)).toBeCloseTo(expected, 10)
  })

  it('is symmetric, within -1 and 1, and does not depend on lengths', () => {
    fc.assert(
      fc.property(vector, vector, fc.integer({ min: 1, max: 9 }), (a, b, times) => {
        const other = a.map((_, i) => b[i % b.length]!)
        const value = similarity(a, other)
        expect(value).toBe(similarity(other, a))
        expect(Math.abs(value)).toBeLessThanOrEqual(1)
        expect(
          similarity(
            a.map((x) => x * times),
            other,
          ),
        ).toBeCloseTo(value, 9)
      }),
    )
  })

  it('refuses what cannot be compared', () => {
    expect(() => similarity([1], [1, 2])).toThrow(TypeError)
    expect(() => similarity('AA==', [1])).toThrow(TypeError)
    expect(() => similarity('AA==', 'AAA=')).toThrow(TypeError)
  })
})

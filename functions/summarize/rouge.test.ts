/** The examples of the paper (Lin 2004, sections 2 and 3) and of the rouge_score package's own tests. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { rougeL, rougeN } from './rouge.ts'

it('counts shared n-grams', () => {
  expect(rougeN('testing one two', 'testing', 1)).toBeCloseTo(0.5)
  expect(rougeN('testing one two', 'testing one', 1)).toBeCloseTo(0.8)
  expect(rougeN('testing one two', 'testing one', 2)).toBeCloseTo(2 / 3)
  expect(rougeN('a a a', 'a a', 1)).toBeCloseTo(0.8)
  expect(rougeN('Über-Größe 3', 'gr e 3', 1)).toBeGreaterThan(0)
})

it('finds the longest common subsequence', () => {
  // "police killed the gunman" against "police kill the gunman" and "the gunman kill police".
  expect(rougeL('police kill the gunman', 'police killed the gunman')).toBeCloseTo(0.75)
  expect(rougeL('the gunman kill police', 'police killed the gunman')).toBeCloseTo(0.5)
  expect(rougeL('testing one two', 'testing one')).toBeCloseTo(0.8)
})

it('is 1 of a text and itself, 0 without a shared word, and alike both ways', () => {
  const word = fc.constantFrom('a', 'b', 'c', 'd')
  const text = fc.array(word, { minLength: 1, maxLength: 8 }).map((words) => words.join(' '))
  fc.assert(
    fc.property(text, text, (a, b) => {
      for (const rouge of [rougeL, (x: string, y: string) => rougeN(x, y, 1)]) {
        expect(rouge(a, a)).toBe(1)
        expect(rouge(a, b)).toBeCloseTo(rouge(b, a))
        expect(rouge(a, 'x y z')).toBe(0)
      }
    }),
  )
  expect(rougeL('', '')).toBe(0)
})

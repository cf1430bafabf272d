import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bm25, searchTerms } from './bm25.ts'

it('terms are lower-case stems without stop words', () => {
  expect(searchTerms('Who was the Director of “Café 21”?')).toEqual(['direc', 'café', '21'])
})

it('scores as the formula says', () => {
  // Three passages of 2, 1 and 3 terms; "cat" occurs in two of them, twice in the last.
  const scores = bm25(['cat dog', 'fish', 'cat cat bird']).rank('the cat')
  const idf = Math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
  expect(scores[0]).toBeCloseTo((idf * 2.2) / (1 + 1.2 * (0.25 + (0.75 * 2) / 2)), 10)
  expect(scores[1]).toBe(0)
  expect(scores[2]).toBeCloseTo((idf * 2 * 2.2) / (2 + 1.2 * (0.25 + (0.75 * 3) / 2)), 10)
})

it('a rare word outweighs a frequent one', () => {
  const passages = [...Array(20).fill('common words'), 'common zebra', 'common common common']
  const scores = bm25(passages).rank('common zebra')
  expect(scores.indexOf(Math.max(...scores))).toBe(20)
})

it('gives a finite score of at least 0 a passage, whatever the texts', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.string(), (passages, query) => {
      const scores = bm25(passages).rank(query)
      expect(scores).toHaveLength(passages.length)
      for (const score of scores) expect(score).toBeGreaterThanOrEqual(0)
    }),
  )
})

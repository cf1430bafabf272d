import { describe, expect, it } from 'vitest'
import { exactMatch, f1, normalizeAnswer } from './squad.ts'

it('normalizes as the official script does', () => {
  expect(normalizeAnswer('The  Old-School, a U.S. idea!')).toBe('oldschool us idea')
  expect(normalizeAnswer('an apple a day')).toBe('apple day')
})

describe('measures', () => {
  it.each([
    ['The cat', 'cat', 1, 1],
    ['cat', 'dog', 0, 0],
    ['big black cat', 'black cat', 0, 0.8],
    ['cat cat', 'cat', 0, 2 / 3],
    ['the', '', 1, 1],
    ['cat', '', 0, 0],
  ])('of %j for %j', (found, gold, exact, overlap) => {
    expect(exactMatch(found, gold)).toBe(exact)
    expect(f1(found, gold)).toBeCloseTo(overlap, 10)
  })
})

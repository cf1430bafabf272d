import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findMentions } from './aspects.ts'

const clauses = (text: string, aspect: string) => findMentions(text, aspect).map(({ clause }) => clause.text)

describe('the clause of a mention', () => {
  it.each([
    ['The food was great but the waiter was rude.', 'food', ['The food was great']],
    ['The food was great but the waiter was rude.', 'waiter', ['the waiter was rude.']],
    ['The screen, the sound and the case are fine.', 'sound', ['the sound and the case are fine.']],
    ['Good value; the Battery lasts.', 'battery', ['the Battery lasts.']],
    ['We liked the rooms. The room had a view.', 'room', ['We liked the rooms.', 'The room had a view.']],
    ['Foodies came.', 'food', []],
    ['I like C++ (a lot).', 'C++', ['I like C++ (a lot).']],
    ['The sound  quality is fine.', 'sound quality', ['The sound  quality is fine.']],
    ['Nothing here.', 'food', []],
  ])('%s: %s', (text, aspect, expected) => {
    expect(clauses(text, aspect)).toEqual(expected)
  })

  it('is exact, and holds the mention', () => {
    const piece = fc.constantFrom(
      'the food ',
      'was fine',
      ', but ',
      '. ',
      '; ',
      ', the ',
      '\n',
      'Food ',
      'é',
      '😀 ',
      ' - ',
    )
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('')
        for (const { start, end, clause } of findMentions(text, 'food')) {
          expect(text.slice(start, end).toLowerCase()).toBe('food')
          expect(text.slice(clause.start, clause.end)).toBe(clause.text)
          expect(clause.start).toBeLessThanOrEqual(start)
        }
      }),
    )
  })
})

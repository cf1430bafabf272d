import fc from 'fast-check'
import { expect, it } from 'vitest'
import { trimmed } from './trim.ts'

it.each([
  [
    'Hi Sally, Please send me any documents that were worked on over the weekend.',
    'Send any documents worked on over weekend',
  ],
  [
    'Mark: ENA is looking into derivatives trading with an Indian corporate.',
    'ENA looking into derivatives trading with Indian corporate',
  ],
  ['I have finished reviewing the agreement!', 'Finished reviewing agreement'],
  [
    'one two three four five six seven eight nine ten eleven twelve thirteen',
    'One two three four five six seven eight nine ten eleven twelve',
  ],
  [
    'The meeting about the budget has been moved from Tuesday to Thursday at 3 pm in room 5.',
    'Meeting about budget moved from Tuesday to Thursday at 3 pm',
  ],
  ['It is.', 'It is.'],
])('%s', (sentence, headline) => {
  expect(trimmed(sentence)).toBe(headline)
})

it('is never empty, and has words of the sentence alone', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (sentence) => {
      const headline = trimmed(sentence)
      expect(headline.length).toBeGreaterThan(0)
      // The first may have become a capital.
      for (const word of headline.split(/\s+/).slice(1)) expect(sentence).toContain(word)
    }),
  )
})

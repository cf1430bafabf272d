import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createStoppableText } from './stop.ts'

/** One character after another: the first stop string to be complete ends the text. */
function reference(text: string, stops: string[]): { text: string; stop?: string } {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops
      .filter((stop) => text.slice(0, end).endsWith(stop))
      .sort((a, b) => b.length - a.length)
    if (ending[0] !== undefined) return { text: text.slice(0, end - ending[0].length), stop: ending[0] }
  }
  return { text }
}

const letters = (most: number) =>
  fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: most }).map((array) => array.join(''))

it('ends at a stop string, however the text comes in pieces, and shows none in part', () => {
  fc.assert(
    fc.property(
      fc.array(letters(5), { maxLength: 8 }),
      fc.array(letters(4), { minLength: 1, maxLength: 3 }),
      (pieces, stops) => {
        const expected = reference(pieces.join(''), stops)
        const text = createStoppableText(stops)
        let shown = ''
        let come = ''
        for (const piece of pieces) {
          shown += text.push(piece)
          come += piece
          // Whatever follows, nothing shown is taken back.
          for (const stop of stops)
            for (let n = 1; n <= stop.length; n++)
              if (text.stopped === undefined && come.endsWith(stop.slice(0, n)))
                expect(shown.length).toBeLessThanOrEqual(come.length - n)
        }
        shown += text.flush()
        expect(shown).toBe(expected.text)
        expect(text.stopped).toBe(expected.stop)
      },
    ),
    { numRuns: 500 },
  )
})

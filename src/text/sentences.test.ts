import fc from 'fast-check'
import { expect, it } from 'vitest'
import { splitSentences } from './sentences.ts'

const texts = (text: string) => splitSentences(text).map((sentence) => sentence.text)

it.each([
  ['It rained. We left!', ['It rained.', 'We left!']],
  [
    'Dr. Smith met Mr. Jones in the U.S. Army. They talked.',
    ['Dr. Smith met Mr. Jones in the U.S. Army.', 'They talked.'],
  ],
  ['J. R. R. Tolkien wrote it.', ['J. R. R. Tolkien wrote it.']],
  ['Was it 3.5 km? Yes.', ['Was it 3.5 km?', 'Yes.']],
  ['A heading\nA line\r\n\r\nAnother', ['A heading', 'A line', 'Another']],
  ['“Stop!” he said. She did.', ['“Stop!” he said.', 'She did.']],
  ['No end', ['No end']],
  [' \n\t ', []],
  ['', []],
])('%j', (text, expected) => {
  expect(texts(text)).toEqual(expected)
})

it('gives exact spans, in order, that leave out nothing but white space', () => {
  const piece = fc.constantFrom('A b. ', 'Mr. ', 'x', ' ', '\r\n', '😀. ', 'É!', '…', 'U.S. ', '"Q?" ')
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'grapheme' }))), (parts) => {
      const text = parts.join('')
      let at = 0
      let between = ''
      for (const { text: sentence, start, end } of splitSentences(text)) {
        expect(text.slice(start, end)).toBe(sentence)
        expect(sentence).toBe(sentence.trim())
        expect(sentence).not.toBe('')
        expect(start).toBeGreaterThanOrEqual(at)
        between += text.slice(at, start)
        at = end
      }
      expect((between + text.slice(at)).trim()).toBe('')
    }),
  )
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { cutPassages } from './passages.ts'

const words = (text: string) => text.split(/\s+/).length

it('fills passages with whole sentences', () => {
  const passages = cutPassages(['One two. Three four. Five six seven eight.', 'Ten.'], 4, words)
  expect(passages.map(({ document, text }) => [document, text])).toEqual([
    [0, 'One two. Three four.'],
    [0, 'Five six seven eight.'],
    [1, 'Ten.'],
  ])
})

it('halves what is too long by itself, never within a letter', () => {
  const letters = (text: string) => text.length
  const [long] = [`${'😀'.repeat(50)} ${'東'.repeat(1000)}`]
  const passages = cutPassages([long!], 10, letters)
  expect(passages.every(({ text }) => text.length <= 10 && text.isWellFormed())).toBe(true)
  expect(passages.map(({ text }) => text).join('')).toBe(long)
})

it('spans are exact and miss nothing but white space', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme' })),
      fc.integer({ min: 1, max: 9 }),
      (documents, size) => {
        const rest = documents.map((text) => text.split(''))
        for (const { document, start, end, text } of cutPassages(documents, size, words)) {
          expect(documents[document]!.slice(start, end)).toBe(text)
          rest[document]!.fill(' ', start, end)
        }
        expect(rest.map((letters) => letters.join('').trim()).join('')).toBe('')
      },
    ),
  )
})

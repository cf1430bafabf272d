import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mended } from './mend.ts'

const text =
  'The council met on Monday. It decided to build a new bridge over the river. The old bridge is closed to trucks.'

describe('a summary that repeats its source', () => {
  it.each([
    ['whole sentences', 'The council met on Monday. The old bridge is closed to trucks.', undefined],
    ['words of its own', 'A bridge will be built.', undefined],
    ['more behind a whole sentence', 'The council met on Monday and left.', undefined],
  ])('%s stay', (_, summary, replaced) => {
    expect(mended(summary, text)).toEqual({ summary, replaced })
  })

  it('sentences that end as others do are put right', () => {
    expect(
      mended('The council met on Monday. It decided to build a new bridge is closed to trucks.', text),
    ).toEqual({
      summary: 'The council met on Monday. It decided to build a new bridge over the river.',
      replaced: 'some',
    })
  })

  it('one that is astray from the first sentence on is that sentence', () => {
    expect(mended('The council met to trucks. The bridge. On Monday.', text)).toEqual({
      summary: 'The council met on Monday.',
      replaced: 'all',
    })
  })

  it('no sentence twice', () => {
    const summary = 'The old bridge is new. The old bridge is over the river.'
    expect(mended(summary, text).summary).toBe('The old bridge is closed to trucks.')
  })
})

it('what it replaces is of the text, and what it does not is the summary’s', () => {
  const words = fc.array(fc.constantFrom('council', 'bridges', 'rivers'), { minLength: 2, maxLength: 5 })
  const prose = fc.array(words, { maxLength: 4 }).map((all) => all.map((one) => `The ${one.join(' ')}.`))
  fc.assert(
    fc.property(prose, prose, (summary, source) => {
      const result = mended(summary.join(' '), source.join(' '))
      const sentences = result.summary === '' ? [] : result.summary.split(/(?<=\.) /)
      for (const sentence of sentences) expect([...summary, ...source]).toContain(sentence)
      expect(new Set(sentences).size).toBe(sentences.length)
      if (result.replaced === undefined) expect(new Set(sentences)).toEqual(new Set(summary))
      if (result.replaced === 'all') expect(result.summary).toBe(source[0])
    }),
  )
})

/** What offsets promise, for any text at all: `text.slice(start, end)` is what the token stands for. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyText, KINDS, type Kind, readKind, tokenizerOf } from '../../test/text/fixtures.ts'
import { alignedText } from './aligned.ts'
import { createNormalizer } from './normalizers.ts'
import { tokenizerFile } from './schema.ts'
import { inCodePoints, type Span, spanOfTokens } from './spans.ts'

const kinds = [...KINDS, 'sentiment'] as const

/** What a text normalizes to, without spaces and what stands for them. */
function normalizer(kind: Kind | 'sentiment'): (text: string) => string {
  const { normalizer } = tokenizerFile.parse(readKind(kind))
  const normalize = normalizer && createNormalizer(normalizer)
  return (text) => {
    const raw = alignedText(text.toWellFormed(), 0, false)
    return withoutSpaces(normalize ? normalize(raw).text : raw.text)
  }
}

const withoutSpaces = (text: string): string => text.replace(/[\p{White_Space}▁]/gu, '')

describe.each(kinds)('%s', (kind) => {
  const tokenizer = tokenizerOf(kind)
  const normalize = normalizer(kind)
  const runs = { numRuns: 400 }

  it('has offsets in order, within the text, between code points, without space at their ends', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { ids, offsets } = tokenizer.encode(text, { offsets: true })
        expect(ids).toEqual(tokenizer.encode(text).ids)
        expect(offsets).toHaveLength(ids.length)
        let previous: Span = [0, 0]
        for (const [start, end] of offsets) {
          expect(start).toBeGreaterThanOrEqual(previous[0])
          expect(end).toBeGreaterThanOrEqual(start === end ? start : previous[1])
          expect(end).toBeLessThanOrEqual(text.length)
          for (const edge of [start, end])
            expect(
              /[\ud800-\udbff]/.test(text[edge - 1] ?? '') && /[\udc00-\udfff]/.test(text[edge] ?? ''),
            ).toBe(false)
          const slice = text.slice(start, end)
          expect(slice.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, '')).toBe(slice)
          previous = [start, Math.max(end, previous[1])]
        }
        const characters = [...text]
        inCodePoints(text, offsets).forEach(([start, end], i) => {
          expect(characters.slice(start, end).join('')).toBe(text.slice(...offsets[i]!))
        })
      }),
      runs,
    )
  })

  it('has in each slice what the token says', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { ids, offsets } = tokenizer.encode(text, { offsets: true })
        ids.forEach((id, i) => {
          const token = tokenizer.tokenOf(id)!
          if (/^\[UNK\]$|^<unk>$/.test(token)) return
          const slice = text.slice(...offsets[i]!)
          if (tokenizer.specialIds.has(id) || slice === token) return
          if (/^<0x[0-9A-F]{2}>$/.test(token)) {
            const bytes = [...new TextEncoder().encode(slice)]
            if (slice !== '') expect(bytes).toContain(Number(token.slice(1, -1)))
            return
          }
          // In the letters of a byte-level vocabulary; others are written as they are.
          const surface = /^(roberta|llama3)$/.test(kind) ? tokenizer.decode([id]) : token.replace(/^##/, '')
          const said = withoutSpaces(surface)
          if (said.includes('\ufffd')) return // some bytes of a character
          // A token that shares a character with its neighbours says a part of it.
          const shares = [offsets[i - 1], offsets[i + 1]].some(
            (other) => other && overlap(other, offsets[i]!) > 0,
          )
          if (shares) expect(normalize(slice)).toContain(said)
          else expect(normalize(slice)).toBe(said)
        })
      }),
      runs,
    )
  })

  it('leaves out only spaces and what the normalizer drops', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { offsets } = tokenizer.encode(text, { offsets: true })
        let done = 0
        for (const [start, end] of [...offsets, [text.length, text.length] as Span]) {
          if (start > done) expect(normalize(text.slice(done, start))).toBe('')
          done = Math.max(done, end)
        }
      }),
      runs,
    )
  })
})

const overlap = (a: Span, b: Span): number => Math.min(a[1], b[1]) - Math.max(a[0], b[0])

it('covers tokens from the first to the last that stands for something', () => {
  const tokenizer = tokenizerOf('t5')
  const text = 'Ein Café in İzmir'
  const { ids, offsets } = tokenizer.encode(text, { offsets: true })
  expect(text.slice(...spanOfTokens(offsets, 0, ids.length)!)).toBe(text)
  expect(spanOfTokens([[0, 0]], 0, 1)).toBeUndefined()
  expect(spanOfTokens(offsets, 2, 2)).toBeUndefined()
})

it.each([
  ['wordpiece-uncased', 'Der Größte: CAFE\u0301 und café', ['CAFE\u0301', 'café']],
  ['t5', 'ein １２３ ﬁne № 5', ['１２３', 'ﬁne', '№']],
  ['llama3', 'sea e\u0301te\u0301 🙂👍🏽', ['e\u0301te\u0301', '🙂', '👍🏽']],
  ['llama2', '港口 🙂 x', ['港口', '🙂', 'x']],
  ['xlnet', 'Ⅳ İzmir ½', ['Ⅳ', 'İzmir', '½']],
] as const)('finds answers in %s exactly', (kind, text, answers) => {
  const { offsets } = tokenizerOf(kind).encode(text, { offsets: true })
  for (const answer of answers) {
    const start = text.indexOf(answer)
    const inside = offsets.map(([from, to], i) =>
      from >= start && to <= start + answer.length && to > from ? i : -1,
    )
    const tokens = inside.filter((i) => i >= 0)
    expect(text.slice(...spanOfTokens(offsets, tokens[0]!, tokens.at(-1)! + 1)!)).toBe(answer)
  }
})

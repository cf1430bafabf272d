/** Parity with Hugging Face's Rust tokenizers, from what they said of test/text/fixtures. */
import { describe, expect, it } from 'vitest'
import { KINDS, readReference, tokenizerOf } from '../../test/text/fixtures.ts'
import { inCodePoints } from './spans.ts'

describe.each(KINDS)('%s', (kind) => {
  const tokenizer = tokenizerOf(kind)
  const reference = readReference(kind)

  it('has the same ids', () => {
    for (const { text, ids } of reference.texts) {
      expect(tokenizer.encode(text).ids, JSON.stringify(text)).toEqual(ids)
      expect(tokenizer.encode(text, { offsets: true }).ids, JSON.stringify(text)).toEqual(ids)
    }
  })

  it('has the same offsets, save for white space, marks and what stands for nothing', () => {
    for (const { text, offsets } of reference.texts) {
      const characters = [...text]
      const encoding = tokenizer.encode(text, { offsets: true })
      for (const [i, [start, end]] of inCodePoints(text, encoding.offsets).entries()) {
        const what = `${JSON.stringify(text)}: token ${i}, ${tokenizer.tokenOf(encoding.ids[i]!)}`
        const [theirStart, theirEnd] = trimmed(characters, offsets[2 * i]!, offsets[2 * i + 1]!)
        // A token of nothing but the space before the text: ours is empty, theirs is the first letter.
        expect(start < end || theirEnd - theirStart < 2, what).toBe(true)
        if (start === end) continue
        // A composed or replaced sequence is whole in ours; theirs has its first or last character.
        expect(start, what).toBeLessThanOrEqual(theirStart)
        expect(end, what).toBeGreaterThanOrEqual(theirEnd)
        const besides = [...characters.slice(start, theirStart), ...characters.slice(theirEnd, end)].join('')
        if (theirEnd > theirStart) expect(besides, what).toMatch(/^[\p{M}\u1100-\u11ff\uff9e\uff9f`'e]*$/u)
      }
    }
  })

  /** A span without what the model reads as a space, or does not read, at its ends. */
  const trimmed = (characters: string[], start: number, end: number): [start: number, end: number] => {
    while (start < end && isBlank(characters[start]!)) start++
    while (end > start && isBlank(characters[end - 1]!)) end--
    return [start, end]
  }
  const isBlank = (character: string): boolean =>
    tokenizer.encode(character, { offsets: true }).offsets.every(([start, end]) => start === end)

  it('puts the same special tokens around a text and a pair', () => {
    expect(tokenizer.wrap(tokenizer.encode('Hello').ids).inputIds).toEqual(reference.single)
    expect(tokenizer.specialTokens.single).toBe(
      reference.single.length - tokenizer.encode('Hello').ids.length,
    )
    for (const { text, pair, ids, types } of reference.pairs) {
      const wrapped = tokenizer.encodePair(text, pair)
      expect(wrapped.inputIds).toEqual(ids)
      expect(wrapped.tokenTypeIds ?? ids.map(() => 0)).toEqual(types)
      const { firstAt, secondAt, first, second } = wrapped
      expect(ids.slice(firstAt, firstAt + first.ids.length)).toEqual(first.ids)
      expect(ids.slice(secondAt, secondAt + second.ids.length)).toEqual(second.ids)
      expect(tokenizer.specialTokens.pair).toBe(ids.length - first.ids.length - second.ids.length)
    }
  })

  it('decodes the same', () => {
    for (const { ids, text } of reference.decoded) expect(tokenizer.decode(ids)).toBe(text)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyText, KINDS, tokenizerOf } from '../../test/text/fixtures.ts'

describe.each(KINDS)('%s', (kind) => {
  const tokenizer = tokenizerOf(kind)
  const stream = (ids: number[], special = false): string[] => {
    const detokenizer = tokenizer.detokenizer({ special })
    return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()]
  }
  const anyIds = fc.array(fc.nat(tokenizer.vocabularySize - 1), { maxLength: 40 })

  it('emits what decoding all at once gives, for any ids', () => {
    fc.assert(
      fc.property(anyIds, fc.boolean(), (ids, special) => {
        expect(stream(ids, special).join('')).toBe(tokenizer.decode(ids, { special }))
      }),
      { numRuns: 300 },
    )
  })

  it('emits what decoding all at once gives, for any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { ids } = tokenizer.encode(text)
        const pieces = stream(ids)
        expect(pieces.join('')).toBe(tokenizer.decode(ids))
        // No half of a character leaves before its end.
        for (const piece of pieces) expect(piece.isWellFormed()).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('knows the bytes of each token', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { ids } = tokenizer.encode(text)
        const bytes = ids.flatMap((id) => [...(tokenizer.bytesOf(id) ?? [])])
        const decoded = tokenizer.decode(ids)
        // Within a text, that is; at its beginning a space may be left out.
        const spelt = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))
        expect([decoded, ` ${decoded}`]).toContain(spelt)
      }),
    )
    for (const id of tokenizer.specialIds) expect(tokenizer.bytesOf(id)).toBeUndefined()
  })

  it('skips special tokens unless told not to', () => {
    const { inputIds } = tokenizer.wrap(tokenizer.encode('home').ids)
    expect(tokenizer.decode(inputIds).trim()).toBe('home')
    const spelt = tokenizer.decode(inputIds, { special: true })
    for (const id of inputIds)
      if (tokenizer.specialIds.has(id)) expect(spelt).toContain(tokenizer.tokenOf(id))
  })

  it('starts anew after the end', () => {
    const detokenizer = tokenizer.detokenizer()
    const ids = tokenizer.encode('boats came home').ids
    const run = () => ids.map((id) => detokenizer.push(id)).join('') + detokenizer.flush()
    expect(run()).toBe(run())
    expect(run().trim()).toBe('boats came home')
  })
})

describe.each(['roberta', 'llama3', 'llama2'] as const)('%s', (kind) => {
  const tokenizer = tokenizerOf(kind)

  it('gives back every text', () => {
    fc.assert(
      fc.property(anyText, (any) => {
        // A text that spells special tokens loses them; Llama 3 composes; RoBERTa puts a space before the text.
        const text = any
          .toWellFormed()
          .replace(/[<[|▁]/g, '')
          .normalize('NFC')
          .trim()
        expect(tokenizer.decode(tokenizer.encode(text).ids).trim()).toBe(text)
      }),
    )
  })

  it('holds back a character until its last byte', () => {
    const detokenizer = tokenizer.detokenizer()
    const { ids } = tokenizer.encode('𐎠')
    const pieces = ids.map((id) => detokenizer.push(id))
    expect(ids.length).toBeGreaterThan(3)
    expect(pieces.filter((piece) => piece.trim() !== '')).toHaveLength(1)
    expect(pieces.at(-1)).toContain('𐎠')
    expect(detokenizer.flush()).toBe('')
  })

  it('emits replacement characters for bytes that become nothing, at the latest at the end', () => {
    const [first, ...rest] = tokenizer.encode('𐎠').ids.slice(-4)
    const detokenizer = tokenizer.detokenizer()
    expect(detokenizer.push(first!)).toBe('')
    expect(detokenizer.flush()).toBe('\ufffd')
    expect(rest).toHaveLength(3)
  })
})

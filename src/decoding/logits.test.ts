import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  forbidRepeatedNgrams,
  keepOnly,
  penalizeRepetition,
  penalizeWritten,
  processLogits,
} from './logits.ts'

const size = 12
const logits = fc
  .array(fc.float({ min: -10, max: 10, noNaN: true }), { minLength: size, maxLength: size })
  .map((array) => Float32Array.from(array))
const ids = fc.array(fc.integer({ min: 0, max: size - 1 }), { minLength: 1, maxLength: 20 })

describe('processors against their plain definitions', () => {
  it('repetition penalty', () => {
    fc.assert(
      fc.property(logits, ids, fc.constantFrom(0.5, 1.25, 2), (row, seen, penalty) => {
        const expected = row.map((x, id) => (!seen.includes(id) ? x : x < 0 ? x * penalty : x / penalty))
        penalizeRepetition(row, new Set(seen), penalty)
        expect(row).toEqual(expected)
      }),
    )
  })

  it('presence and frequency', () => {
    const penalty = fc.constantFrom(-2, 0, 0.5, 2)
    fc.assert(
      fc.property(logits, ids, penalty, penalty, (row, written, presence, frequency) => {
        const expected = row.map((x, id) => {
          const times = written.filter((other) => other === id).length
          return x - times * frequency - (times > 0 ? presence : 0)
        })
        penalizeWritten(row, written, presence, frequency)
        row.forEach((x, id) => {
          expect(x).toBeCloseTo(expected[id]!, 4)
        })
      }),
    )
  })

  it('no sequence of n tokens twice', () => {
    fc.assert(
      fc.property(logits, ids, fc.integer({ min: 1, max: 4 }), (row, text, n) => {
        const ngrams = new Set<string>()
        for (let i = 0; i + n <= text.length; i++) ngrams.add(text.slice(i, i + n).join())
        const before = n === 1 ? [] : text.slice(-(n - 1))
        const expected = row.map((x, id) =>
          before.length === n - 1 && ngrams.has([...before, id].join()) ? -Infinity : x,
        )
        forbidRepeatedNgrams(row, text, n)
        expect(row).toEqual(expected)
      }),
    )
  })

  it('a mask, of one bit a token', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 100 }),
        fc.array(fc.nat(99), { maxLength: 2 }),
        (allowed, spared) => {
          const except = spared.filter((id) => id < allowed.length)
          const mask = new Uint32Array(Math.ceil(allowed.length / 32))
          allowed.forEach((yes, id) => {
            if (yes) mask[id >> 5]! |= 1 << (id & 31)
          })
          const row = Float32Array.from(allowed, (_, id) => id)
          const expected = row.map((x, id) => (allowed[id] || except.includes(id) ? x : -Infinity))
          keepOnly(row, mask, except)
          expect(row).toEqual(expected)
        },
      ),
    )
  })
})

describe('the order of transformers', () => {
  const options = {
    repetitionPenalty: 1,
    presencePenalty: 0,
    frequencyPenalty: 0,
    logitBias: {},
    noRepeatNgramSize: 0,
    suppressTokens: [],
    minNewTokens: 0,
    maxNewTokens: 8,
  }
  const after = (newTokens: number) => ({ ids: [1, 2], seen: [1, 2], newTokens, endTokenIds: [0] })
  const row = () => Float32Array.from([4, 3, 2, 1])

  it('no end before minNewTokens', () => {
    for (const newTokens of [2, 3]) {
      const processed = row()
      processLogits(processed, after(newTokens), { ...options, minNewTokens: 3 })
      expect(processed[0]).toBe(newTokens < 3 ? -Infinity : 4)
    }
  })

  it('penalties are of what was written, not of the prompt; a bias is added', () => {
    const processed = row()
    const position = { ids: [1, 2, 3], seen: [1, 2, 3], newTokens: 1, endTokenIds: [0] }
    processLogits(processed, position, {
      ...options,
      presencePenalty: 1,
      frequencyPenalty: 0.5,
      logitBias: { 0: 2 },
    })
    expect(Array.from(processed)).toEqual([6, 3, 2, -0.5])
  })

  it('forced tokens come last, at their places', () => {
    const forcing = {
      ...options,
      suppressTokens: [2],
      forcedBosTokenId: 2,
      forcedEosTokenId: 0,
      minNewTokens: 9,
    }
    const [first, middle, last] = [0, 3, 7].map((newTokens) => {
      const processed = row()
      processLogits(processed, after(newTokens), forcing)
      return Array.from(processed)
    })
    expect(first).toEqual([-Infinity, -Infinity, 0, -Infinity])
    expect(middle).toEqual([-Infinity, 3, -Infinity, 1])
    expect(last).toEqual([0, -Infinity, -Infinity, -Infinity])
  })
})

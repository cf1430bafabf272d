import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPairMap } from './pairs.ts'
import { tokenizerFile } from './schema.ts'
import { createSubwordModel } from './subwords.ts'
import { createTrie } from './trie.ts'

const modelOf = (model: object) => createSubwordModel(tokenizerFile.shape.model.parse(model))

/** Tokens with the part of the piece that each stands for. */
function encode(model: ReturnType<typeof modelOf>, piece: string): [token: string, part: string][] {
  const found: [string, string][] = []
  model.encode(piece, (id, from, to) => found.push([model.tokens()[id]!, piece.slice(from, to)]))
  return found
}
const numbered = (tokens: string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]))
const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 24 })

describe('BPE', () => {
  /** The algorithm as it is written down: merge the best pair until there is none. */
  function merge(piece: string, merges: [string, string][]): string[] {
    const symbols = [...piece]
    for (;;) {
      const ranks = symbols.map((symbol, i) =>
        merges.findIndex(([left, right]) => left === symbol && right === symbols[i + 1]),
      )
      const best = Math.min(...ranks.filter((rank) => rank >= 0))
      if (best === Infinity) return symbols
      const at = ranks.indexOf(best)
      symbols.splice(at, 2, symbols[at]! + symbols[at + 1]!)
    }
  }

  it('merges in order of rank, then from left to right', () => {
    const pairs = fc.uniqueArray(fc.tuple(word, word), {
      selector: ([left, right]) => `${left} ${right}`,
      maxLength: 12,
    })
    fc.assert(
      fc.property(pairs, fc.array(word, { minLength: 1, maxLength: 4 }), (candidates, pieces) => {
        const known = new Set(['a', 'b', 'c'])
        const merges = candidates
          .map(([left, right]): [string, string] => [left.slice(0, 2), right.slice(0, 2)])
          .filter(([left, right]) => known.has(left) && known.has(right) && known.add(left + right))
        const model = modelOf({ type: 'BPE', vocab: numbered([...known]), merges })
        for (const piece of pieces) {
          const unique = merges.filter(
            (pair, i) => merges.findLastIndex((other) => `${other}` === `${pair}`) === i,
          )
          expect(encode(model, piece).map(([token]) => token)).toEqual(merge(piece, unique))
          expect(encode(model, piece).every(([token, part]) => token === part)).toBe(true)
        }
      }),
    )
  })

  it('marks the end of a word and what continues it', () => {
    const clip = modelOf({
      vocab: numbered(['a', 'b', 'a</w>', 'b</w>', 'ab</w>']),
      merges: ['a b</w>'],
      end_of_word_suffix: '</w>',
    })
    expect(encode(clip, 'aab')).toEqual([
      ['a', 'a'],
      ['ab</w>', 'ab'],
    ])
    const prefixed = modelOf({
      vocab: numbered(['a', '##b', 'ab', '##a']),
      merges: ['a ##b'],
      continuing_subword_prefix: '##',
    })
    expect(encode(prefixed, 'aba')).toEqual([
      ['ab', 'ab'],
      ['##a', 'a'],
    ])
  })

  it('has unknown characters one by one, or fused, or drops them', () => {
    const options = { type: 'BPE', vocab: numbered(['<unk>', 'a']), merges: [] }
    const parts = (more: object) => encode(modelOf({ ...options, ...more }), 'xyaz🙂')
    expect(parts({ unk_token: '<unk>' }).map(([, part]) => part)).toEqual(['x', 'y', 'a', 'z', '🙂'])
    expect(parts({ unk_token: '<unk>', fuse_unk: true }).map(([, part]) => part)).toEqual(['xy', 'a', 'z🙂'])
    expect(parts({})).toEqual([['a', 'a']])
  })

  it('takes whole words first if merges are to be ignored', () => {
    const model = { vocab: numbered(['a', 'b', 'aba']), merges: [] as string[] }
    expect(encode(modelOf(model), 'aba')).toHaveLength(3)
    expect(encode(modelOf({ ...model, ignore_merges: true }), 'aba')).toEqual([['aba', 'aba']])
  })
})

describe('Unigram', () => {
  const vocab: [string, number][] = [
    ['<unk>', 0],
    ['a', -3],
    ['b', -4],
    ['ab', -5.5],
    ['ba', -6],
    ['aba', -7.25],
    ['bbb', -9],
  ]
  const score = new Map(vocab)

  /** The best score of all ways to cut a piece. */
  function best(piece: string): number {
    if (piece === '') return 0
    let most = -Infinity
    for (let length = 1; length <= piece.length; length++) {
      const token = piece.slice(0, length)
      const own = score.get(token) ?? (length === 1 ? -19 : undefined)
      if (own !== undefined) most = Math.max(most, own + best(piece.slice(length)))
    }
    return most
  }

  it('finds the likeliest way', () => {
    const model = modelOf({ type: 'Unigram', vocab, unk_id: 0 })
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 }), (piece) => {
        const tokens = encode(model, piece)
        expect(tokens.map(([, part]) => part).join('')).toBe(piece)
        const total = tokens.reduce(
          (sum, [token, part]) => sum + (token === '<unk>' ? -19 * part.length : score.get(token)!),
          0,
        )
        expect(total).toBeCloseTo(best(piece), 9)
        expect(tokens.some(([token], i) => token === '<unk>' && tokens[i + 1]?.[0] === '<unk>')).toBe(false)
      }),
    )
  })

  it('falls back to bytes, each with its character', () => {
    const bytes = Array.from({ length: 256 }, (_, byte): [string, number] => [
      `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
      -20,
    ])
    const model = modelOf({ type: 'Unigram', vocab: [...vocab, ...bytes], unk_id: 0, byte_fallback: true })
    expect(encode(model, 'aé🙂')).toEqual([
      ['a', 'a'],
      ['<0xC3>', 'é'],
      ['<0xA9>', 'é'],
      ['<0xF0>', '🙂'],
      ['<0x9F>', '🙂'],
      ['<0x99>', '🙂'],
      ['<0x82>', '🙂'],
    ])
  })
})

describe('WordPiece', () => {
  const model = modelOf({
    vocab: numbered(['[UNK]', 'un', '##aff', '##able', 'a', '##a', 'constructor', '🙂']),
    max_input_chars_per_word: 20,
  })

  it('takes the longest beginning, then the longest continuations', () => {
    expect(encode(model, 'unaffable')).toEqual([
      ['un', 'un'],
      ['##aff', 'aff'],
      ['##able', 'able'],
    ])
  })

  it('has one unknown for a word with any part unknown, or too long', () => {
    expect(encode(model, 'unaffablex')).toEqual([['[UNK]', 'unaffablex']])
    expect(encode(model, 'a'.repeat(20))).toHaveLength(20)
    expect(encode(model, 'a'.repeat(21))).toEqual([['[UNK]', 'a'.repeat(21)]])
    expect(encode(model, 'toString')).toEqual([['[UNK]', 'toString']])
    expect(encode(model, '🙂')).toEqual([['🙂', '🙂']])
  })
})

it('a pair map is a map', () => {
  const pair = fc.tuple(fc.nat(40), fc.nat(40), fc.nat())
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 200 }), (entries) => {
      const pairs = createPairMap(4)
      const map = new Map(entries.map(([first, second, value]) => [`${first} ${second}`, value]))
      for (const [first, second, value] of entries) pairs.set(first, second, value)
      for (let first = 0; first <= 40; first++)
        for (let second = 0; second <= 40; second++)
          expect(pairs.get(first, second)).toBe(map.get(`${first} ${second}`) ?? -1)
    }),
    { numRuns: 20 },
  )
})

it('a trie knows each word and no other', () => {
  fc.assert(
    fc.property(fc.uniqueArray(word), word, (words, other) => {
      const trie = createTrie(words.map((word, i) => [word, i] as const))
      const valueOfWord = (word: string) => {
        let node = 0
        for (const { length, index } of [...word].map((character, index) => ({
          length: character.length,
          index,
        })))
          if (node >= 0 && length > 0) node = trie.step(node, word.charCodeAt(index))
        return node < 0 ? -1 : trie.valueAt(node)
      }
      for (const [i, word] of words.entries()) expect(valueOfWord(word)).toBe(i)
      expect(valueOfWord(other)).toBe(words.indexOf(other))
    }),
  )
})

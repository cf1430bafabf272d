/** Unigram: the likeliest way to cut a piece into tokens, each with a log probability (Kudo 2018), by Viterbi. */
import { isHighSurrogate, utf8Bytes } from './characters.ts'
import { invalidFile, type ModelConfig } from './schema.ts'
import { createTrie } from './trie.ts'
import { byteFallbackIds, type SubwordModel } from './vocabulary.ts'

/** How much less likely than the rarest token an unknown character is (sentencepiece, unigram_model.cc). */
const UNKNOWN_PENALTY = 10

export function unigram(config: ModelConfig): SubwordModel {
  const { vocab, unk_id: unknown = null, byte_fallback: byteFallback } = config
  if (!Array.isArray(vocab)) throw invalidFile('has a Unigram model without scores')
  const tokens: string[] = []
  const scores = new Float64Array(vocab.length)
  for (const [id, entry] of vocab.entries()) {
    if (typeof entry?.[0] !== 'string' || typeof entry[1] !== 'number')
      throw invalidFile(`has a vocabulary whose entry ${id} is not a token and its score`)
    tokens.push(entry[0])
    scores[id] = entry[1]
  }
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY
  const trie = createTrie(tokens.map((token, id) => [token, id] as const))
  const byteIds = byteFallback
    ? byteFallbackIds(new Map(tokens.map((token, id) => [token, id] as const)))
    : undefined

  /** Of the best path to each position: its score, where its last token starts, and that token (-1: unknown). */
  let best = new Float64Array(0)
  let start = new Int32Array(0)
  let last = new Int32Array(0)

  return {
    tokens: () => tokens,
    encode(piece, emit) {
      const { length } = piece
      if (best.length <= length) {
        best = new Float64Array(2 * length + 1)
        start = new Int32Array(2 * length + 1)
        last = new Int32Array(2 * length + 1)
      }
      start.fill(-1, 0, length + 1)
      best[0] = 0

      for (let from = 0, character: number; from < length; from += character) {
        character = isHighSurrogate(piece.charCodeAt(from)) ? 2 : 1
        let single = false
        for (let node = 0, to = from; to < length; ) {
          node = trie.step(node, piece.charCodeAt(to++))
          if (node < 0) break
          const id = trie.valueAt(node)
          if (id < 0) continue
          const score = best[from]! + scores[id]!
          if (start[to]! < 0 || score > best[to]!) {
            best[to] = score
            start[to] = from
            last[to] = id
          }
          if (to === from + character) single = true
        }
        const to = from + character
        if (!single && (start[to]! < 0 || best[from]! + unknownScore > best[to]!)) {
          best[to] = best[from]! + unknownScore
          start[to] = from
          last[to] = -1
        }
      }

      // Backwards, the path is a linked list of ends; turned round, of starts.
      let end = length
      for (let from = length, to = -1; from >= 0; ) {
        const before = from > 0 ? start[from]! : -1
        start[from] = to
        to = from
        from = before
      }
      for (let from = 0; from < length; from = end) {
        end = start[from]!
        if (last[end]! >= 0 && last[end] !== unknown) {
          emit(last[end]!, from, end)
          continue
        }
        // Unknown characters in a row are one token.
        const first = from
        while (end < length && (last[start[end]!]! < 0 || last[start[end]!] === unknown)) end = start[end]!
        if (byteIds) {
          for (let at = first, character: number; at < end; at += character) {
            character = isHighSurrogate(piece.charCodeAt(at)) ? 2 : 1
            for (const byte of utf8Bytes(piece.slice(at, at + character)))
              emit(byteIds[byte]!, at, at + character)
          }
        } else if (unknown !== null) emit(unknown, first, end)
      }
    },
  }
}

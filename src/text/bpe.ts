/** Byte pair encoding: characters, of which the pair that was learnt first is merged first (Sennrich et al. 2016). */
import { utf8Bytes } from './characters.ts'
import { createPairMap } from './pairs.ts'
import { invalidFile, type ModelConfig } from './schema.ts'
import { byteFallbackIds, type Emit, readVocabulary, type SubwordModel } from './vocabulary.ts'

export function bytePair(config: ModelConfig): SubwordModel {
  const { ids, tokens } = readVocabulary(config)
  const prefix = config.continuing_subword_prefix ?? ''
  const suffix = config.end_of_word_suffix ?? ''
  const unknown = config.unk_token == null ? undefined : ids.get(config.unk_token)
  const fuseUnknown = config.fuse_unk ?? false
  const byteIds = config.byte_fallback ? byteFallbackIds(ids) : undefined
  const wholeWords = config.ignore_merges ?? false
  const { ranks, merged } = readMerges(config, ids, prefix)

  // The symbols of one piece, a linked list in flat arrays that are kept from piece to piece.
  let capacity = 0
  let id = new Int32Array(0)
  let from = new Int32Array(0)
  let to = new Int32Array(0)
  let next = new Int32Array(0)
  let previous = new Int32Array(0)
  /** Rank of the merge of a symbol with the next one; -1 if there is none. */
  let rank = new Int32Array(0)
  let heap = new Float64Array(0)

  const reserve = (symbols: number) => {
    if (symbols <= capacity) return
    capacity = 2 * symbols
    id = enlarged(id, capacity)
    from = enlarged(from, capacity)
    to = enlarged(to, capacity)
    next = new Int32Array(capacity)
    previous = new Int32Array(capacity)
    rank = new Int32Array(capacity)
    heap = new Float64Array(3 * capacity)
  }

  /** Fills id, from and to with a piece's characters; returns how many symbols they are. */
  const readSymbols = (piece: string): number => {
    reserve(piece.length + 1)
    let count = 0
    let inUnknown = false
    for (let start = 0, end: number; start < piece.length; start = end) {
      end = start + (piece.codePointAt(start)! > 0xffff ? 2 : 1)
      let character = piece.slice(start, end)
      if (prefix !== '' && start > 0) character = prefix + character
      if (suffix !== '' && end === piece.length) character += suffix
      const known = ids.get(character)
      if (known !== undefined) {
        id[count] = known
        inUnknown = false
      } else if (byteIds) {
        const bytes = utf8Bytes(character)
        reserve(count + bytes.length + piece.length - start)
        for (const byte of bytes) {
          id[count] = byteIds[byte]!
          from[count] = start
          to[count++] = end
        }
        continue
      } else if (unknown === undefined) continue
      else if (inUnknown && fuseUnknown) {
        to[count - 1] = end
        continue
      } else {
        id[count] = unknown
        inUnknown = true
      }
      from[count] = start
      to[count++] = end
    }
    return count
  }

  const rankOf = (symbol: number): number =>
    next[symbol]! < 0 ? -1 : ranks.get(id[symbol]!, id[next[symbol]!]!)

  /** Merges until no pair is left that can be; returns nothing, symbol 0 stays the first. */
  const mergeAll = (count: number) => {
    for (let i = 0; i < count; i++) {
      previous[i] = i - 1
      next[i] = i + 1 < count ? i + 1 : -1
    }
    // Lowest rank first, then leftmost: both in one number.
    let size = 0
    const push = (symbol: number) => {
      rank[symbol] = rankOf(symbol)
      if (rank[symbol]! < 0) return
      const key = rank[symbol]! * count + symbol
      let at = size++
      while (at > 0) {
        const parent = (at - 1) >> 1
        if (heap[parent]! <= key) break
        heap[at] = heap[parent]!
        at = parent
      }
      heap[at] = key
    }
    const pop = (): number => {
      const top = heap[0]!
      const key = heap[--size]!
      let at = 0
      for (let child = 1; child < size; child = 2 * at + 1) {
        if (child + 1 < size && heap[child + 1]! < heap[child]!) child++
        if (heap[child]! >= key) break
        heap[at] = heap[child]!
        at = child
      }
      heap[at] = key
      return top
    }

    for (let i = 0; i < count; i++) push(i)
    while (size > 0) {
      const key = pop()
      const symbol = key % count
      if (rank[symbol] !== (key - symbol) / count) continue // what it stood for has been merged since
      const gone = next[symbol]!
      id[symbol] = merged[rank[symbol]!]!
      to[symbol] = to[gone]!
      rank[gone] = -1
      next[symbol] = next[gone]!
      if (next[symbol]! >= 0) previous[next[symbol]!] = symbol
      push(symbol)
      if (previous[symbol]! >= 0) push(previous[symbol]!)
    }
  }

  return {
    tokens: () => tokens,
    encode(piece: string, emit: Emit) {
      if (wholeWords) {
        const whole = ids.get(piece)
        if (whole !== undefined) return emit(whole, 0, piece.length)
      }
      const count = readSymbols(piece)
      if (count === 0) return
      mergeAll(count)
      for (let symbol = 0; symbol >= 0; symbol = next[symbol]!) emit(id[symbol]!, from[symbol]!, to[symbol]!)
    },
  }
}

/** Ranks of pairs of ids, and the id that each rank makes. */
function readMerges({ merges }: ModelConfig, ids: Map<string, number>, prefix: string) {
  const list = merges ?? []
  const ranks = createPairMap(list.length)
  const merged = new Int32Array(list.length)
  for (const [rank, merge] of list.entries()) {
    const space = typeof merge === 'string' ? merge.indexOf(' ') : 0
    const [left, right] = typeof merge === 'string' ? [merge.slice(0, space), merge.slice(space + 1)] : merge
    const first = ids.get(left)
    const second = ids.get(right)
    const whole = ids.get(left + right.slice(prefix.length))
    if (first === undefined || second === undefined || whole === undefined)
      throw invalidFile(`has a merge (number ${rank}) of tokens that are not in its vocabulary`)
    ranks.set(first, second, rank)
    merged[rank] = whole
  }
  return { ranks, merged }
}

function enlarged(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}

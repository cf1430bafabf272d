/** For tests: a decoder whose logits are random numbers that depend on the last tokens, and which watches its caches. */
import type { Decoder, DecoderStep, KeyValueCache } from './decoder.ts'

export interface SimulatedDecoder extends Decoder {
  /** How many caches are open. */
  readonly opened: number
  /** The tokens of each pass. */
  readonly passes: number[]
}

export interface SimulatedOptions {
  seed: number
  vocabularySize?: number
  contextLength?: number
  endTokenIds?: number[]
  startTokenId?: number
  /** Tokens that the next one depends on: the fewer, the more it repeats itself. */
  memory?: number
  /** Logits lie between plus and minus this. */
  spread?: number
  /** Called at each pass. */
  onForward?: () => void
}

export function simulateDecoder({
  seed,
  vocabularySize = 64,
  contextLength = 512,
  endTokenIds = [],
  startTokenId,
  memory = 2,
  spread = 6,
  onForward,
}: SimulatedOptions): SimulatedDecoder {
  const texts = new WeakMap<KeyValueCache, number[]>()
  let opened = 0
  const passes: number[] = []

  function open(capacity: number, source: ArrayLike<number>, ids: number[]): KeyValueCache {
    opened++
    let closed = false
    const check = () => {
      if (closed) throw new Error('a closed cache is used')
    }
    const cache = {
      get length() {
        check()
        return ids.length
      },
      set length(length) {
        if (length > ids.length) throw new Error('a cache is made longer')
        ids.length = length
      },
      capacity,
      fork: () => open(capacity, source, [...texts.get(cache)!]),
      assign(other: KeyValueCache) {
        check()
        if (other !== cache) ids.splice(0, ids.length, ...texts.get(other)!)
      },
      close() {
        if (!closed) opened--
        closed = true
      },
    } as unknown as KeyValueCache
    texts.set(cache, ids)
    sources.set(cache, hash(seed, Array.from(source)))
    return cache
  }
  const sources = new WeakMap<KeyValueCache, number>()

  function step({ cache, inputIds, logits }: DecoderStep): Float32Array {
    const ids = texts.get(cache)!
    if (cache.length + inputIds.length > cache.capacity) throw new Error('a cache is too small')
    if (inputIds.length === 0) throw new Error('a step without tokens')
    const rows: number[] = []
    for (const id of Array.from(inputIds)) {
      ids.push(id)
      rows.push(hash(sources.get(cache)!, ids.slice(-memory)))
    }
    const wanted = logits === 'all' ? rows : rows.slice(-1)
    const out = new Float32Array(wanted.length * vocabularySize)
    wanted.forEach((state, row) => {
      for (let id = 0; id < vocabularySize; id++)
        out[row * vocabularySize + id] = (mix(state + id) / 2 ** 31 - 1) * spread
    })
    return out
  }

  return {
    vocabularySize,
    contextLength,
    endTokenIds,
    startTokenId,
    get opened() {
      return opened
    },
    passes,
    open: (capacity, source) => open(capacity, source?.inputIds ?? [], []),
    forward(steps) {
      onForward?.()
      passes.push(steps.reduce((sum, { inputIds }) => sum + inputIds.length, 0))
      return steps.map(step)
    },
  }
}

/** The finalizer of MurmurHash3: 32 bits that look random. */
function mix(x: number): number {
  let h = Math.imul(x ^ 0x9e3779b9, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 16), 0x27d4eb2f)
  return (h ^ (h >>> 15)) >>> 0
}

const hash = (seed: number, ids: number[]): number => ids.reduce((h, id) => mix(h + id), mix(seed))

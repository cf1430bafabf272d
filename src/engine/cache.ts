/**
 * Keys and values of one text being decoded, so that each token is computed once. Keys lie in the panels that the matrix
 * product reads, values row by row; both on the model's heap until close().
 */
import type { Kernels } from './kernels.ts'
import type { ModelMemory } from './memory.ts'

/** Keys and values of one layer, as attention reads them. */
export interface KeysValues {
  /** [heads][tokens / 8][headDim][8] */
  keys: number
  /** Elements from one head's keys to the next. */
  keyHeadStride: number
  /** A row of headDim values a token and head. */
  values: number
  /** Elements from one token's values to the next. */
  valueStride: number
  /** Elements from one head's values to the next. */
  valueHeadStride: number
  /** Keys that there are. */
  tokens: number
}

export interface CacheShape {
  layers: number
  /** Heads of keys and values: fewer than those of the queries where queries share them. */
  heads: number
  headDim: number
  /** Most tokens. */
  capacity: number
}

export interface KeyValueCache {
  /** Tokens that are computed in all layers; lowering it forgets the last ones. */
  length: number
  readonly capacity: number
  /** Keys and values of the source text, for cross attention; shared by forks. */
  readonly source: KeyValueCache | undefined
  /** Adds keys and values [tokens, heads, headDim] of one layer behind `length`, and gives all up to there. */
  append(layer: number, keys: number, values: number, stride: number, tokens: number): KeysValues
  layer(layer: number): KeysValues
  /** A copy with room for as many tokens. @throws EdgewiseError `memory_exceeded` */
  fork(): KeyValueCache
  /** Becomes a copy of another cache of the same shape. */
  assign(other: KeyValueCache): void
  /** Frees the memory. */
  close(): void
}

/** @throws EdgewiseError `memory_exceeded` */
export function createKeyValueCache(
  memory: ModelMemory,
  kernels: Kernels,
  shape: CacheShape,
  source?: KeyValueCache,
): KeyValueCache {
  return open(memory, kernels, shape, source && share(source))
}

/** The source's keys and values belong to all forks: the last one to close frees them. */
interface Shared {
  cache: KeyValueCache
  users: number
}
const share = (cache: KeyValueCache): Shared => ({ cache, users: 0 })

/** How a fork reads the one that it copies. */
const internals = new WeakMap<KeyValueCache, { address: number }>()

function open(
  memory: ModelMemory,
  kernels: Kernels,
  shape: CacheShape,
  source: Shared | undefined,
): KeyValueCache {
  const { layers, heads, headDim } = shape
  const capacity = (shape.capacity + 7) & ~7
  const half = heads * capacity * headDim // f32 of one layer's keys, and of its values
  const address = memory.heap.allocate(layers * 2 * half * 4)
  if (source) source.users++
  let closed = false

  const keysOf = (layer: number) => address + layer * 2 * half * 4
  const cache: KeyValueCache = {
    length: 0,
    capacity,
    source: source?.cache,
    layer: (layer) => ({
      keys: keysOf(layer),
      keyHeadStride: capacity * headDim,
      values: keysOf(layer) + half * 4,
      valueStride: headDim,
      valueHeadStride: capacity * headDim,
      tokens: cache.length,
    }),
    append(layer, keys, values, stride, tokens) {
      const to = cache.layer(layer)
      for (let head = 0; head < heads; head++) {
        const at = head * headDim * 4
        const own = head * capacity * headDim * 4
        kernels.packKeys(keys + at, stride, to.keys + own, cache.length, tokens, headDim)
        const row = to.values + own + cache.length * headDim * 4
        kernels.copyRows(values + at, stride, row, headDim, tokens, headDim)
      }
      return { ...to, tokens: cache.length + tokens }
    },
    fork() {
      const copy = open(memory, kernels, shape, source)
      copy.assign(cache)
      return copy
    },
    assign(other) {
      if (other === cache) return
      const from = internals.get(other)!.address
      cache.length = other.length
      // Whole panels of keys; only the rows of values that there are.
      const filled = (other.length + 7) & ~7
      for (let part = 0; part < layers * 2 * heads; part++) {
        const offset = part * capacity * headDim * 4
        memory
          .u8(0, memory.memory.buffer.byteLength)
          .copyWithin(address + offset, from + offset, from + offset + filled * headDim * 4)
      }
    },
    close() {
      if (closed) return
      closed = true
      memory.heap.free(address)
      if (source && --source.users === 0) source.cache.close()
    },
  }
  internals.set(cache, { address })
  return cache
}

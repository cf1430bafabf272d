/** What the decoders share: texts of several steps computed together, each attending to its own cache. */
import { type CacheShape, createKeyValueCache, type KeyValueCache } from '../engine/cache.ts'
import type { AttentionInput, Engine } from '../engine/engine.ts'
import type { Linear } from '../engine/weights.ts'
import { EdgewiseError } from '../errors.ts'
import type { DecoderStep, Sequence } from './architecture.ts'

export const tokensOf = (steps: DecoderStep[]): number =>
  steps.reduce((sum, { inputIds }) => sum + inputIds.length, 0)

/** Calls `body` for each step with the index of its first row among the rows of all steps. */
export function eachStep(
  steps: DecoderStep[],
  body: (step: DecoderStep, firstRow: number, tokens: number) => void,
): void {
  let row = 0
  for (const step of steps) {
    body(step, row, step.inputIds.length)
    row += step.inputIds.length
  }
}

export interface SelfAttention {
  /** [tokens of all steps, heads, headDim], rows queryStride apart. */
  queries: number
  queryStride: number
  /** [tokens of all steps, keyValueHeads, headDim], rows keyValueStride apart. */
  keys: number
  values: number
  keyValueStride: number
  heads: number
  keyValueHeads?: number
  headDim: number
  scale?: number
  /** Most tokens that a token sees, itself included. */
  window?: number | undefined
  /** Position biases of a step, where a family has them. */
  bias?: (step: number) => AttentionInput['bias']
}

/** Appends the steps' keys and values to their caches; out[tokens, heads * headDim] = causal attention to all so far. */
export function selfAttention(
  engine: Engine,
  steps: DecoderStep[],
  layer: number,
  input: SelfAttention,
  out: number,
): void {
  const { queries, queryStride, keys, values, keyValueStride, heads, headDim, window, bias, ...rest } = input
  let index = 0
  eachStep(steps, ({ cache }, row, tokens) => {
    const at = row * keyValueStride * 4
    const seen = cache.append(layer, keys + at, values + at, keyValueStride, tokens)
    engine.attention(
      {
        ...seen,
        ...rest,
        queries: queries + row * queryStride * 4,
        queryStride,
        queryTokens: tokens,
        heads,
        headDim,
        causal: { past: cache.length, window },
        bias: bias?.(index++),
      },
      out + row * heads * headDim * 4,
    )
  })
}

/**
 * A cache for the text that an encoder-decoder writes, with the source's keys and values: `read` appends those of each
 * layer to the cache that it is given, and sets its length. Memory is laid out first, for none can be had during a pass.
 * @throws EdgewiseError `invalid_input` without a source, `memory_exceeded`, and what `read` throws
 */
export function openWithSource(
  { memory, kernels }: Engine,
  shape: CacheShape,
  source: Sequence | undefined,
  read: (source: Sequence, cache: KeyValueCache) => void,
): KeyValueCache {
  if (!source?.inputIds.length)
    throw new EdgewiseError(
      'invalid_input',
      'The source text is empty, and this model writes from a source.',
      'Send a text of at least one token.',
    )
  const sourceCache = createKeyValueCache(memory, kernels, { ...shape, capacity: source.inputIds.length })
  let cache: KeyValueCache | undefined
  try {
    cache = createKeyValueCache(memory, kernels, shape, sourceCache)
    memory.scratch.scope(() => read(source, sourceCache))
    return cache
  } catch (error) {
    // A cache closes its source's with it.
    const opened = cache ?? sourceCache
    opened.close()
    throw error
  }
}

/** out[tokens, heads * headDim] = attention of each step's queries [tokens, heads, headDim] to its source. */
export function crossAttention(
  engine: Engine,
  steps: DecoderStep[],
  layer: number,
  queries: number,
  { heads, headDim, scale }: { heads: number; headDim: number; scale?: number },
  out: number,
): void {
  const stride = heads * headDim
  eachStep(steps, ({ cache }, row, tokens) =>
    engine.attention(
      {
        ...cache.source!.layer(layer),
        queries: queries + row * stride * 4,
        queryStride: stride,
        queryTokens: tokens,
        heads,
        headDim,
        ...(scale !== undefined && { scale }),
      },
      out + row * stride * 4,
    ),
  )
}

/** Marks the steps' tokens as computed. */
export function advance(steps: DecoderStep[]): void {
  for (const { cache, inputIds } of steps) cache.length += inputIds.length
}

/** Logits of the rows that each step asks for, from hidden states [tokens, size] of all steps. */
export function logitsOf(
  engine: Engine,
  steps: DecoderStep[],
  hidden: number,
  size: number,
  output: Linear,
): Float32Array[] {
  const { scratch } = engine.memory
  return scratch.scope(() => {
    const wanted = (step: DecoderStep) => (step.logits === 'all' ? step.inputIds.length : 1)
    const rows = steps.reduce((sum, step) => sum + wanted(step), 0)
    const chosen = scratch.floats(rows * size) // [rows, size]
    let next = 0
    eachStep(steps, (step, row, tokens) => {
      const n = wanted(step)
      const from = hidden + (row + tokens - n) * size * 4
      engine.kernels.copyRows(from, size, chosen + next * size * 4, size, n, size)
      next += n
    })
    const logits = scratch.floats(rows * output.rows) // [rows, vocabulary]
    engine.linear(chosen, rows, output, logits)
    next = 0
    return steps.map((step) => {
      const n = wanted(step)
      const own = engine.memory.f32(logits + next * output.rows * 4, n * output.rows).slice()
      next += n
      return own
    })
  })
}

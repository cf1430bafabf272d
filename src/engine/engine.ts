/**
 * The operations a transformer is made of, on addresses in one model's memory. Shapes are in the comments; all
 * matrices are row-major f32 unless said otherwise. Allocation is the caller's, by engine.memory.scratch.
 */
import { EdgewiseError } from '../errors.ts'
import type { KeysValues } from './cache.ts'
import { instantiateKernels, type KernelModules, type Kernels } from './kernels.ts'
import { createModelMemory, type ModelMemory } from './memory.ts'
import { type Linear, type Precision, paddedColumns, type Table } from './weights.ts'

export type Activation = 'gelu' | 'geluTanh' | 'relu' | 'silu' | 'tanh'

/** Attention of one sequence's queries to keys and values. */
export interface AttentionInput extends KeysValues {
  /** [queryTokens, heads, headDim], rows queryStride apart. */
  queries: number
  queryStride: number
  queryTokens: number
  heads: number
  /** Heads of keys and values, each shared by heads / keyValueHeads query heads; absent means `heads`. */
  keyValueHeads?: number
  headDim: number
  /** Factor of the scores; absent means 1 / √headDim. */
  scale?: number
  /** Query i is at position past + i and sees no later key, and of the earlier ones the last `window` with its own. */
  causal?: { past: number; window?: number | undefined } | undefined
  /** Added to the scores before they are scaled, [heads, queryTokens, keys], rows and heads these strides apart. */
  bias?: { address: number; stride: number; headStride: number } | undefined
}

/** Attention of one sequence to itself. */
export interface SelfAttentionInput {
  /** [tokens, heads, headDim] each, rows `stride` apart. */
  queries: number
  keys: number
  values: number
  stride: number
  tokens: number
  heads: number
  headDim: number
  /** What the products are computed in. */
  precision: Precision
  /** As in AttentionInput. */
  scale?: number
  bias?: AttentionInput['bias']
}

export interface FeedForward {
  first: Linear
  activation: Activation
  gated?: boolean
  second: Linear
}

export interface Engine {
  memory: ModelMemory
  kernels: Kernels
  /** out[tokens, rows] = x[tokens, columns] Wᵀ + b. `x` may be read with a row stride above its columns. */
  linear(x: number, tokens: number, layer: Linear, out: number): void
  /** out[tokens, columns] += table[ids] */
  addRows(table: Table, ids: ArrayLike<number>, out: number): void
  /** x += residual, out = LayerNorm(x), [tokens, size]; without `out` in place, with residual 0 nothing is added. */
  layerNorm(x: number, residual: number, norm: LayerNorm, tokens: number, size: number, out?: number): void
  /** As layerNorm, without mean and bias. */
  rmsNorm(x: number, residual: number, norm: RmsNorm, tokens: number, size: number, out?: number): void
  /** In place, n values. */
  activate(activation: Activation, x: number, n: number): void
  /** out[tokens, size] = activation(first half) * second half of each row of x[tokens, 2 size]. */
  gate(activation: Activation, x: number, tokens: number, size: number, out: number): void
  /**
   * out[tokens, size] = the second layer of the activation of the first; with `gated`, of the gate of the first, whose rows
   * are then two halves.
   */
  feedForward(x: number, tokens: number, layers: FeedForward, out: number): void
  /** x += y, n values. */
  add(x: number, y: number, n: number): void
  /** x *= factor, n values. */
  scale(x: number, factor: number, n: number): void
  /**
   * A table for `rotate`, in scratch: cosines and sines of position * inverseFrequencies, for `tokens` positions from
   * `first` on.
   */
  rotaryTable(inverseFrequencies: ArrayLike<number>, first: number, tokens: number): RotaryTable
  /** Rotary position embedding of x[tokens, heads, headDim] in place, rows `stride` apart. */
  rotate(x: number, stride: number, tokens: number, heads: number, headDim: number, table: RotaryTable): void
  /** Keys and values [tokens, heads, headDim] of activations, rows `stride` apart, packed in scratch. */
  keysAndValues(
    keys: number,
    values: number,
    stride: number,
    tokens: number,
    heads: number,
    headDim: number,
  ): KeysValues
  /** out[queryTokens, heads * headDim] = softmax(Q Kᵀ scale + bias) V, head by head. */
  attention(input: AttentionInput, out: number): void
  /** The same of a sequence's own keys and values, which all its queries see. */
  selfAttention(input: SelfAttentionInput, out: number): void
  /** out[size] = mean of x[tokens, size] over tokens. */
  mean(x: number, tokens: number, size: number, out: number): void
}

export interface RotaryTable {
  address: number
  /** Leading values of each head that are rotated. */
  dimensions: number
}

export interface RmsNorm {
  weight: number
  eps: number
}

export interface LayerNorm {
  weight: number
  bias: number
  eps: number
}

/** Tokens whose intermediate activations, the widest there are, are held at a time. */
const FEED_FORWARD_BLOCK = 128
/**
 * Tokens from which attention may be computed in int8: below, it gains no time and would cost precision all the same.
 * Scores with a bias stay in f32 too: T5's are not scaled, and a step of theirs would weigh too much.
 */
const INT8_ATTENTION_TOKENS = 64
/** Queries whose scores are computed together. */
const QUERY_BLOCK = 64
/** More than any position; it, its double and sums of both with positions fit 32 bits. */
const ALL = 2 ** 29

/** @throws EdgewiseError `memory_exceeded` */
export function createEngine(modules: KernelModules, weightBytes: number): Engine {
  const memory = createModelMemory(weightBytes)
  const kernels = instantiateKernels(modules, memory.memory)
  const { scratch } = memory

  const engine: Engine = {
    memory,
    kernels,
    linear(x, tokens, layer, out) {
      const { rows, columns } = layer
      scratch.scope(() => {
        const tile = scratch.floats(32)
        if (layer.precision === 'fp32') {
          const { weight, bias } = layer
          kernels.matmulF32(x, columns, weight, 8 * columns, 8, bias, out, rows, tokens, rows, columns, tile)
          return
        }
        const Kp = paddedColumns(columns)
        if (layer.precision === 'int4') {
          // A group of 32 columns is 40 bytes, with its scale and its centre.
          const groups = scratch.bytes((tokens + 3) * (Kp / 32) * 40)
          kernels.quantizeGroups(x, groups, tokens, columns, Kp, tile)
          kernels.matmulInt4(groups, layer.weight, layer.bias, out, rows, tokens, rows, Kp, tile)
          return
        }
        const quantized = scratch.bytes((tokens + 3) * Kp)
        const scale = scratch.floats(tokens + 3)
        const norm = scratch.floats(tokens)
        kernels.quantizeRows(x, quantized, scale, norm, tokens, columns, Kp)
        const { weight, norm: wNorm, scale: wScale, zero, bias } = layer
        const centre = scratch.bytes(Math.max(2048, Kp))
        kernels.matmulInt8(
          quantized,
          scale,
          norm,
          weight,
          wNorm,
          wScale,
          zero,
          bias,
          out,
          rows,
          tokens,
          rows,
          Kp,
          centre,
          tile,
        )
      })
    },
    addRows(table, ids, out) {
      for (let i = 0; i < ids.length; i++)
        if (!(ids[i]! >= 0 && ids[i]! < table.rows)) throw idOutside(ids[i]!, table.rows)
      scratch.scope(() => {
        const at = scratch.bytes(ids.length * 4)
        memory.i32(at, ids.length).set(ids)
        const { weight, scale, columns } = table
        if (table.precision === 'int4')
          kernels.addRowsPackedInt4(weight, at, out, ids.length, columns, paddedColumns(columns))
        else if (table.precision === 'int8') {
          if (table.packed)
            kernels.addRowsPackedInt8(weight, scale, at, out, ids.length, columns, paddedColumns(columns))
          else kernels.addRowsInt8(weight, scale, at, out, ids.length, columns)
        } else if (table.packed) kernels.addRowsPackedF32(weight, at, out, ids.length, columns)
        else kernels.addRowsF32(weight, at, out, ids.length, columns)
      })
    },
    layerNorm(x, residual, { weight, bias, eps }, tokens, size, out = x) {
      kernels.layerNorm(x, residual, out, weight, bias, tokens, size, eps)
    },
    rmsNorm(x, residual, { weight, eps }, tokens, size, out = x) {
      kernels.rmsNorm(x, residual, out, weight, tokens, size, eps)
    },
    activate(activation, x, n) {
      kernels[activation](x, n)
    },
    gate(activation, x, tokens, size, out) {
      kernels.copyRows(x, 2 * size, out, size, tokens, size)
      kernels[activation](out, tokens * size)
      kernels.multiplyRows(out, x + size * 4, 2 * size, tokens, size)
    },
    feedForward(x, tokens, { first, activation, gated = false, second }, out) {
      scratch.scope(() => {
        const block = Math.min(tokens, FEED_FORWARD_BLOCK)
        const wide = scratch.floats(block * first.rows) // [block, first.rows]
        const narrow = gated ? scratch.floats(block * second.columns) : wide // [block, second.columns]
        for (let start = 0; start < tokens; start += block) {
          const rows = Math.min(block, tokens - start)
          engine.linear(x + start * first.columns * 4, rows, first, wide)
          if (gated) engine.gate(activation, wide, rows, second.columns, narrow)
          else engine.activate(activation, wide, rows * first.rows)
          engine.linear(narrow, rows, second, out + start * second.rows * 4)
        }
      })
    },
    add: kernels.add,
    scale: kernels.scale,
    rotaryTable(inverseFrequencies, first, tokens) {
      const half = inverseFrequencies.length
      const address = scratch.floats(tokens * 2 * half) // [tokens, 2, half]
      const table = memory.f32(address, tokens * 2 * half)
      for (let t = 0; t < tokens; t++)
        for (let i = 0; i < half; i++) {
          const angle = Math.fround((first + t) * inverseFrequencies[i]!)
          table[t * 2 * half + i] = Math.cos(angle)
          table[t * 2 * half + half + i] = Math.sin(angle)
        }
      return { address, dimensions: 2 * half }
    },
    rotate(x, stride, tokens, heads, headDim, { address, dimensions }) {
      kernels.rotate(x, stride, tokens, heads, headDim, dimensions, address)
    },
    keysAndValues(keys, values, stride, tokens, heads, headDim) {
      const keyHeadStride = ((tokens + 7) & ~7) * headDim
      const packed = scratch.floats(heads * keyHeadStride) // [heads, tokens / 8, headDim, 8]
      for (let head = 0; head < heads; head++) {
        const own = packed + head * keyHeadStride * 4
        kernels.packKeys(keys + head * headDim * 4, stride, own, 0, tokens, headDim)
      }
      return { keys: packed, keyHeadStride, values, valueStride: stride, valueHeadStride: headDim, tokens }
    },
    attention(input, out) {
      const { queries, queryStride, queryTokens, heads, headDim, causal, bias, tokens } = input
      const { keyValueHeads = heads, scale = 1 / Math.sqrt(headDim) } = input
      const block = Math.min(queryTokens, QUERY_BLOCK)
      scratch.scope(() =>
        kernels.attention(
          queries,
          queryStride,
          queryTokens,
          heads,
          headDim,
          input.keys,
          input.keyHeadStride,
          keyValueHeads,
          input.values,
          input.valueStride,
          input.valueHeadStride,
          tokens,
          bias?.address ?? 0,
          bias?.stride ?? 0,
          bias?.headStride ?? 0,
          scale,
          causal?.past ?? ALL,
          causal?.window ?? 2 * ALL,
          block,
          scratch.floats(block * ((tokens + 7) & ~7)),
          out,
          scratch.floats(32),
        ),
      )
    },
    selfAttention(input, out) {
      const { queries, keys, values, stride, tokens, heads, headDim, precision, bias } = input
      const { scale = 1 / Math.sqrt(headDim) } = input
      scratch.scope(() => {
        if (precision !== 'int8' || bias || tokens < INT8_ATTENTION_TOKENS) {
          const own = engine.keysAndValues(keys, values, stride, tokens, heads, headDim)
          const query = { queries, queryStride: stride, queryTokens: tokens, heads, headDim, scale, bias }
          engine.attention({ ...own, ...query }, out)
          return
        }
        kernels.attentionInt8(
          queries,
          keys,
          values,
          stride,
          tokens,
          heads,
          headDim,
          scale,
          QUERY_BLOCK,
          scratch.bytes(kernels.attentionInt8Bytes(tokens, headDim, QUERY_BLOCK)),
          out,
        )
      })
    },
    mean(x, tokens, size, out) {
      kernels.meanRows(x, out, tokens, size)
    },
  }
  return engine
}

function idOutside(id: number, rows: number): EdgewiseError {
  return new EdgewiseError(
    'tokenizer_invalid',
    `Token or position ${id} is outside the model's table of ${rows}.`,
    'Check that tokenizer.json belongs to these weights.',
  )
}

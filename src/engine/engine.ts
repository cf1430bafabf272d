/**
 * The operations a transformer is made of, on addresses in one model's memory. Shapes are in the comments; all
 * matrices are row-major f32 unless said otherwise. Allocation is the caller's, by engine.memory.scratch.
 */
import { EdgewiseError } from '../errors.ts'
import { instantiateKernels, type KernelModules, type Kernels } from './kernels.ts'
import { createModelMemory, type ModelMemory } from './memory.ts'
import { type Linear, paddedColumns, type Table } from './weights.ts'

export type Activation = 'gelu' | 'geluTanh' | 'relu' | 'silu' | 'tanh'

/** Self or cross attention of one sequence; rows of queries, keys and values have the same stride. */
export interface AttentionInput {
  /** [queryTokens, heads, headDim] */
  queries: number
  /** [keyTokens, heads, headDim] */
  keys: number
  /** [keyTokens, heads, headDim] */
  values: number
  /** Elements from one token to the next in all three. */
  stride: number
  queryTokens: number
  keyTokens: number
  heads: number
  headDim: number
}

export interface Engine {
  memory: ModelMemory
  kernels: Kernels
  /** out[tokens, rows] = x[tokens, columns] Wᵀ + b. `x` may be read with a row stride above its columns. */
  linear(x: number, tokens: number, layer: Linear, out: number): void
  /** out[tokens, columns] += table[ids] */
  addRows(table: Table, ids: ArrayLike<number>, out: number): void
  /** x = LayerNorm(x + residual) in place, [tokens, size]. */
  layerNorm(x: number, residual: number, norm: LayerNorm, tokens: number, size: number): void
  /** In place, n values. */
  activate(activation: Activation, x: number, n: number): void
  /** out[queryTokens, heads * headDim] = softmax(Q Kᵀ / √headDim) V, head by head. */
  attention(input: AttentionInput, out: number): void
  /** out[size] = mean of x[tokens, size] over tokens. */
  mean(x: number, tokens: number, size: number, out: number): void
}

export interface LayerNorm {
  weight: number
  bias: number
  eps: number
}

/** @throws EdgewiseError `memory_exceeded` */
export function createEngine(modules: KernelModules, weightBytes: number): Engine {
  const memory = createModelMemory(weightBytes)
  const kernels = instantiateKernels(modules, memory.memory)
  const { scratch } = memory

  return {
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
        const quantized = scratch.bytes(tokens * Kp)
        const scale = scratch.floats(tokens)
        kernels.quantizeRows(x, quantized, scale, tokens, columns, Kp)
        const { weight, wide, scale: wScale, zero, bias } = layer
        kernels.matmulInt8(
          quantized,
          scale,
          weight,
          wide,
          wScale,
          zero,
          bias,
          out,
          rows,
          tokens,
          rows,
          Kp,
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
        if (table.precision === 'int8') {
          if (table.packed)
            kernels.addRowsPackedInt8(weight, scale, at, out, ids.length, columns, paddedColumns(columns))
          else kernels.addRowsInt8(weight, scale, at, out, ids.length, columns)
        } else if (table.packed) kernels.addRowsPackedF32(weight, at, out, ids.length, columns)
        else kernels.addRowsF32(weight, at, out, ids.length, columns)
      })
    },
    layerNorm(x, residual, { weight, bias, eps }, tokens, size) {
      kernels.layerNorm(x, residual, weight, bias, tokens, size, eps)
    },
    activate(activation, x, n) {
      kernels[activation](x, n)
    },
    attention({ queries, keys, values, stride, queryTokens, keyTokens, heads, headDim }, out) {
      scratch.scope(() => {
        const padded = (keyTokens + 7) & ~7
        const transposedKeys = scratch.floats(headDim * padded) // [headDim, keyTokens to 8]
        const scores = scratch.floats(queryTokens * padded) // [queryTokens, keyTokens to 8]
        const tile = scratch.floats(32)
        const [Tq, Tk, D] = [queryTokens, keyTokens, headDim]
        for (let head = 0; head < heads; head++) {
          const at = head * headDim * 4
          kernels.transpose(keys + at, stride, transposedKeys, padded, Tk, D)
          kernels.matmulF32(
            queries + at,
            stride,
            transposedKeys,
            8,
            padded,
            0,
            scores,
            padded,
            Tq,
            Tk,
            D,
            tile,
          )
          kernels.softmax(scores, Tq, Tk, padded, 1 / Math.sqrt(headDim))
          kernels.matmulF32(
            scores,
            padded,
            values + at,
            8,
            stride,
            0,
            out + at,
            heads * headDim,
            Tq,
            D,
            Tk,
            tile,
          )
        }
      })
    },
    mean(x, tokens, size, out) {
      kernels.meanRows(x, out, tokens, size)
    },
  }
}

function idOutside(id: number, rows: number): EdgewiseError {
  return new EdgewiseError(
    'tokenizer_invalid',
    `Token or position ${id} is outside the model's table of ${rows}.`,
    'Check that tokenizer.json belongs to these weights.',
  )
}

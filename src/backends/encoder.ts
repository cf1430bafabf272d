/** Encoders on the native backend: Hugging Face checkpoints on our own engine. */
import type { EncoderTask, Sequence } from '../architectures/architecture.ts'
import { findEncoder } from '../architectures/index.ts'
import type { KernelModules } from '../engine/kernels.ts'
import type { Precision } from '../engine/weights.ts'
import { throwIfAborted } from '../errors.ts'
import { createTokenizer, type Tokenizer } from '../text/tokenizer.ts'
import { chunksOf, eventLoop } from './chunks.ts'
import { loadModel } from './model.ts'
import type { ModelFiles } from './weights.ts'

/** How hidden states [tokens, width] become one embedding [width]. */
export type Pooling = 'mean' | 'cls' | 'last'

/** A loaded encoder with its tokenizer. */
export interface NativeEncoder {
  labels: string[]
  width: number
  contextLength: number
  tokenTypes: number
  specialTokens: number
  tokenizer: Tokenizer
  tokenize(text: string): number[]
  wrap(ids: number[]): Sequence
  outputs(sequences: Sequence[], signal?: AbortSignal): Promise<Float32Array[]>
  pool(sequences: Sequence[], pooling: Pooling, signal?: AbortSignal): Promise<Float32Array[]>
  embed(sequences: Sequence[], pooling: Pooling, signal?: AbortSignal): Promise<Float32Array[]>
  /** Bytes of WebAssembly memory: weights and scratch. */
  memoryUsed(): number
}

/** @throws EdgewiseError for whatever is wrong with the files (codes with status 503) */
export async function loadNativeEncoder(
  files: ModelFiles,
  kernels: KernelModules,
  precision: Precision = 'int8',
  task: EncoderTask = 'sequence-classification',
): Promise<NativeEncoder> {
  const tokenizer = createTokenizer(await files.json('tokenizer.json'))
  const { model, engine } = await loadModel(files, kernels, precision, (config, plan) =>
    findEncoder(config).encoder(task, config, plan),
  )
  const outputs = async (sequences: Sequence[], signal?: AbortSignal): Promise<Float32Array[]> => {
    const results: Float32Array[] = []
    for (const chunk of chunksOf(sequences)) {
      if (results.length > 0) await eventLoop()
      throwIfAborted(signal)
      results.push(...model.forward(engine, chunk))
    }
    return results
  }
  const pooled = async (sequences: Sequence[], pooling: Pooling, signal?: AbortSignal) =>
    (await outputs(sequences, signal)).map((hidden) => pool(hidden, model.width, pooling))
  return {
    labels: model.labels,
    width: model.width,
    contextLength: model.contextLength,
    tokenTypes: model.tokenTypes,
    specialTokens: tokenizer.specialTokens.single,
    tokenizer,
    tokenize: (text) => tokenizer.encode(text).ids,
    wrap: tokenizer.wrap,
    outputs,
    pool: pooled,
    embed: async (sequences, pooling, signal) => (await pooled(sequences, pooling, signal)).map(unit),
    memoryUsed: () => engine.memory.memory.buffer.byteLength,
  }
}

/** One row of hidden states [tokens, width], or their mean. */
function pool(hidden: Float32Array, width: number, pooling: Pooling): Float32Array {
  if (pooling === 'cls') return hidden.slice(0, width)
  if (pooling === 'last') return hidden.slice(-width)
  const mean = new Float32Array(width)
  const tokens = hidden.length / width
  for (let i = 0; i < hidden.length; i++) mean[i % width]! += hidden[i]! / tokens
  return mean
}

/** Scaled to length 1, so that a dot product is the cosine; zeros stay. */
function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  return length > 0 ? vector.map((x) => x / length) : vector
}

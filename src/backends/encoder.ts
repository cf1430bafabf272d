/** Encoders on the native backend: Hugging Face checkpoints on our own engine. */
import type { Sequence } from '../architectures/architecture.ts'
import { findArchitecture } from '../architectures/index.ts'
import type { KernelModules } from '../engine/kernels.ts'
import type { Precision } from '../engine/weights.ts'
import { throwIfAborted } from '../errors.ts'
import { createTokenizer } from '../text/tokenizer.ts'
import { loadModel } from './model.ts'
import type { ModelFiles } from './weights.ts'

/** A loaded sequence classifier with its tokenizer. */
export interface NativeEncoder {
  labels: string[]
  contextLength: number
  specialTokens: number
  tokenize(text: string): number[]
  wrap(ids: number[]): Sequence
  classify(sequences: Sequence[], signal?: AbortSignal): Promise<Float32Array[]>
  /** Bytes of WebAssembly memory: weights and scratch. */
  memoryUsed(): number
}

/**
 * Most tokens of one uninterrupted forward pass. Short sequences are computed together up to it: more gains no
 * speed, less frees no memory, and between two passes an abort is seen.
 */
const CHUNK_TOKENS = 256

/** @throws EdgewiseError for whatever is wrong with the files (codes with status 503) */
export async function loadNativeEncoder(
  files: ModelFiles,
  kernels: KernelModules,
  precision: Precision = 'int8',
): Promise<NativeEncoder> {
  const tokenizer = createTokenizer(await files.json('tokenizer.json'))
  const { model, engine } = await loadModel(files, kernels, precision, (config, plan) =>
    findArchitecture(config, 'encoder').encoder('sequence-classification', config, plan),
  )
  return {
    labels: model.labels,
    contextLength: model.contextLength,
    specialTokens: tokenizer.specialTokens.single,
    tokenize: (text) => tokenizer.encode(text).ids,
    wrap: tokenizer.wrap,
    async classify(sequences, signal) {
      const logits: Float32Array[] = []
      for (const chunk of chunksOf(sequences, CHUNK_TOKENS)) {
        if (logits.length > 0) await eventLoop()
        throwIfAborted(signal)
        logits.push(...model.forward(engine, chunk))
      }
      return logits
    },
    memoryUsed: () => engine.memory.memory.buffer.byteLength,
  }
}

/** Consecutive sequences of at most `limit` tokens together; a longer one is a chunk of its own. */
function* chunksOf(sequences: Sequence[], limit: number): Generator<Sequence[]> {
  let chunk: Sequence[] = []
  let tokens = 0
  for (const sequence of sequences) {
    if (chunk.length > 0 && tokens + sequence.inputIds.length > limit) {
      yield chunk
      chunk = []
      tokens = 0
    }
    chunk.push(sequence)
    tokens += sequence.inputIds.length
  }
  if (chunk.length > 0) yield chunk
}

/** One turn of the event loop, so that an abort or another request gets its chance. */
const eventLoop = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

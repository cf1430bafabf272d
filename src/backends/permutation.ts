/** Models of random factorization orders (XLNet) on the native backend. */
import type { PermutationStep } from '../architectures/architecture.ts'
import { findPermutationLm } from '../architectures/index.ts'
import type { KernelModules } from '../engine/kernels.ts'
import type { Precision } from '../engine/weights.ts'
import { throwIfAborted } from '../errors.ts'
import { createTokenizer, type Tokenizer } from '../text/tokenizer.ts'
import { chunksOf, eventLoop } from './chunks.ts'
import { loadModel } from './model.ts'
import type { ModelFiles } from './weights.ts'

export interface NativePermutationLm {
  tokenizer: Tokenizer
  vocabularySize: number
  /** Logits [targets, vocabularySize] of each step. */
  predict(steps: PermutationStep[], signal?: AbortSignal): Promise<Float32Array[]>
  /** Bytes of WebAssembly memory: weights and scratch. */
  memoryUsed(): number
}

/** @throws EdgewiseError for whatever is wrong with the files (codes with status 503) */
export async function loadNativePermutationLm(
  files: ModelFiles,
  kernels: KernelModules,
  precision: Precision = 'int8',
): Promise<NativePermutationLm> {
  const tokenizer = createTokenizer(await files.json('tokenizer.json'))
  const { model, engine } = await loadModel(files, kernels, precision, (config, plan) =>
    findPermutationLm(config).permutationLm(config, plan),
  )
  return {
    tokenizer,
    vocabularySize: model.vocabularySize,
    async predict(steps, signal) {
      const logits: Float32Array[] = []
      for (const chunk of chunksOf(steps)) {
        if (logits.length > 0) await eventLoop()
        throwIfAborted(signal)
        logits.push(...model.forward(engine, chunk).map((output) => output.logits))
      }
      return logits
    },
    memoryUsed: () => engine.memory.memory.buffer.byteLength,
  }
}

/** A synthetic Llama on our engine, and what decoding is measured by; runs in Node and in a page. */
import { findDecoder } from '../src/architectures/index.ts'
import { loadModel } from '../src/backends/model.ts'
import { bindDecoder } from '../src/decoding/decoder.ts'
import type { Engine } from '../src/engine/engine.ts'
import type { KernelModules } from '../src/engine/kernels.ts'
import type { Precision } from '../src/engine/weights.ts'
import type { Checkpoint } from './synthetic.ts'

/** Tokens of the prompt that is timed, of that which decoding starts from, and tokens decoded. */
export const [PREFILL, PROMPT, STEPS] = [128, 64, 64]

/** A language model that keeps one text. */
export interface LanguageModel {
  /** Forgets the text. */
  reset(): void
  /** Adds tokens to the text; the logits behind the last, [vocabulary]. */
  feed(ids: number[]): Promise<Float32Array> | Float32Array
}

/** @returns the model, and the engine that it runs on */
export async function openOwn(
  { config, weights }: Checkpoint,
  kernels: KernelModules,
  precision: Precision = 'int8',
): Promise<{ model: LanguageModel; engine: Engine }> {
  const { model, engine } = await loadModel(
    {
      has: (file) => file === 'model.safetensors',
      json: async () => config,
      stream: async () => new Blob([weights]).stream(),
    },
    kernels,
    precision,
    (config, plan) => findDecoder(config).decoder(config, plan),
  )
  const decoder = bindDecoder(model, engine)
  let cache = decoder.open(2 * PREFILL)
  return {
    engine,
    model: {
      reset() {
        cache.close()
        cache = decoder.open(2 * PREFILL)
      },
      feed: (inputIds) => decoder.forward([{ cache, inputIds, logits: 'last' }])[0]!,
    },
  }
}

/** Token ids that are no special tokens. */
export const promptOf = (length: number, vocabulary: number): number[] =>
  Array.from({ length }, (_, i) => 3 + ((i * 7919 + 13) % (vocabulary - 3)))

export function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

/** Logarithms of the probabilities of `ids`. */
export function logProbabilities(logits: Float32Array, ids: number[]): number[] {
  const largest = logits[argmax(logits)]!
  const sum = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)
  return ids.map((id) => logits[id]! - largest - Math.log(sum))
}

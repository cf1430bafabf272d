/** Synthetic BERTs on our engine, texts for them, and the arithmetic that they ask for. */
import type { EncoderModel, Sequence } from '../src/architectures/architecture.ts'
import { findEncoder } from '../src/architectures/index.ts'
import { loadModel } from '../src/backends/model.ts'
import type { Engine } from '../src/engine/engine.ts'
import type { KernelModules } from '../src/engine/kernels.ts'
import { type BertSize, syntheticBert } from './synthetic.ts'

export interface OpenBert {
  model: EncoderModel
  engine: Engine
  parameters: number
  /** Bytes of WebAssembly memory that weights take, packed. */
  weightBytes: number
  /** Bytes of WebAssembly memory, weights included. */
  memoryBytes(): number
}

export async function openBert(size: BertSize, kernels: KernelModules): Promise<OpenBert> {
  const { config, weights } = syntheticBert(size)
  let [weightBytes, parameters] = [0, 0]
  const { model, engine } = await loadModel(
    {
      has: (file) => file === 'model.safetensors',
      json: async () => config,
      stream: async () => streamOf(weights),
    },
    kernels,
    'int8',
    (config, plan) => {
      const model = findEncoder(config).encoder('sequence-classification', config, plan)
      weightBytes = plan.bytes()
      for (const [name, destinations] of plan.destinations)
        if (!name.endsWith('.scale'))
          for (const { rows, columns } of destinations) parameters += rows * columns
      return model
    },
  )
  return {
    ...{ model, engine, parameters, weightBytes },
    memoryBytes: () => engine.memory.memory.buffer.byteLength,
  }
}

/** A stream of one chunk. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes)
      controller.close()
    },
  })
}

/** A batch of synthetic texts of the given lengths. */
export function sequences(lengths: number[]): Sequence[] {
  return lengths.map((length, text) => ({
    inputIds: Array.from({ length }, (_, i) => 3 + ((i * 7919 + text * 104_729) % 8000)),
  }))
}

/** Multiply-adds of a BERT's products and of its attention for texts of the given lengths. */
export function multiplyAdds({ layers, hidden }: BertSize, lengths: number[]) {
  const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
  return {
    /** Queries, keys, values, output; four times as wide and back. The classifier sees one row a text. */
    products: layers * 12 * hidden ** 2 * sum(lengths) + lengths.length * 3 * hidden,
    /** Scores, and values weighted by them. */
    attention: layers * 2 * hidden * sum(lengths.map((length) => length ** 2)),
  }
}

/** What our engine is compared with: ONNX Runtime, in WebAssembly and, where it is installed, native. */
import type { LanguageModel } from './decoders.ts'

/** Runs one sequence of token ids; the logits. */
export interface Contestant {
  name: string
  run(ids: number[]): Promise<ArrayLike<number>>
}

interface Output {
  data: unknown
  dims: readonly number[]
}
interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, Output>>
  inputNames: readonly string[]
  inputMetadata: readonly { name: string; shape?: readonly (number | string)[] }[]
  outputNames: readonly string[]
}
interface Ort {
  Tensor: new (type: string, data: BigInt64Array | Int32Array | Float32Array, shape: number[]) => unknown
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> }
}

async function contestant(name: string, ort: Ort, model: Uint8Array, options: object): Promise<Contestant> {
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'all', ...options })
  return {
    name,
    async run(ids) {
      const input_ids = new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length])
      const outputs = await session.run({ input_ids })
      return outputs[session.outputNames[0]!]!.data as Float32Array
    },
  }
}

async function openOnnxruntimeWeb(): Promise<Ort> {
  const ort = await import('onnxruntime-web/wasm')
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
  return ort as unknown as Ort
}

/** onnxruntime-web's wasm backend on one thread. */
export async function onnxruntimeWeb(precision: string, model: Uint8Array): Promise<Contestant> {
  return await contestant(`onnxruntime-web ${precision}`, await openOnnxruntimeWeb(), model, {
    executionProviders: ['wasm'],
  })
}

/**
 * A model of bench/onnx-llama.ts on the same backend. Outputs of one call are inputs of the next; that backend copies them
 * out of and into its memory, which costs a few hundredths of a step.
 */
export async function onnxruntimeWebDecoder(model: Uint8Array): Promise<LanguageModel> {
  const ort = await openOnnxruntimeWeb()
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: 'all',
    executionProviders: ['wasm'],
  })
  const empty = session.inputMetadata
    .filter(({ name }) => name.startsWith('past.'))
    .map(({ name, shape }) => {
      const sizes = shape!.map((size) => (typeof size === 'number' ? size : 0))
      return [name, new ort.Tensor('float32', new Float32Array(0), sizes)] as const
    })
  const past = new Map<string, unknown>(empty)
  let length = 0
  return {
    reset() {
      length = 0
      for (const [name, tensor] of empty) past.set(name, tensor)
    },
    async feed(ids) {
      length += ids.length
      const outputs = await session.run({
        ...Object.fromEntries(past),
        input_ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
        last_position: new ort.Tensor('int32', Int32Array.of(length - 1), [1]),
        total_length: new ort.Tensor('int32', Int32Array.of(length), []),
      })
      for (const name of past.keys()) past.set(name, outputs[name.replace('past.', 'present.')])
      return outputs[session.outputNames[0]!]!.data as Float32Array
    },
  }
}

/**
 * onnxruntime-node on one thread; undefined where it is not installed. Its install script downloads GPU libraries that
 * are not needed: `npm install --no-save --ignore-scripts onnxruntime-node`.
 */
export async function onnxruntimeNode(precision: string, model: Uint8Array): Promise<Contestant | undefined> {
  const name = 'onnxruntime-node'
  const ort: Ort | undefined = await import(name).then(
    (module) => module.default ?? module,
    () => undefined,
  )
  return (
    ort &&
    (await contestant(`${name} ${precision}`, ort, model, { intraOpNumThreads: 1, interOpNumThreads: 1 }))
  )
}

/** What our engine is compared with: ONNX Runtime, in WebAssembly and, where it is installed, native. */

/** Runs one sequence of token ids; the logits. */
export interface Contestant {
  name: string
  run(ids: number[]): Promise<ArrayLike<number>>
}

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: unknown }>>
  outputNames: readonly string[]
}
interface Ort {
  Tensor: new (type: 'int64', data: BigInt64Array, shape: number[]) => unknown
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

/** onnxruntime-web's wasm backend on one thread. */
export async function onnxruntimeWeb(precision: string, model: Uint8Array): Promise<Contestant> {
  const ort = await import('onnxruntime-web/wasm')
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
  return await contestant(`onnxruntime-web ${precision}`, ort as unknown as Ort, model, {
    executionProviders: ['wasm'],
  })
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

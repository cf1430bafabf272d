/** Loads a parity checkpoint the way the runtime loads models, and compares with the reference's answers. */
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { expect } from 'vitest'
import type { EncoderModel, EncoderTask } from '../../src/architectures/architecture.ts'
import { findDecoder, findEncoder } from '../../src/architectures/index.ts'
import { loadModel } from '../../src/backends/model.ts'
import type { ModelFiles } from '../../src/backends/weights.ts'
import { bindDecoder, type Decoder } from '../../src/decoding/decoder.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { KernelModules } from '../../src/engine/kernels.ts'
import type { Precision, WeightPlan } from '../../src/engine/weights.ts'

const kernel = (name: string) => new Uint8Array(readFileSync(`dist/kernels.${name}.wasm`))
const relaxed = await WebAssembly.compile(kernel('relaxed'))
const simd = await WebAssembly.compile(kernel('simd'))
/** Both builds, by name. */
export const BUILDS: Record<'relaxed-simd' | 'simd', KernelModules> = {
  'relaxed-simd': { relaxed },
  simd: { simd },
}

/** Checkpoints of the same names at other sizes and seeds may be tried by setting PARITY to their folder. */
const path = (name: string) => {
  const other = `${process.env.PARITY}/${name}`
  return existsSync(other) ? other : `test/parity/${name}`
}

export const readFixture = (name: string) => JSON.parse(readFileSync(path(name), 'utf8'))

/** A checkpoint's files, as a storage would hand them over. */
const filesOf = (folder: string, config: unknown): ModelFiles => ({
  has: (file) => existsSync(path(`${folder}/${file}`)),
  json: async (file) => (file === 'config.json' ? config : readFixture(`${folder}/${file}`)),
  stream: async (file) =>
    Readable.toWeb(createReadStream(path(`${folder}/${file}`))) as ReadableStream<Uint8Array>,
})

export interface LoadOptions {
  precision?: Precision
  build?: keyof typeof BUILDS
  /** Replaces fields of config.json. */
  config?: object
}

/** Token ids, as cases.json has them. */
export interface Input {
  input_ids: number[]
  token_type_ids?: number[]
}

/** Plans a checkpoint's weights with `planModel`, then loads them. */
export async function load<Model>(
  folder: string,
  { precision = 'fp32', build = 'relaxed-simd', config: change }: LoadOptions,
  planModel: (config: unknown, plan: WeightPlan) => Model,
): Promise<{ model: Model; engine: Engine }> {
  const config = { ...readFixture(`${folder}/config.json`), ...change }
  return await loadModel(filesOf(folder, config), BUILDS[build], precision, planModel)
}

/** An encoder of test/parity, ready to run. */
export async function loadEncoder(
  folder: string,
  { task = 'sequence-classification', ...options }: LoadOptions & { task?: EncoderTask } = {},
): Promise<EncoderModel & { run(inputs: Input[]): Float32Array[] }> {
  const { model, engine } = await load(folder, options, (config, plan) =>
    findEncoder(config).encoder(task, config, plan),
  )
  return {
    ...model,
    run: (inputs) =>
      model.forward(
        engine,
        inputs.map(({ input_ids, token_type_ids }) => ({
          inputIds: input_ids,
          ...(token_type_ids && { tokenTypeIds: token_type_ids }),
        })),
      ),
  }
}

/** A decoder of test/parity, ready to run. */
export async function loadDecoder(folder: string, options: LoadOptions = {}): Promise<Decoder> {
  const { model, engine } = await load(folder, options, (config, plan) =>
    findDecoder(config).decoder(config, plan),
  )
  return bindDecoder(model, engine)
}

export function expectWithin(actual: ArrayLike<number>, expected: number[], tolerance: number): void {
  expect(actual.length).toBe(expected.length)
  const differences = expected.map((x, i) => Math.abs(x - actual[i]!))
  expect(differences.every((difference) => difference < tolerance)).toBe(true)
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, v, i) => sum + v * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

export const argmax = (a: ArrayLike<number>): number => Array.from(a).indexOf(Math.max(...Array.from(a)))

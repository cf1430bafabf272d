/** Loads a parity checkpoint the way the runtime loads models, and compares with the reference's answers. */
import { createReadStream, readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { expect } from 'vitest'
import type { EncoderModel, EncoderTask } from '../../src/architectures/architecture.ts'
import { findArchitecture } from '../../src/architectures/index.ts'
import { createEngine } from '../../src/engine/engine.ts'
import { compileKernels, type KernelModules } from '../../src/engine/kernels.ts'
import { openSafetensors } from '../../src/engine/safetensors.ts'
import { loadWeights, type Precision, planWeights } from '../../src/engine/weights.ts'

const kernel = (name: string) => new Uint8Array(readFileSync(`dist/kernels.${name}.wasm`))
const { relaxed, simd } = await compileKernels(kernel('relaxed'), kernel('simd'))
/** Both builds, by name. */
export const BUILDS: Record<'relaxed-simd' | 'simd', KernelModules> = {
  'relaxed-simd': { relaxed, simd },
  simd: { simd },
}

export const readFixture = (path: string) => JSON.parse(readFileSync(`test/parity/${path}`, 'utf8'))

export interface LoadOptions {
  task?: EncoderTask
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

/** A checkpoint of test/parity, ready to run. */
export async function loadEncoder(
  folder: string,
  {
    task = 'sequence-classification',
    precision = 'fp32',
    build = 'relaxed-simd',
    config: change,
  }: LoadOptions = {},
): Promise<EncoderModel & { run(inputs: Input[]): Float32Array[] }> {
  const config = { ...readFixture(`${folder}/config.json`), ...change }
  const file = createReadStream(`test/parity/${folder}/model.safetensors`)
  const weights = await openSafetensors(Readable.toWeb(file) as ReadableStream<Uint8Array>, folder)
  const plan = planWeights(
    weights.tensors.map(({ name }) => name),
    precision,
  )
  const model = findArchitecture(config).encoder(task, config, plan)
  const engine = createEngine(BUILDS[build], plan.bytes())
  await loadWeights([weights], plan, engine.memory, engine.kernels)
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

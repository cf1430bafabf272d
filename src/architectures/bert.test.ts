/** Parity of the BERT family with Hugging Face transformers, on test/parity's checkpoints (see its README). */
import { createReadStream, readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { beforeAll, describe, expect, it } from 'vitest'
import { createEngine } from '../engine/engine.ts'
import { compileKernels, type KernelModules } from '../engine/kernels.ts'
import { openSafetensors } from '../engine/safetensors.ts'
import { loadWeights, type Precision, planWeights } from '../engine/weights.ts'
import { EdgewiseError } from '../errors.ts'
import { findArchitecture } from './index.ts'

interface Case {
  input_ids: number[]
  token_type_ids?: number[]
  logits: number[]
}
interface PaddedBatch {
  batch: number[][]
  first_outputs: number[][]
}

const root = new URL('../../test/parity/', import.meta.url)
const read = (path: string) => JSON.parse(readFileSync(new URL(path, root), 'utf8'))

let modules: KernelModules
beforeAll(async () => {
  const bytes = (name: string) => new Uint8Array(readFileSync(`dist/kernels.${name}.wasm`))
  modules = await compileKernels(bytes('relaxed'), bytes('simd'))
})

async function load(
  folder: string,
  precision: Precision,
  kernels: KernelModules,
  config = read(`${folder}/config.json`),
) {
  const file = createReadStream(new URL(`${folder}/model.safetensors`, root))
  const weights = await openSafetensors(Readable.toWeb(file) as ReadableStream<Uint8Array>, folder)
  const plan = planWeights(
    weights.tensors.map(({ name }) => name),
    precision,
  )
  const model = findArchitecture(config).sequenceClassifier(config, plan)
  const engine = createEngine(kernels, plan.bytes())
  await loadWeights([weights], plan, engine.memory, engine.kernels)
  return (sequences: Case[]) =>
    model.forward(
      engine,
      sequences.map(({ input_ids, token_type_ids }) => ({
        inputIds: input_ids,
        ...(token_type_ids && { tokenTypeIds: token_type_ids }),
      })),
    )
}

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, v, i) => sum + v * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}
const argmax = (a: ArrayLike<number>) => Array.from(a).indexOf(Math.max(...Array.from(a)))

const folders = ['bert', 'distilbert', 'roberta'].map((family) => `${family}-sequence-classification`)

describe.each(folders)('%s', (folder) => {
  const cases: (Case | PaddedBatch)[] = read(`${folder}/cases.json`)
  const single = cases.filter((c): c is Case => 'logits' in c)
  const padded = cases.find((c): c is PaddedBatch => 'batch' in c)!

  it.each(['relaxed-simd', 'simd'])('fp32 logits within 1e-3 with %s kernels', async (build) => {
    const classify = await load(folder, 'fp32', build === 'simd' ? { simd: modules.simd } : modules)
    for (const c of single) {
      const [logits] = classify([c])
      expect(logits).toHaveLength(c.logits.length)
      c.logits.forEach((expected, i) => {
        expect(Math.abs(logits![i]! - expected)).toBeLessThan(1e-3)
      })
    }
  })

  it('answers a batch as it answers its rows alone, and as the reference does padded', async () => {
    const classify = await load(folder, 'fp32', modules)
    const rows = padded.batch.map((input_ids) => ({ input_ids, logits: [] }))
    const batch = classify(rows)
    batch.forEach((logits, i) => {
      expect(Array.from(logits)).toEqual(Array.from(classify([rows[i]!])[0]!))
      padded.first_outputs[i]!.forEach((expected, j) => {
        expect(Math.abs(logits[j]! - expected)).toBeLessThan(1e-3)
      })
    })
  })

  it.each(['relaxed-simd', 'simd'])(
    'int8 logits with cosine >= 0.995 and the same label, %s kernels',
    async (build) => {
      const classify = await load(folder, 'int8', build === 'simd' ? { simd: modules.simd } : modules)
      for (const c of single) {
        const [logits] = classify([c])
        expect(cosine(logits!, c.logits)).toBeGreaterThanOrEqual(0.995)
        expect(argmax(logits!)).toBe(argmax(c.logits))
      }
    },
  )
})

describe('checkpoints that do not fit', () => {
  const folder = folders[0]!
  const code = (promise: Promise<unknown>) =>
    promise.then(
      () => 'loaded',
      (error: EdgewiseError) => error,
    )

  it('names the model_type that is not implemented', async () => {
    const error = await code(
      load(folder, 'fp32', modules, { ...read(`${folder}/config.json`), model_type: 'mamba' }),
    )
    expect(error).toMatchObject({
      code: 'architecture_unsupported',
      message: expect.stringContaining('"mamba"'),
    })
  })

  it('names a tensor that is missing', async () => {
    const config = { ...read(`${folder}/config.json`), num_hidden_layers: 3 }
    expect(await code(load(folder, 'fp32', modules, config))).toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining('bert.encoder.layer.2'),
    })
  })

  it('names a tensor of another shape', async () => {
    const config = { ...read(`${folder}/config.json`), vocab_size: 500 }
    expect(await code(load(folder, 'int8', modules, config))).toMatchObject({
      code: 'tensor_invalid',
      message: expect.stringContaining('bert.embeddings.word_embeddings.weight'),
    })
  })

  it.each([
    ['an activation that is not known', { hidden_act: 'snake' }],
    ['a size that is no number', { hidden_size: 'wide' }],
    ['heads that do not divide the width', { num_attention_heads: 5 }],
  ])('rejects %s', async (_, change) => {
    const config = { ...read(`${folder}/config.json`), ...change }
    expect(await code(load(folder, 'fp32', modules, config))).toMatchObject({ code: 'config_invalid' })
  })

  it('rejects token ids outside the vocabulary', async () => {
    const classify = await load(folder, 'int8', modules)
    expect(() => classify([{ input_ids: [3, 512], logits: [] }])).toThrow(EdgewiseError)
  })
})

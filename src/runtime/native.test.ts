/** The runtime on real files: tiny checkpoints with a tokenizer of single characters. */
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GenerationEvent } from '../decoding/request.ts'
import { compileKernels } from '../engine/kernels.ts'
import { fileStorage } from '../storage/files.ts'
import { createRuntime } from './native.ts'
import type { Runtime } from './runtime.ts'

/** Byte-level BPE without merges: the space and the 94 visible characters of ASCII, behind the end token. */
const characters = ['Ġ', ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))]
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
const tokenizer = {
  version: '1.0',
  added_tokens: [{ id: 0, content: '<end>', special: true }],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: {
    type: 'BPE',
    vocab: Object.fromEntries(['<end>', ...characters].map((c, i) => [c, i])),
    merges: [],
  },
}

let folder: string
let runtime: Runtime

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-models-'))
  const models = []
  for (const [name, fixture] of [
    ['writer', 'llama-mha-tied'],
    ['translator', 'marian-uneven'],
    ['classifier', 'bert-sharded'],
  ] as const) {
    const model = join(folder, name)
    await cp(`test/parity/variants/${fixture}`, model, { recursive: true })
    await rm(join(model, 'cases.json'))
    await writeFile(join(model, 'tokenizer.json'), JSON.stringify(tokenizer))
    if (name === 'writer')
      await writeFile(join(model, 'generation_config.json'), JSON.stringify({ eos_token_id: 0 }))
    const files: Record<string, { size: number; sha256: string }> = {}
    for (const file of await readdir(model)) {
      const bytes = await readFile(join(model, file))
      files[file] = { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
    }
    models.push({ name, task: 'test', summary: name, license: 'none', files })
  }
  await writeFile(join(folder, 'catalog.json'), JSON.stringify({ models }))
  const kernels = await compileKernels(
    async (build) => new Uint8Array(await readFile(`dist/kernels.${build}.wasm`)),
  )
  runtime = createRuntime({ storage: fileStorage(folder), kernels })
})
afterAll(() => rm(folder, { recursive: true }))

async function collect(events: AsyncGenerator<GenerationEvent, void>) {
  let text = ''
  for await (const event of events) {
    text += event.text
    if (event.type === 'end') return { ...event, text }
  }
  throw new Error('no end')
}

describe('a generator', () => {
  it('goes on from a prompt, token by token', async () => {
    const writer = await runtime.generator('writer')
    expect(writer).toMatchObject({ name: 'writer', readsSource: false })
    const end = await collect(writer.generate('Once', { maxNewTokens: 9 }))
    expect(end.usage).toMatchObject({ promptTokens: 4 })
    expect(end.text.length).toBeLessThanOrEqual(9)
    expect(await collect(writer.generate(writer.encode('Once'), { maxNewTokens: 9 }))).toEqual(end)
  })

  it('reads a source', async () => {
    const translator = await runtime.generator('translator')
    expect(translator.readsSource).toBe(true)
    const end = await collect(translator.generate('Hello', { maxNewTokens: 9, numBeams: 2 }))
    expect(end.usage.promptTokens).toBe(5)
  })

  it('writes what a schema asks for', async () => {
    const writer = await runtime.generator('writer')
    const schema = {
      type: 'object',
      properties: { ok: { type: 'boolean' }, n: { type: 'integer', minimum: 0, maximum: 99 } },
      required: ['ok', 'n'],
      additionalProperties: false,
    }
    const { text } = await collect(
      writer.generate('x', { schema, maxNewTokens: 30, temperature: 1, seed: 1 }),
    )
    const value = JSON.parse(text)
    expect(typeof value.ok).toBe('boolean')
    expect(value.n).toBeGreaterThanOrEqual(0)
    expect(value.n).toBeLessThanOrEqual(99)
  })

  it('stops when its caller goes away', async () => {
    const controller = new AbortController()
    const writer = await runtime.generator('writer')
    const events = writer.generate('Once', { maxNewTokens: 40, endTokenIds: [], signal: controller.signal })
    let tokens = 0
    const all = (async () => {
      for await (const event of events) if (event.type === 'token' && ++tokens === 3) controller.abort()
    })()
    await expect(all).rejects.toMatchObject({ code: 'request_aborted' })
    expect(tokens).toBeLessThanOrEqual(4)
  })
})

it('a model that does not write, or does not classify, says so', async () => {
  await expect(runtime.generator('classifier')).rejects.toMatchObject({ code: 'architecture_unsupported' })
  await expect(runtime.encoder('writer')).rejects.toMatchObject({ code: 'architecture_unsupported' })
  await expect(runtime.generator('nobody')).rejects.toMatchObject({ code: 'unknown_model' })
})

it('hidden states become embeddings', async () => {
  const encoder = await runtime.encoder('classifier', undefined, 'hidden-states')
  const sequences = ['One text', 'Another', 'One text'].map((text) => encoder.wrap(encoder.tokenize(text)))
  for (const pooling of ['mean', 'cls', 'last'] as const) {
    const [first, second, again] = await encoder.embed(sequences, pooling)
    expect(first).toHaveLength(encoder.width)
    expect(Math.hypot(...first!)).toBeCloseTo(1, 5)
    expect(again).toEqual(first)
    expect(second).not.toEqual(first)
  }
  const mean = (await encoder.outputs(sequences))[0]!
  const sums = Array.from({ length: encoder.width }, (_, d) =>
    mean.filter((_, i) => i % encoder.width === d).reduce((a, b) => a + b),
  )
  const [pooled] = await encoder.embed(sequences, 'mean')
  const length = Math.hypot(...sums)
  sums.forEach((sum, d) => {
    expect(pooled![d]).toBeCloseTo(sum / length, 4)
  })
})

it('shards are read as one model, whose revision depends on each', async () => {
  const { name, revision } = await runtime.encoder('classifier')
  expect(name).toBe('classifier')
  expect(revision).toMatch(/^[0-9a-f]{12}$/)
  expect(await runtime.models()).toContainEqual(
    expect.objectContaining({ name: 'classifier', revision, loaded: true }),
  )
})

it('the least recently used model leaves when the budget is spent', async () => {
  const kernels = await compileKernels(
    async (build) => new Uint8Array(await readFile(`dist/kernels.${build}.wasm`)),
  )
  const small = createRuntime({ storage: fileStorage(folder), kernels, memoryBudget: 1 })
  await small.generator('writer')
  const one = small.memoryUsed()
  await small.generator('translator')
  expect((await small.models()).map(({ name, loaded }) => [name, loaded])).toEqual([
    ['writer', false],
    ['translator', true],
    ['classifier', false],
  ])
  expect(small.memoryUsed()).toBeLessThan(2 * one)
})

/** Model files in a folder, opened through the catalog: what is wrong with them is said. */
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { compileKernels } from '../engine/kernels.ts'
import { createRuntime } from '../runtime/native.ts'
import { fileStorage } from './files.ts'

const kernel = (name: string) => readFile(`dist/kernels.${name}.wasm`).then((bytes) => new Uint8Array(bytes))
const kernels = await compileKernels(kernel)

let directory: string
const weights = () => join(directory, 'sentiment/model.safetensors')
const load = () => createRuntime({ storage: fileStorage(directory), kernels }).encoder('sentiment')

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'edgewise-'))
  await cp('models', directory, { recursive: true })
})
afterEach(() => rm(directory, { recursive: true }))

it('loads what is whole, and gives its memory back when it is dropped for another', async () => {
  const runtime = createRuntime({ storage: fileStorage(directory), kernels, memoryBudget: 1 })
  await runtime.encoder('sentiment')
  const { size } = (await runtime.models())[0]!
  expect(runtime.memoryUsed()).toBeGreaterThan(size / 2)
  expect(runtime.memoryUsed()).toBeLessThan(size + 4 * 2 ** 20)
})

it.each<[string, () => Promise<void>, string]>([
  [
    'no folder',
    () =>
      rm(directory, { recursive: true })
        .then(() => mkdir(directory))
        .then(),
    'file_missing',
  ],
  ['no weights', () => rm(weights()), 'file_missing'],
  ['weights cut off', () => truncate(weights(), 1_000_000), 'file_truncated'],
  [
    'a folder in the place of the weights',
    () =>
      rm(weights())
        .then(() => mkdir(weights()))
        .then(),
    'storage_failed',
  ],
  ['a changed config', () => writeFile(join(directory, 'sentiment/config.json'), '{}'), 'file_truncated'],
  [
    'a flipped bit',
    async () => {
      const bytes = await readFile(weights())
      bytes[bytes.length >> 1]! ^= 64
      await writeFile(weights(), bytes)
    },
    'file_altered',
  ],
])('%s', async (_, harm, code) => {
  await harm()
  await expect(load()).rejects.toMatchObject({ code, status: 503 })
})

import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type ModelFiles, openWeights } from './weights.ts'

const folder = 'test/parity/variants/bert-sharded'
const json = (file: string) => JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'))
const files = (change: Partial<ModelFiles> = {}): ModelFiles => ({
  has: (file) => existsSync(`${folder}/${file}`),
  json: async (file) => json(file),
  stream: async (file) => Readable.toWeb(createReadStream(`${folder}/${file}`)) as ReadableStream<Uint8Array>,
  ...change,
})
const index = json('model.safetensors.index.json')
const withMap = (weight_map: unknown) => files({ json: async () => ({ weight_map }) })

async function namesRead(source: ModelFiles): Promise<string[]> {
  const names: string[] = []
  for await (const file of (await openWeights(source)).files)
    for await (const block of file.blocks()) if (block.firstRow === 0) names.push(block.name)
  return names
}

describe('sharded weights', () => {
  it('are read as one checkpoint', async () => {
    const { tensorNames } = await openWeights(files())
    expect(new Set(Object.values(index.weight_map)).size).toBeGreaterThan(1)
    expect(tensorNames).toEqual(Object.keys(index.weight_map))
    expect((await namesRead(files())).sort()).toEqual([...tensorNames].sort())
  })

  it.each([
    ['no map', undefined],
    ['a shard in another folder', { x: '../model.safetensors' }],
    ['a shard that is no name', { x: 3 }],
  ])('rejects an index with %s', async (_, map) => {
    await expect(openWeights(withMap(map))).rejects.toMatchObject({ code: 'weights_malformed' })
  })

  it('names a tensor that is not where the index says', async () => {
    const map = { ...index.weight_map, 'bert.other.weight': Object.values(index.weight_map)[0] }
    await expect(namesRead(withMap(map))).rejects.toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining('bert.other.weight'),
    })
  })
})

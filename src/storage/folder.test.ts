import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folderStorage } from './folder.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'edgewise-objects-'))
})
afterAll(() => rm(directory, { recursive: true }))

it('keeps, lists, replaces and deletes', async () => {
  const storage = folderStorage(join(directory, 'new'))
  expect(await storage.list('some/')).toEqual([])
  expect(await storage.get('some/b')).toBeUndefined()
  await storage.put('some/b', 'one')
  await storage.put('some/a', 'two')
  expect(await storage.list('some/')).toEqual(['some/a', 'some/b'])
  await storage.put('some/b', 'three')
  expect(await storage.get('some/b')).toBe('three')
  expect(await storage.delete('some/b')).toBe(true)
  expect(await storage.delete('some/b')).toBe(false)
})

it('a folder that cannot be used is a storage_failed', async () => {
  await writeFile(join(directory, 'file'), '')
  const storage = folderStorage(join(directory, 'file'))
  await expect(storage.put('a', '')).rejects.toMatchObject({ code: 'storage_failed' })
  await expect(storage.get('a')).rejects.toMatchObject({ code: 'storage_failed' })
})

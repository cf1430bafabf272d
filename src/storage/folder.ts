/** Objects as files of a folder: the command line. Node only. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EdgewiseError } from '../errors.ts'
import type { ObjectStorage } from './objects.ts'

export function folderStorage(directory: string): ObjectStorage {
  const unless = (code: string) => (cause: NodeJS.ErrnoException) => {
    if (cause.code === code) return undefined
    throw new EdgewiseError('storage_failed', `${directory} cannot be used.`, 'Check its permissions.', {
      cause,
    })
  }
  const get = (key: string) => readFile(join(directory, key), 'utf8').catch(unless('ENOENT'))
  return {
    get,
    async put(key, value) {
      const path = join(directory, key)
      await mkdir(dirname(path), { recursive: true }).catch(unless(''))
      await writeFile(path, value).catch(unless(''))
    },
    async delete(key) {
      const existed = (await get(key)) !== undefined
      await rm(join(directory, key), { force: true }).catch(unless('ENOENT'))
      return existed
    },
    async list(prefix) {
      const files = await readdir(join(directory, prefix)).catch(unless('ENOENT'))
      return (files ?? []).map((file) => `${prefix}${file}`).sort()
    },
  }
}

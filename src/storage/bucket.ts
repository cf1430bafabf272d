/**
 * Objects in a Workers binding: an R2 bucket (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/) or
 * a KV namespace (https://developers.cloudflare.com/kv/api/), whichever is bound.
 */
import { EdgewiseError } from '../errors.ts'
import type { ObjectStorage } from './objects.ts'

/** The part of R2Bucket that is used. */
export interface Bucket {
  head(key: string): Promise<unknown>
  get(key: string): Promise<{ text(): Promise<string> } | null>
  put(key: string, value: string): Promise<unknown>
  delete(key: string): Promise<void>
  list(options: { prefix: string }): Promise<{ objects: { key: string }[] }>
}

/** The part of KVNamespace that is used. */
export interface Namespace {
  get(key: string): Promise<string | null>
  put(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
  list(options: { prefix: string }): Promise<{ keys: { name: string }[] }>
}

const isBucket = (binding: Bucket | Namespace): binding is Bucket => 'head' in binding

export function boundStorage(binding: Bucket | Namespace): ObjectStorage {
  const failed = (cause: unknown): never => {
    throw new EdgewiseError(
      'storage_failed',
      'The storage binding did not answer.',
      'Try again in a moment.',
      {
        cause,
      },
    )
  }
  const get = async (key: string): Promise<string | undefined> => {
    const found = await binding.get(key)
    return found === null ? undefined : typeof found === 'string' ? found : await found.text()
  }
  return {
    get: (key) => get(key).catch(failed),
    put: async (key, value) => {
      await Promise.resolve(binding.put(key, value)).catch(failed)
    },
    async delete(key) {
      const existed = (await get(key).catch(failed)) !== undefined
      await binding.delete(key).catch(failed)
      return existed
    },
    async list(prefix) {
      const keys = isBucket(binding)
        ? (await binding.list({ prefix }).catch(failed)).objects.map(({ key }) => key)
        : (await binding.list({ prefix }).catch(failed)).keys.map(({ name }) => name)
      return keys.sort()
    },
  }
}

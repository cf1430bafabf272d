/** Objects in workerd's own R2 and KV: one behaviour, and a typed error where the binding fails. */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { type Bucket, boundStorage, type Namespace } from './bucket.ts'

const bindings = env as unknown as { CLASSIFIERS: Namespace; TEST_BUCKET: Bucket }

describe.each([
  ['KV', bindings.CLASSIFIERS],
  ['R2', bindings.TEST_BUCKET],
] as const)('objects in %s', (_, binding) => {
  const storage = boundStorage(binding)

  it('are kept, listed by prefix, replaced and deleted', async () => {
    expect(await storage.get('some/b')).toBeUndefined()
    await storage.put('some/b', 'one')
    await storage.put('some/a', 'two')
    await storage.put('other', 'three')
    expect(await storage.list('some/')).toEqual(['some/a', 'some/b'])
    await storage.put('some/b', 'new: äöü 😀')
    expect(await storage.get('some/b')).toBe('new: äöü 😀')
    expect(await storage.delete('some/b')).toBe(true)
    expect(await storage.delete('some/b')).toBe(false)
    expect(await storage.list('some/')).toEqual(['some/a'])
  })
})

it('a binding that fails is a storage_failed', async () => {
  const fail = () => Promise.reject(new Error('down'))
  const storage = boundStorage({ get: fail, put: fail, delete: fail, list: fail })
  for (const work of [storage.get('a'), storage.put('a', ''), storage.delete('a'), storage.list('a')])
    await expect(work).rejects.toMatchObject({ code: 'storage_failed', status: 503 })
})

import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { EdgewiseError } from '../errors.ts'
import { type Access, guard } from './access.ts'

function serve(access: Access) {
  const app = new Hono()
  app.onError((error, c) => {
    if (!(error instanceof EdgewiseError)) throw error
    return c.json(error.toJSON(), error.status as 401)
  })
  app.use(guard(() => access))
  app.all('*', (c) => c.text('in'))
  return (path: string, headers: Record<string, string> = {}, method = 'POST') =>
    app.request(path, { method, headers }, {})
}

describe('API keys', () => {
  const ask = serve({ keys: 'first, second' })

  it.each(['Bearer first', 'Bearer second', 'bearer  second'])('%s is let in', async (authorization) => {
    expect((await ask('/v1/sentiment', { authorization })).status).toBe(200)
  })

  it.each(['', 'Bearer', 'Bearer third', 'Bearer firs', 'Bearer first,', 'Basic first', 'first'])(
    '"%s" is not',
    async (authorization) => {
      const response = await ask('/v1/sentiment', { authorization })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
      expect(await response.json()).toMatchObject({ error: { code: 'unauthorized' } })
    },
  )

  it('are not asked for where there are none, nor of what is for everybody', async () => {
    expect((await serve({})('/v1/sentiment')).status).toBe(200)
    expect((await serve({ keys: ' ' })('/v1/sentiment')).status).toBe(200)
    expect((await ask('/healthz', {}, 'GET')).status).toBe(200)
    expect((await ask('/openapi.json', {}, 'GET')).status).toBe(200)
    expect((await ask('/v1/sentiment', {}, 'OPTIONS')).status).toBe(200)
    expect((await ask('/v1/models', {}, 'GET')).status).toBe(401)
  })
})

describe('a limit on the rate', () => {
  it('is one for each key, and for each address without', async () => {
    const asked: string[] = []
    const limiter = {
      limit: async ({ key }: { key: string }) => {
        asked.push(key)
        return { success: asked.filter((other) => other === key).length <= 2 }
      },
    }
    const ask = serve({ keys: 'a b', limiter })
    const statuses = []
    for (const key of ['a', 'a', 'a', 'b'])
      statuses.push((await ask('/v1/embed', { authorization: `Bearer ${key}` })).status)
    expect(statuses).toEqual([200, 200, 429, 200])
    const limited = await ask('/v1/embed', { authorization: 'Bearer a' })
    expect(limited.headers.get('retry-after')).toBe('10')
    expect(await limited.json()).toMatchObject({ error: { code: 'rate_limited' } })
    expect((await ask('/healthz', {}, 'GET')).status).toBe(200)
    await serve({ limiter })('/v1/embed', { 'cf-connecting-ip': '192.0.2.1' })
    expect(asked.at(-1)).toBe('192.0.2.1')
    await serve({ limiter })('/v1/embed', {
      'cf-connecting-ip': '192.0.2.1',
      authorization: 'Bearer made-up',
    })
    expect(asked.at(-1)).toBe('192.0.2.1')
  })
})

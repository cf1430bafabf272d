/** The client against a fetch that only tells what it was asked, and its types. */
import { describe, expect, expectTypeOf, it } from 'vitest'
import * as z from 'zod'
import { defineFunction } from '../function.ts'
import { type CallOptions, createClient, similarity } from './client.ts'

const info = z.object({ name: z.string() })
const common = { summary: '', description: '', model: 'none', examples: [], output: z.object({ n: z.int() }) }
const run = async () => ({ n: 1 })
const route = { summary: '', run: async () => ({}) }

const definitions = [
  defineFunction({
    ...common,
    name: 'fill-mask',
    primary: 'text',
    input: z.strictObject({ text: z.string(), topK: z.int().default(5) }),
    run,
  }),
  defineFunction({
    ...common,
    name: 'classifiers',
    primary: 'examples',
    input: z.strictObject({ name: z.string(), examples: z.array(z.string()) }),
    run,
    routes: {
      list: { ...route, method: 'get', path: '', output: z.object({ classifiers: z.array(info) }) },
      get: { ...route, method: 'get', path: '/:name', output: info },
      remove: { ...route, method: 'delete', path: '/:name', output: z.object({ removed: z.string() }) },
      purge: { ...route, method: 'delete', path: '/:name', output: info },
    },
  }),
] as const

function fake(answer: unknown = { n: 1 }, status = 200) {
  const asked: { url: string; method?: string | undefined; body?: unknown; headers?: unknown }[] = []
  const client = createClient<typeof definitions>({
    baseUrl: 'http://edge/',
    headers: { authorization: 'Bearer x' },
    fetch: async (url, { method, body, headers } = {}) => {
      asked.push({
        url: String(url),
        method,
        headers,
        ...(body != null && { body: JSON.parse(String(body)) }),
      })
      return Response.json(answer, { status })
    },
  })
  return { client, asked }
}

describe('a stream', () => {
  const streaming = defineFunction({
    ...common,
    name: 'write',
    primary: 'text',
    input: z.strictObject({ text: z.string(), stream: z.boolean().default(false) }),
    run,
  })
  const client = (chunks: string[], status = 200) =>
    createClient<[typeof streaming, (typeof definitions)[0]]>({
      baseUrl: 'http://edge',
      fetch: async (_, { body: sent } = {}) => {
        expect(JSON.parse(String(sent))).toEqual({ text: 'x', stream: true })
        const body = new ReadableStream({
          start(controller) {
            for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
            controller.close()
          },
        })
        return new Response(body, { status })
      },
    })
  const read = async (chunks: string[], status?: number) => {
    const parts = client(chunks, status).write.stream({ text: 'x' })
    const texts: string[] = []
    let next = await parts.next()
    for (; !next.done; next = await parts.next()) texts.push(next.value.text)
    return { texts, answer: next.value }
  }

  it('gives the parts, wherever chunks are cut, and returns the answer', async () => {
    const all =
      'event: text\ndata: {"index":0,"text":"a"}\n\nevent: text\ndata: {"index":0,"text":"ö"}\n\nevent: end\ndata: {"n":1}\n\n'
    for (const size of [1, 7, 1000]) {
      const chunks = all.match(new RegExp(`[^]{1,${size}}`, 'g'))!
      expect(await read(chunks)).toEqual({ texts: ['a', 'ö'], answer: { n: 1 } })
    }
  })

  it('fails as the service does, at the beginning and on the way, and where the end is missing', async () => {
    const error = { code: 'internal', message: 'No.', hint: 'Wait.' }
    await expect(read([JSON.stringify({ error })], 500)).rejects.toMatchObject({ code: 'internal' })
    await expect(read([`event: error\ndata: ${JSON.stringify({ error })}\n\n`])).rejects.toMatchObject({
      code: 'internal',
      hint: 'Wait.',
    })
    await expect(read(['event: text\ndata: {"index":0,"text":"a"}\n\n'])).rejects.toMatchObject({
      code: 'network',
    })
  })

  it('is there for functions that can stream alone', () => {
    type Calls = ReturnType<typeof client>
    expectTypeOf<Calls['write']>().toHaveProperty('stream')
    expectTypeOf<Calls['fill-mask']>().not.toHaveProperty('stream')
  })
})

describe('names with a hyphen', () => {
  it('are called in both forms', async () => {
    const { client, asked } = fake()
    await client['fill-mask']('So [MASK].')
    await client.fillMask({ text: 'So [MASK].', topK: 2 })
    expect(asked).toMatchObject([
      { url: 'http://edge/v1/fill-mask', method: 'POST', body: 'So [MASK].' },
      { url: 'http://edge/v1/fill-mask', method: 'POST', body: { text: 'So [MASK].', topK: 2 } },
    ])
  })

  it('are typed in both forms', () => {
    const { client } = fake()
    type Call = typeof client.fillMask
    expectTypeOf<Call>().toEqualTypeOf<(typeof client)['fill-mask']>()
    expectTypeOf<Parameters<Call>[0]>().toEqualTypeOf<string | { text: string; topK?: number | undefined }>()
    expectTypeOf<Awaited<ReturnType<Call>>>().toEqualTypeOf<{ n: number }>()
    expectTypeOf(client).not.toHaveProperty('fillmask')
    expectTypeOf<keyof Call>().toEqualTypeOf<never>()
  })
})

describe('routes', () => {
  it('are methods of the function’s method', async () => {
    const { client, asked } = fake()
    await client.classifiers.list()
    await client.classifiers.get({ name: 'a b/c' })
    await client.classifiers.remove({ name: 'support' })
    await client.classifiers(['x'])
    const headers = { authorization: 'Bearer x' }
    expect(asked).toEqual([
      { url: 'http://edge/v1/classifiers', method: 'GET', headers },
      { url: 'http://edge/v1/classifiers/a%20b%2Fc', method: 'GET', headers },
      { url: 'http://edge/v1/classifiers/support', method: 'DELETE', headers },
      {
        url: 'http://edge/v1/classifiers',
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: ['x'],
      },
    ])
  })

  it('are typed by their outputs', () => {
    const { client } = fake()
    type Classifiers = typeof client.classifiers
    expectTypeOf<Classifiers['list']>().toEqualTypeOf<
      (options?: CallOptions) => Promise<{ classifiers: { name: string }[] }>
    >()
    expectTypeOf<Classifiers['get']>().toEqualTypeOf<
      (parameters: { name: string }, options?: CallOptions) => Promise<{ name: string }>
    >()
    expectTypeOf<Awaited<ReturnType<Classifiers['remove']>>>().toEqualTypeOf<{ removed: string }>()
  })

  it('whose names do not tell their method have none', () => {
    expectTypeOf<keyof ReturnType<typeof fake>['client']['classifiers']>().toEqualTypeOf<
      'list' | 'get' | 'remove'
    >()
  })

  it('fail and are aborted as functions are', async () => {
    const error = { code: 'not_found', message: 'There is none.', hint: 'List them.' }
    const { client } = fake({ error }, 404)
    await expect(client.classifiers.get({ name: 'x' })).rejects.toMatchObject({ ...error, status: 404 })
    const signal = AbortSignal.abort()
    const lost = createClient<typeof definitions>({
      baseUrl: 'http://edge',
      fetch: async (_, { signal } = {}) => {
        signal?.throwIfAborted()
        return Response.json({})
      },
    })
    await expect(lost.classifiers.list({ signal })).rejects.toBe(signal.reason)
    await expect(lost.classifiers.remove({ name: 'x' }, { signal })).rejects.toBe(signal.reason)
  })
})

it('neither the client nor a method passes for a promise', async () => {
  const { client, asked } = fake()
  expect(await client).toBe(client)
  expect(typeof (await client.classifiers)).toBe('function')
  expect(JSON.stringify({ call: client.classifiers })).toBe('{}')
  expect(asked).toEqual([])
})

it('brings similarity along', () => {
  expect(similarity([1, 0], [0, 1])).toBe(0)
})

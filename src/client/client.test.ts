/** The client against a server of its own, which fails as told; its types; its size. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from 'vitest'
import * as z from 'zod'
import { defineFunction } from '../function.ts'
import {
  type CallOptions,
  type ClientOptions,
  ConflictError,
  createClient,
  InvalidInputError,
  NetworkError,
  NotFoundError,
  RateLimitError,
  RequestError,
  similarity,
  UnauthorizedError,
  UnavailableError,
} from './client.ts'

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
    name: 'write',
    primary: 'text',
    input: z.strictObject({ text: z.string(), stream: z.boolean().default(false) }),
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

interface Asked {
  method: string | undefined
  path: string | undefined
  headers: IncomingMessage['headers']
  body: unknown
  at: number
}

/** What came in, and how the next requests are answered: by these in turn, the last one over and over. */
let asked: Asked[]
let answers: ((response: ServerResponse) => void)[]
let url: string

const server = createServer(async (request, response) => {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  const { method, url: path, headers } = request
  asked.push({ method, path, headers, body: text === '' ? undefined : JSON.parse(text), at: Date.now() })
  const answer = answers.length > 1 ? answers.shift()! : answers[0]!
  answer(response)
})
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  asked = []
  answers = [json({ n: 1 })]
})

const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
const failing = (code: string, status: number, headers: Record<string, string> = {}) =>
  json({ error: { code, message: `It is ${code}.`, hint: 'Do something.' } }, status, headers)
const lost = (response: ServerResponse) => response.destroy()

const client = (options: Partial<ClientOptions> = {}) =>
  createClient<typeof definitions>({ baseUrl: `${url}/`, maxRetryDelay: 5, ...options })
const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it was answered'),
    (error: RequestError) => error,
  )

describe('names with a hyphen', () => {
  it('are called in both forms', async () => {
    const nlp = client()
    expect(await nlp['fill-mask']('So [MASK].')).toEqual({ n: 1 })
    await nlp.fillMask({ text: 'So [MASK].', topK: 2 })
    expect(asked).toMatchObject([
      { path: '/v1/fill-mask', method: 'POST', body: 'So [MASK].' },
      { path: '/v1/fill-mask', method: 'POST', body: { text: 'So [MASK].', topK: 2 } },
    ])
  })

  it('are typed in both forms', () => {
    type Calls = ReturnType<typeof client>
    type Call = Calls['fillMask']
    expectTypeOf<Call>().toEqualTypeOf<Calls['fill-mask']>()
    expectTypeOf<Parameters<Call>[0]>().toEqualTypeOf<string | { text: string; topK?: number | undefined }>()
    expectTypeOf<Awaited<ReturnType<Call>>>().toEqualTypeOf<{ n: number }>()
    expectTypeOf<Calls>().not.toHaveProperty('fillmask')
    expectTypeOf<keyof Call>().toEqualTypeOf<never>()
  })
})

describe('routes', () => {
  it('are methods of the function’s method', async () => {
    const { classifiers } = client()
    await classifiers.list()
    await classifiers.get({ name: 'a b/c' })
    await classifiers.remove({ name: 'support' })
    await classifiers(['x'])
    expect(asked.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['GET', '/v1/classifiers', undefined],
      ['GET', '/v1/classifiers/a%20b%2Fc', undefined],
      ['DELETE', '/v1/classifiers/support', undefined],
      ['POST', '/v1/classifiers', ['x']],
    ])
    expect(asked.map(({ headers }) => headers['content-type'])).toEqual([
      undefined,
      undefined,
      undefined,
      'application/json',
    ])
  })

  it('are typed by their outputs', () => {
    type Classifiers = ReturnType<typeof client>['classifiers']
    expectTypeOf<Classifiers['list']>().toEqualTypeOf<
      (options?: CallOptions) => Promise<{ classifiers: { name: string }[] }>
    >()
    expectTypeOf<Classifiers['get']>().toEqualTypeOf<
      (parameters: { name: string }, options?: CallOptions) => Promise<{ name: string }>
    >()
    expectTypeOf<Awaited<ReturnType<Classifiers['remove']>>>().toEqualTypeOf<{ removed: string }>()
  })

  it('whose names do not tell their method have none', () => {
    expectTypeOf<keyof ReturnType<typeof client>['classifiers']>().toEqualTypeOf<'list' | 'get' | 'remove'>()
  })

  it('fail and are aborted as functions are', async () => {
    answers = [failing('not_found', 404)]
    expect(await rejection(client().classifiers.get({ name: 'x' }))).toBeInstanceOf(NotFoundError)
    const signal = AbortSignal.abort()
    await expect(client().classifiers.list({ signal })).rejects.toBe(signal.reason)
    await expect(client().classifiers.remove({ name: 'x' }, { signal })).rejects.toBe(signal.reason)
    expect(asked).toHaveLength(1)
  })
})

describe('headers', () => {
  it('are sent with each request, the key before an authorization of the same name', async () => {
    await client({ headers: { 'x-team': 'blue', Authorization: 'Basic x' } }).fillMask('x')
    const keyed = client({ headers: { Authorization: 'Basic x' }, apiKey: 'secret' })
    await keyed.fillMask('x')
    await keyed.classifiers.list()
    await client({ apiKey: '' }).fillMask('x')
    const sent = asked.map(({ headers }) => [headers['x-team'], headers.authorization])
    expect(sent).toEqual([
      ['blue', 'Basic x'],
      [undefined, 'Bearer secret'],
      [undefined, 'Bearer secret'],
      [undefined, undefined],
    ])
  })

  it('that cannot be sent are an error at once, and not one of the network', async () => {
    expect(await rejection(client({ apiKey: 'a\nb' }).fillMask('x'))).toBeInstanceOf(TypeError)
    expect(asked).toEqual([])
  })
})

it('input that is no JSON is an error at once, and not one of the network', async () => {
  const endless: Record<string, unknown> = {}
  endless.self = endless
  expect(await rejection(client().fillMask(endless as never))).toBeInstanceOf(TypeError)
  expect(asked).toEqual([])
})

describe('a failure', () => {
  it.each([
    ['invalid_input', 400, InvalidInputError],
    ['payload_too_large', 413, InvalidInputError],
    ['unauthorized', 401, UnauthorizedError],
    ['unknown_model', 404, NotFoundError],
    ['already_exists', 409, ConflictError],
    ['rate_limited', 429, RateLimitError],
    ['storage_failed', 503, UnavailableError],
    ['internal', 500, RequestError],
  ] as const)('%s with status %i has its class', async (code, status, Kind) => {
    answers = [failing(code, status, { 'x-request-id': 'r-1' })]
    const error = await rejection(client({ retries: 0 }).fillMask('x'))
    expect(error.constructor).toBe(Kind)
    expect(error).toBeInstanceOf(RequestError)
    const { name, message, hint, requestId } = error
    expect({ name, code: error.code, status: error.status, message, hint, requestId }).toEqual({
      name: Kind.name,
      code,
      status,
      message: `It is ${code}.`,
      hint: 'Do something.',
      requestId: 'r-1',
    })
  })

  it.each<[string, (response: ServerResponse) => unknown, typeof RequestError, number]>([
    ['a page', (response) => response.end('<html>'), NetworkError, 200],
    ['an empty body', (response) => response.writeHead(204).end(), NetworkError, 204],
    ['another service', json({ error: 'x' }, 404), NetworkError, 404],
    ['nothing but null', json(null, 500), NetworkError, 500],
    ['a proxy that limits', (response) => response.writeHead(429).end('slow down'), RateLimitError, 429],
    ['a proxy without a server', (response) => response.writeHead(503).end(), UnavailableError, 503],
  ])('without an answer of the service: %s', async (_, answer, Kind, status) => {
    answers = [answer]
    const error = await rejection(client({ retries: 0 }).fillMask('x'))
    expect(error.constructor).toBe(Kind)
    expect(error).toMatchObject({ code: 'network', status, requestId: undefined })
    expect(error.message).toContain(`${url}/ answered ${status}`)
  })

  it('of the network keeps its cause', async () => {
    const error = await rejection(client({ baseUrl: 'http://127.0.0.1:9' }).fillMask('x'))
    expect(error).toBeInstanceOf(NetworkError)
    expect(error).toMatchObject({ code: 'network', status: 0, cause: expect.any(Error) })
  })
})

describe('a request is sent again', () => {
  it.each([
    ['503', failing('storage_failed', 503)],
    ['429', failing('rate_limited', 429)],
    ['a connection that is lost', lost],
    [
      'an answer that breaks off',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': '100' }).write('{"n":', () => response.destroy())
      },
    ],
  ])('after %s', async (_, failure) => {
    answers = [failure, failure, json({ n: 3 })]
    expect(await client().fillMask({ text: 'x' })).toEqual({ n: 3 })
    expect(asked.map(({ body }) => body)).toEqual([{ text: 'x' }, { text: 'x' }, { text: 'x' }])
  })

  it('as often as told, then fails with the last error', async () => {
    answers = [failing('storage_failed', 503), failing('storage_failed', 503), failing('rate_limited', 429)]
    expect(await rejection(client().fillMask('x'))).toBeInstanceOf(RateLimitError)
    expect(asked.splice(0)).toHaveLength(3)
    await rejection(client({ retries: 4 }).fillMask('x'))
    expect(asked.splice(0)).toHaveLength(5)
    await rejection(client({ retries: 0 }).fillMask('x'))
    expect(asked).toHaveLength(1)
  })

  it.each([
    ['what was sent is wrong', failing('invalid_input', 400)],
    ['the key is wrong', failing('unauthorized', 401)],
    ['the service has a bug', failing('internal', 500)],
    ['another service answers', (response: ServerResponse) => response.end('<html>')],
  ])('not where %s', async (_, failure) => {
    answers = [failure]
    await rejection(client().fillMask('x'))
    expect(asked).toHaveLength(1)
  })

  const pauses = () => asked.slice(1).map(({ at }, i) => at - asked[i]!.at)

  it('after twice the wait each time, less up to a half', async () => {
    answers = [lost, lost, json({ n: 1 })]
    await client({ maxRetryDelay: 10_000 }).fillMask('x')
    const [first, second] = pauses()
    // A busy machine may add to a wait; nothing may take from it but a clock's rounding.
    expect(first).toBeGreaterThanOrEqual(249)
    expect(first).toBeLessThan(2_000)
    expect(second).toBeGreaterThanOrEqual(499)
    expect(second).toBeLessThan(4_000)
  })

  it('after as many seconds as Retry-After says, or at its date', async () => {
    answers = [failing('rate_limited', 429, { 'retry-after': '1' }), json({ n: 1 })]
    await client({ maxRetryDelay: 10_000 }).fillMask('x')
    expect(pauses()[0]).toBeGreaterThanOrEqual(999)
    asked = []
    const date = Math.ceil(Date.now() / 1000) * 1000 + 1_000
    const header = { 'retry-after': new Date(date).toUTCString() }
    answers = [failing('storage_failed', 503, header), json({ n: 1 })]
    await client({ maxRetryDelay: 10_000 }).fillMask('x')
    expect(asked[1]!.at).toBeGreaterThanOrEqual(date - 1)
  })

  it('without waiting for longer than is allowed, or for a date that has passed', async () => {
    const start = Date.now()
    const far = new Date(Date.now() + 3_600_000).toUTCString()
    for (const value of ['3600', far, 'Fri, 31 Dec 1999 23:59:59 GMT', 'soon', '-5', '']) {
      answers = [failing('rate_limited', 429, { 'retry-after': value }), json({ n: 1 })]
      expect(await client().fillMask('x')).toEqual({ n: 1 })
    }
    expect(Date.now() - start).toBeLessThan(5_000)
  })

  it('and the error tells what Retry-After says', async () => {
    answers = [failing('rate_limited', 429, { 'retry-after': '7' })]
    expect(await rejection(client().fillMask('x'))).toMatchObject({ retryAfter: 7 })
    answers = [failing('rate_limited', 429)]
    expect(await rejection(client().fillMask('x'))).toMatchObject({ retryAfter: undefined })
  })

  it('not once it is aborted: the wait ends at once', async () => {
    answers = [failing('rate_limited', 429, { 'retry-after': '20' })]
    const [leave, reason] = [new AbortController(), new Error('Enough.')]
    const start = Date.now()
    const answer = client({ maxRetryDelay: 60_000 }).fillMask('x', { signal: leave.signal })
    setTimeout(() => leave.abort(reason), 100)
    await expect(answer).rejects.toBe(reason)
    expect(Date.now() - start).toBeLessThan(5_000)
    expect(asked).toHaveLength(1)
  })
})

describe('a signal', () => {
  it('that is aborted already sends nothing', async () => {
    const signal = AbortSignal.abort()
    await expect(client().fillMask('x', { signal })).rejects.toBe(signal.reason)
    expect(asked).toEqual([])
  })

  it('ends a request that is not answered, also on time', async () => {
    answers = [() => {}]
    const error = await rejection(client().fillMask('x', { signal: AbortSignal.timeout(100) }))
    expect(error.name).toBe('TimeoutError')
    expect(asked).toHaveLength(1)
  })

  it('ends an answer that has begun', async () => {
    const [leave, reason] = [new AbortController(), new Error('Enough.')]
    answers = [(response) => response.write('{"n":', () => setTimeout(() => leave.abort(reason), 100))]
    await expect(client().fillMask('x', { signal: leave.signal })).rejects.toBe(reason)
    expect(asked).toHaveLength(1)
  })
})

describe('a stream', () => {
  const PARTS = [
    'event: text\ndata: {"index":0,"text":"a"}\n\n',
    'event: text\ndata: {"index":0,"text":"ö"}\n\n',
  ]
  const END = 'event: end\ndata: {"n":1}\n\n'

  /** Answers with these bytes, cut into chunks that arrive by themselves. */
  const sending =
    (text: string, size = Number.POSITIVE_INFINITY, after?: (response: ServerResponse) => void) =>
    async (response: ServerResponse) => {
      const bytes = Buffer.from(text)
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-request-id': 'r-2' })
      for (let i = 0; i < bytes.length; i += size) {
        await new Promise((resolve) => response.write(bytes.subarray(i, i + size), resolve))
        if (size < 10) await new Promise(setImmediate)
      }
      if (after) after(response)
      else response.end()
    }

  async function read(parts = client().write.stream({ text: 'x' })) {
    const texts: string[] = []
    let next = await parts.next()
    for (; !next.done; next = await parts.next()) texts.push(next.value.text)
    return { texts, answer: next.value }
  }

  it('gives the parts, wherever chunks are cut and however lines end, and returns the answer', async () => {
    const lines = PARTS.join('') + END
    for (const text of [lines, lines.replaceAll('\n', '\r\n')])
      for (const size of [1, 2, 7, 1000]) {
        answers = [sending(text, size)]
        expect(await read()).toEqual({ texts: ['a', 'ö'], answer: { n: 1 } })
      }
    expect(asked[0]!.body).toEqual({ text: 'x', stream: true })
  })

  it('passes over comments and events of other names, takes data of more lines and fields without a space', async () => {
    const other = ': ping\n\nevent: ping\ndata: {}\n\nid: 7\nretry: 10\n\n'
    const odd = 'data:{"index":0,\ndata: "text":"b"}\nevent:text\n\n'
    answers = [sending(`${other}${PARTS[0]}${odd}${END}`)]
    expect(await read()).toEqual({ texts: ['a', 'b'], answer: { n: 1 } })
  })

  it('is tried again before it begins', async () => {
    answers = [failing('storage_failed', 503), lost, sending(PARTS[0] + END)]
    expect((await read()).texts).toEqual(['a'])
    expect(asked).toHaveLength(3)
  })

  it('is not restarted once it has begun', async () => {
    const endings: ((response: ServerResponse) => void)[] = [
      (response) => response.end(),
      (response) => response.destroy(),
      (response) => response.end('event: text\ndata: {"index"\n\n'),
      (response) => response.end('event: end\ndata: {"n":1}'),
    ]
    for (const ending of endings) {
      asked = []
      answers = [sending(PARTS[0]!, undefined, ending)]
      const parts = client().write.stream({ text: 'x' })
      expect((await parts.next()).value).toEqual({ index: 0, text: 'a' })
      const error = await rejection(parts.next())
      expect(error).toBeInstanceOf(NetworkError)
      expect(error).toMatchObject({ message: expect.stringContaining('broke off'), requestId: 'r-2' })
      expect(asked).toHaveLength(1)
    }
  })

  it('fails as the service does, at the beginning and on the way', async () => {
    answers = [failing('invalid_input', 400)]
    expect(await rejection(read())).toBeInstanceOf(InvalidInputError)
    const error = (code: string) => JSON.stringify({ error: { code, message: 'No.', hint: 'Wait.' } })
    answers = [sending(`${PARTS[0]}event: error\ndata: ${error('storage_failed')}\n\n`)]
    const known = await rejection(read())
    expect(known).toBeInstanceOf(UnavailableError)
    expect(known).toMatchObject({ code: 'storage_failed', status: 503, hint: 'Wait.', requestId: 'r-2' })
    answers = [sending(`event: error\ndata: ${error('of_tomorrow')}\n\n`)]
    expect(await rejection(read())).toMatchObject({ code: 'of_tomorrow', status: 500 })
  })

  it('is aborted on the way, and closed when its reader leaves', async () => {
    const closed: Promise<unknown>[] = []
    const open = sending(PARTS.join(''), undefined, (response) => closed.push(once(response, 'close')))
    answers = [open]
    const leave = new AbortController()
    const parts = client().write.stream({ text: 'x' }, { signal: leave.signal })
    await parts.next()
    leave.abort(new Error('Enough.'))
    expect(await rejection(read(parts))).toBe(leave.signal.reason)
    for await (const { text } of client().write.stream({ text: 'x' })) {
      expect(text).toBe('a')
      break
    }
    await expect.poll(() => closed.length).toBe(2)
    await Promise.all(closed)
    expect(asked).toHaveLength(2)
  })

  it('is there for functions that can stream alone', () => {
    type Calls = ReturnType<typeof client>
    expectTypeOf<Calls['write']>().toHaveProperty('stream')
    expectTypeOf<Calls['fill-mask']>().not.toHaveProperty('stream')
  })
})

it('neither the client nor a method passes for a promise', async () => {
  const nlp = client()
  expect(await nlp).toBe(nlp)
  expect(typeof (await nlp.classifiers)).toBe('function')
  expect(JSON.stringify({ call: nlp.classifiers })).toBe('{}')
  expect(asked).toEqual([])
})

it('brings similarity along', () => {
  expect(similarity([1, 0], [0, 1])).toBe(0)
})

it('is at most 5 KB on the wire, with nothing of the server and no other module', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: ['src/client/client.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    metafile: true,
    write: false,
  })
  expect(gzipSync(outputFiles[0]!.contents).length).toBeLessThanOrEqual(5 * 1024)
  const modules = Object.keys(metafile.inputs).filter((path) => !path.startsWith('src/client/'))
  expect(modules.sort()).toEqual(['src/errors.ts', 'src/similarity.ts'])
})

/** The service as it is deployed, inside workerd: real kernels, real model files, real assets. */
import { exports } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { functions } from '../functions/index.ts'
import { ERROR_STATUS, type ErrorBody } from '../src/errors.ts'
import { MAX_BATCH, MAX_TEXT_LENGTH } from '../src/texts.ts'
import { expectError } from './worker.ts'

const url = 'https://edgewise.test'
const send = (path: string, init?: RequestInit) => exports.default.fetch(new Request(url + path, init))
const post = (body: BodyInit, type = 'application/json', path = '/v1/sentiment') =>
  send(path, { method: 'POST', body, headers: { 'content-type': type } })
const ask = (input: unknown) => post(JSON.stringify(input))

interface Answer {
  results: { label: string; score: number; scores: Record<string, number>; tokens: number; windows: number }[]
  model: { name: string; revision: string }
  tokens: number
}

describe('POST /v1/sentiment', () => {
  it('answers with the label, its score, all scores, the model and the tokens', async () => {
    const response = await ask({ text: 'A wonderful film, I loved every minute of it.' })
    expect(response.status).toBe(200)
    const { results, model, tokens } = (await response.json()) as Answer
    expect(results).toHaveLength(1)
    const [{ label, score, scores, windows }] = results as [Answer['results'][0]]
    expect(label).toBe('positive')
    expect(score).toBe(scores.positive)
    expect(Object.keys(scores)).toEqual(['negative', 'neutral', 'positive'])
    expect(Object.values(scores).reduce((a, b) => a + b)).toBeCloseTo(1, 5)
    expect(windows).toBe(1)
    expect(tokens).toBeGreaterThan(8)
    expect(model.name).toBe('sentiment')
    expect(model.revision).toMatch(/^[0-9a-f]{12}$/)
  })

  it('tells the three classes apart', async () => {
    const text = [
      'What a waste of two hours. The worst film I have seen.',
      'The meeting takes place on Tuesday at the town hall.',
      'Delightful from start to end!',
    ]
    const { results } = (await (await ask({ text })).json()) as Answer
    expect(results.map(({ label }) => label)).toEqual(['negative', 'neutral', 'positive'])
  })

  it('answers a text in a batch as it answers it alone', async () => {
    const text = [
      'Great.',
      'I want my money back, this broke after a day and nobody answers.',
      'It is a table.',
    ]
    const batch = (await (await ask({ text })).json()) as Answer
    for (const [i, single] of text.entries()) {
      const alone = (await (await ask({ text: single })).json()) as Answer
      for (const name of ['negative', 'neutral', 'positive'])
        expect(batch.results[i]!.scores[name]).toBeCloseTo(alone.results[0]!.scores[name]!, 5)
    }
  })

  it('reads a long text in windows', async () => {
    const { results } = (await (await ask({ text: 'I hated this film. '.repeat(200) })).json()) as Answer
    expect(results[0]).toMatchObject({ label: 'negative', windows: Math.ceil((200 * 5) / 126) })
  })

  it.each([
    ['a bare JSON string', '"Lovely."', 'application/json'],
    ['a bare list', '["Lovely."]', 'application/json'],
    ['plain text', 'Lovely.', 'text/plain; charset=utf-8'],
    ["curl's default content type", '{"text":"Lovely."}', 'application/x-www-form-urlencoded'],
  ])('takes %s', async (_, body, type) => {
    const response = await post(body, type)
    expect(((await response.json()) as Answer).results[0]!.label).toBe('positive')
  })

  it('takes the largest batch', async () => {
    const response = await ask({ text: Array(MAX_BATCH).fill('Good') })
    expect(((await response.json()) as Answer).results).toHaveLength(MAX_BATCH)
  })

  it.each([
    ['control characters only', '\u0001\u0002'],
    ['emoji and scripts it has not learned', '😀 東京は晴れ العربية'],
    ['a lone surrogate, escaped', '\ud800 fine'],
  ])('answers text of %s', async (_, text) => {
    const response = await ask({ text })
    expect(response.status).toBe(200)
    const { scores } = ((await response.json()) as Answer).results[0]!
    expect(Object.values(scores).every(Number.isFinite)).toBe(true)
  })
})

describe('bad input', () => {
  const cases: [string, BodyInit, number, string, RegExp?][] = [
    ['an empty body', '', 400, 'invalid_json', /empty/],
    ['not JSON', '{"text": ', 400, 'invalid_json'],
    ['invalid UTF-8', new Uint8Array([0x22, 0xc3, 0x28, 0x22]), 400, 'invalid_utf8'],
    ['an empty text', '{"text": ""}', 400, 'invalid_input', /text: must not be empty/],
    ['white space', '{"text": " \\n\\t"}', 400, 'invalid_input', /must not be empty/],
    ['no text', '{}', 400, 'invalid_input', /text/],
    ['a number', '{"text": 7}', 400, 'invalid_input', /text/],
    ['null', 'null', 400, 'invalid_input', /text/],
    ['a number within a batch', '{"text": ["a", 7]}', 400, 'invalid_input', /text\[1\]/],
    ['an empty text within a batch', '{"text": ["a", ""]}', 400, 'invalid_input', /text\[1\]/],
    ['an empty batch', '{"text": []}', 400, 'invalid_input', /at least one/],
    ['an unknown field', '{"text": "a", "txet": "b"}', 400, 'invalid_input', /txet/],
    ['a batch of 65', JSON.stringify({ text: Array(65).fill('a') }), 400, 'invalid_input', /64/],
    [
      'a text too long',
      JSON.stringify({ text: 'a'.repeat(MAX_TEXT_LENGTH + 1) }),
      400,
      'invalid_input',
      /50000/,
    ],
    ['a text of 1 MB', JSON.stringify({ text: 'a '.repeat(524_288) }), 413, 'payload_too_large'],
    ['deep nesting', `{"text": ${'['.repeat(5000)}${']'.repeat(5000)}}`, 400, 'invalid_input'],
    ['an unknown model', '{"text": "a", "model": "nope"}', 404, 'unknown_model', /nope/],
    ['a prototype name as model', '{"text": "a", "model": "__proto__"}', 404, 'unknown_model'],
    ['a path as model', '{"text": "a", "model": "../sentiment"}', 404, 'unknown_model'],
  ]

  it.each(cases)('%s', async (_, body, status, code, message = /./) => {
    const response = await post(body)
    expect(response.status).toBe(status)
    const { error } = (await response.json()) as ErrorBody
    expect(error).toEqual({ code, message: expect.stringMatching(message), hint: expect.stringMatching(/./) })
    expect(ERROR_STATUS[error.code]).toBe(status)
    expect(JSON.stringify(error)).not.toMatch(/\bat \w+ \(|\.ts:/)
  })

  it('a wrong content type', async () => {
    const response = await post('<a/>', 'application/xml')
    expect(response.status).toBe(415)
    expect(await response.json()).toMatchObject({ error: { code: 'unsupported_media_type' } })
  })

  it('a wrong method, with the right one named', async () => {
    const response = await send('/v1/sentiment')
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
    expect(await response.json()).toMatchObject({ error: { code: 'method_not_allowed' } })
  })

  it('an unknown route', async () => {
    const response = await post('{}', 'application/json', '/v1/sentimental')
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { code: 'not_found' } })
  })

  it('a body without an end is cut at the limit', async () => {
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(32)),
    })
    const response = await send('/v1/sentiment', { method: 'POST', body: endless })
    expect(response.status).toBe(413)
  })
})

describe.each(functions.map((fn) => [fn.name, fn] as const))('bad input to %s', (name, fn) => {
  const path = `/v1/${name}`
  const input = fn.examples[0]!.input
  const modelCases: [string, BodyInit, string][] = [
    ['a model that is no name', JSON.stringify({ ...input, model: 7 }), 'invalid_input'],
    ['an unknown model', JSON.stringify({ ...input, model: 'nobody' }), 'unknown_model'],
    ['a prototype name as model', JSON.stringify({ ...input, model: '__proto__' }), 'unknown_model'],
  ]
  const cases: [string, BodyInit, string, string?][] = [
    ['an empty body', '', 'invalid_json'],
    ['not JSON', '{"a": ', 'invalid_json'],
    ['invalid UTF-8', new Uint8Array([0x22, 0xc3, 0x28, 0x22]), 'invalid_utf8'],
    ['no fields', '{}', 'invalid_input'],
    ['null', 'null', 'invalid_input'],
    ['a number', '7', 'invalid_input'],
    ['an unknown field', JSON.stringify({ ...input, txet: 'b' }), 'invalid_input'],
    ['the primary field as an object', JSON.stringify({ ...input, [fn.primary]: { a: 1 } }), 'invalid_input'],
    ['the primary field empty', JSON.stringify({ ...input, [fn.primary]: '' }), 'invalid_input'],
    ...(fn.model === undefined ? [] : modelCases),
    [
      'more than 1 MiB',
      JSON.stringify({ ...input, [fn.primary]: 'a '.repeat(2 ** 19) }),
      'payload_too_large',
    ],
    ['deep nesting', `{"${fn.primary}": ${'['.repeat(5000)}${']'.repeat(5000)}}`, 'invalid_input'],
    ['another content type', '<a/>', 'unsupported_media_type', 'application/xml'],
  ]

  it.each(cases)('%s', async (_, body, code, type = 'application/json') => {
    await expectError(await post(body, type, path), code)
  })

  it('a wrong method', async () => {
    const response = await send(path, { method: 'PUT', body: '{}' })
    expect(response.headers.get('allow')).toContain('POST')
    await expectError(response, 'method_not_allowed')
  })
})

describe('what describes the service', () => {
  it.each(functions.flatMap((fn) => fn.examples.map((example) => ({ fn, ...example }))))(
    'example "$title" of $fn.name is answered as the definition says',
    async ({ fn, input }) => {
      const response = await post(JSON.stringify(input), 'application/json', `/v1/${fn.name}`)
      expect(response.status).toBe(200)
      const { success } = fn.output.safeParse(await response.json())
      expect(success).toBe(true)
    },
  )

  it('GET /v1/models', async () => {
    const { data } = (await (await send('/v1/models')).json()) as { data: { id: string; size: number }[] }
    const names = functions.flatMap(({ model }) => model ?? [])
    for (const name of names) expect(data.map(({ id }) => id)).toContain(name)
    for (const { size } of data) expect(size).toBeGreaterThan(100_000)
  })

  it('GET /healthz', async () => {
    expect(await (await send('/healthz')).json()).toMatchObject({
      status: 'ok',
      kernels: expect.stringMatching(/^(relaxed-)?simd$/),
    })
  })

  it('answers a browser of another origin, preflight too', async () => {
    const preflight = await send('/v1/sentiment', {
      method: 'OPTIONS',
      headers: { origin: 'https://example.com', 'access-control-request-method': 'POST' },
    })
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    const response = await ask({ text: 'Fine.' })
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('x-request-id')).toMatch(/./)
  })
})

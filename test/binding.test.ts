/** Two Workers in workerd with a service binding from one to the other, as wrangler runs them. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { createTestHarness } from 'wrangler'
import type { functions } from '../functions/index.ts'
import type { EventStream, ServiceBinding } from '../src/binding.ts'
import type { Told } from './binding/caller.ts'

const caller = (name: string, service: string, date: string, flags: string[] = []) => ({
  config: {
    name,
    main: 'test/binding/caller.ts',
    compatibility_date: date,
    compatibility_flags: flags,
    services: [{ binding: 'NLP', service }],
  },
})
const today = '2026-08-15'
const server = createTestHarness({
  workers: [
    { configPath: 'examples/service-binding/wrangler.toml' },
    { configPath: 'wrangler.toml' },
    caller('caller', 'edgewise', today),
    caller('old-caller', 'edgewise', '2025-01-01'),
    caller('direct-caller', 'counting', today),
    caller('old-direct-caller', 'counting', '2025-01-01'),
    {
      config: {
        name: 'counting',
        main: 'test/binding/counting.ts',
        compatibility_date: today,
      },
    },
  ],
})
beforeAll(() => server.listen(), 120_000)
afterAll(() => server.close())

const tell = (told: Told, name = 'caller') =>
  server.getWorker(name).fetch('http://caller/', { method: 'POST', body: JSON.stringify(told) })
const ask = (path: string, input: unknown) =>
  server.getWorker('edgewise').fetch(`http://edgewise/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
  })

describe('a caller', () => {
  it.each<[string, string, unknown]>([
    ['sentiment', 'sentiment', 'What a film!'],
    ['fillMask', 'fill-mask', { text: 'So [MASK]!', topK: 2 }],
    ['fill-mask', 'fill-mask', ['So [MASK]!']],
    ['embed', 'embed', { text: ['A night train', 'A day trip'], dimensions: 64 }],
  ])('gets from %s what POST /v1/%s answers', async (method, path, input) => {
    const [over, http] = await Promise.all([tell({ method, given: [input] }), ask(path, input)])
    expect(over.status).toBe(200)
    expect(await over.json()).toEqual(await http.json())
  })

  it('gets a stream, which is the body of a response as it is', async () => {
    const input = { text: 'I have no time. Thank you.', source: 'en', target: 'de' }
    const over = await tell({ method: 'translateStream', given: [input] })
    const text = await over.text()
    expect(text).toMatch(/^event: text\n.*event: end\n/s)
    expect(text).toBe(await (await ask('translate', { ...input, stream: true })).text())
  })

  it.each<[string, Told, string, number]>([
    ['its input', { method: 'sentiment', given: [''] }, 'invalid_input', 400],
    ['no input', { method: 'sentiment', given: [] }, 'invalid_input', 400],
    ['a model', { method: 'sentiment', given: [{ text: 'a', model: 'nobody' }] }, 'unknown_model', 404],
    ['the size', { method: 'sentiment', given: ['a '.repeat(2 ** 19)] }, 'payload_too_large', 413],
    ['a stream', { method: 'translateStream', given: [''] }, 'invalid_input', 400],
    ['a route', { method: 'classifiersGet', given: ['nobody'] }, 'unknown_classifier', 404],
  ])('is told by code, status and hint what is wrong with %s', async (_, told, code, status) => {
    for (const name of ['caller', 'old-caller']) {
      const { read, stack } = (await (await tell(told, name)).json()) as { read: object; stack: string }
      expect(read).toMatchObject({ code, status, hint: expect.stringMatching(/^[A-Z].*\.$/) })
      expect(stack).not.toContain('rpc.ts')
    }
  })

  it('is told the same as over HTTP', async () => {
    const { error } = (await (await ask('sentiment', '')).json()) as { error: object }
    const { read } = (await (await tell({ method: 'sentiment', given: [''] })).json()) as { read: object }
    expect(read).toEqual({ ...error, status: 400 })
  })

  it('finds code, status and hint in the error itself where nothing old is between', async () => {
    const wrong = { method: 'endless', given: [7] }
    const { read, ...error } = (await (await tell(wrong, 'direct-caller')).json()) as { read: object }
    expect(error).toMatchObject({ ...read, name: 'EdgewiseError', message: expect.stringMatching(/^text: /) })
    const old = (await (await tell(wrong, 'old-direct-caller')).json()) as Record<string, unknown>
    expect(old).toMatchObject({ read, name: 'Error' })
    expect(old.code).toBeUndefined()
  })

  it('is told of a method that is not there', async () => {
    const error = await (await tell({ method: 'sentimental', given: ['a'] })).json()
    expect(error).toMatchObject({ name: 'TypeError', message: expect.stringContaining('sentimental') })
  })

  it('holds the work up by resting, and ends it by going away', async () => {
    const counts = (await (
      await server.getWorker('direct-caller').fetch('http://caller/dawdle')
    ).json()) as Record<'rested' | 'left' | 'later', { written: number; ended: number; aborted: number }> & {
      taken: number
    }
    expect(counts.rested).toMatchObject({ ended: 0, aborted: 0 })
    // One lies in the pipe between the two, and one waits for a place in it.
    expect(counts.rested.written - counts.taken).toBeLessThanOrEqual(2)
    expect(counts.left).toMatchObject({ ended: 1, aborted: 1 })
    expect(counts.later).toEqual(counts.left)
  })
})

describe('the example', () => {
  const post = (path: string, body: string) => server.fetch(path, { method: 'POST', body })

  it('judges a review', async () => {
    const response = await post('/judge', 'The parcel came two weeks late, what a disappointment.')
    expect(await response.json()).toEqual({ label: 'negative', about: 'delivery' })
  })

  it('passes on what is wrong', async () => {
    for (const path of ['/judge', '/translate']) {
      const response = await post(path, ' ')
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({
        error: { code: 'invalid_input', hint: expect.stringMatching(/./) },
      })
    }
  })

  it('translates a review', async () => {
    const text = 'I have no time. Thank you.'
    const { results } = (await (await ask('translate', { text, source: 'en', target: 'de' })).json()) as {
      results: { translation: string }[]
    }
    expect(await (await post('/translate', text)).text()).toBe(results[0]!.translation)
  })

  it('ends the translation when its reader goes away', async () => {
    const start = Date.now()
    const response = await post('/translate', 'I have no time today. '.repeat(2000))
    const reader = response.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/\w/)
    await reader.cancel()
    expect((await ask('translate', { text: 'Thank you.', source: 'en', target: 'de' })).status).toBe(200)
    // The whole would take half a minute, on the one thread there is.
    expect(Date.now() - start).toBeLessThan(10_000)
  })

  it('has nothing else', async () => {
    expect((await post('/other', 'a')).status).toBe(404)
  })
})

it('the page shows the example as it is', async () => {
  const page = await readFile('docs/service-bindings.md', 'utf8')
  const snippets = [...page.matchAll(/^```(?:ts|toml)\n(.*?)^```$/gms)].map(([, code]) => code)
  expect(snippets).toContain(await readFile('examples/service-binding/worker.ts', 'utf8'))
})

describe('the types', () => {
  type NLP = ServiceBinding<typeof functions>

  it('of methods are those of the definitions', () => {
    expectTypeOf<string | string[]>().toExtend<Parameters<NLP['sentiment']>[0]>()
    expectTypeOf<{ text: string; aspects: string[] }>().toExtend<Parameters<NLP['sentiment']>[0]>()
    expectTypeOf<7 | { text: number } | { model: string }>().not.toExtend<Parameters<NLP['sentiment']>[0]>()
    expectTypeOf<Awaited<ReturnType<NLP['sentiment']>>['results'][number]['label']>().toEqualTypeOf<
      'negative' | 'neutral' | 'positive'
    >()
    expectTypeOf<NLP['fillMask']>().toEqualTypeOf<NLP['fill-mask']>()
    expectTypeOf<NLP>().not.toHaveProperty('fillmask')
  })

  it('of streams are there for functions that stream', () => {
    type Answer = Awaited<ReturnType<NLP['translate']>>
    expectTypeOf<ReturnType<NLP['translateStream']>>().toEqualTypeOf<Promise<EventStream<Answer>>>()
    expectTypeOf<NLP>().toHaveProperty('chatStream')
    expectTypeOf<NLP>().not.toHaveProperty('sentimentStream')
    expectTypeOf<Exclude<Parameters<NLP['translate']>[0], string | string[]>>().not.toHaveProperty('stream')
  })

  it('of routes are those of the definitions', () => {
    expectTypeOf<Awaited<ReturnType<NLP['classifiersRemove']>>>().toEqualTypeOf<{ removed: string }>()
    expectTypeOf<Parameters<NLP['classifiersList']>>().toEqualTypeOf<[]>()
    expectTypeOf<Parameters<NLP['classifiersGet']>>().toEqualTypeOf<[input: { name: string } | string]>()
    expectTypeOf<{ name: string; values: { label: string } }>().toExtend<
      Parameters<NLP['promptsRender']>[0]
    >()
    expectTypeOf<{ name: string } | string>().not.toExtend<Parameters<NLP['promptsRender']>[0]>()
  })
})

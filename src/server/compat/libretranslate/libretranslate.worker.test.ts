/** LibreTranslate's documented requests (https://docs.libretranslate.com/guides/api_usage/), inside workerd. */
import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { translate } from '../../../../functions/translate/function.ts'
import { answerOf, post, send } from '../../../../test/worker.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import { createApp } from '../../app.ts'
import { libreTranslate } from './index.ts'

type Native = z.output<typeof translate.output>
const native = async (input: object) => (await answerOf<Native>('translate', input)).results

async function ask<Answer = Record<string, unknown>>(path: string, body: BodyInit | object, type?: string) {
  const response =
    body instanceof FormData || body instanceof URLSearchParams
      ? await send(path, { method: 'POST', body })
      : await post(path, typeof body === 'string' ? body : JSON.stringify(body), type)
  return { status: response.status, answer: (await response.json()) as Answer }
}
const translateWith = async (fields: object) => {
  const { status, answer } = await ask('/translate', { source: 'en', target: 'de', ...fields })
  expect(status, JSON.stringify(answer)).toBe(200)
  return answer
}

describe('POST /translate', () => {
  const q = 'I have no time.'

  it('translates a text as the function does', async () => {
    const [expected] = await native({ text: q, source: 'en', target: 'de' })
    expect(await translateWith({ q, format: 'text', api_key: '' })).toEqual({
      translatedText: expected!.translation,
    })
    expect(await translateWith({ q, api_key: 'none', format: null, alternatives: null })).toEqual({
      translatedText: 'Ich habe keine Zeit.',
    })
  })

  it('translates a list of texts', async () => {
    const texts = [q, 'Where is my book?', '', ' 😀 ']
    const expected = await native({ text: texts.slice(0, 2), source: 'en', target: 'de' })
    expect(await translateWith({ q: texts })).toEqual({
      translatedText: [...expected.map(({ translation }) => translation), '', ' 😀 '],
    })
    expect(await translateWith({ q: [q] })).toEqual({ translatedText: ['Ich habe keine Zeit.'] })
  })

  it('detects the language of each text', async () => {
    const [expected] = await native({ text: "Je n'ai pas le temps.", target: 'en' })
    const confidence = Math.round(expected!.detected!.score * 100)
    expect(confidence).toBeGreaterThan(80)
    expect(await translateWith({ q: "Je n'ai pas le temps.", source: 'auto', target: 'en' })).toEqual({
      translatedText: expected!.translation,
      detectedLanguage: { confidence, language: 'fr' },
    })
    const batch = await translateWith({ q: ['Ich habe keine Zeit.', q, '123'], source: 'auto', target: 'en' })
    expect(batch).toEqual({
      translatedText: [expect.stringMatching(/time/), q, '123'],
      detectedLanguage: [
        { confidence: expect.any(Number), language: 'de' },
        { confidence: expect.any(Number), language: 'en' },
        { confidence: 0, language: 'en' },
      ],
    })
  })

  it('gives alternatives', async () => {
    const [expected] = await native({ text: q, source: 'en', target: 'de', alternatives: 3 })
    const alternatives = expected!.alternatives.map(({ translation }) => translation)
    expect(new Set(alternatives).size).toBe(3)
    expect(await translateWith({ q, alternatives: 3 })).toEqual({
      translatedText: expected!.translation,
      alternatives,
    })
    const batch = await translateWith({ q: [q, '!'], alternatives: '2' })
    expect(batch.alternatives).toEqual([alternatives.slice(0, 2), []])
  })

  it('takes tags of countries, and gives back what needs no translation', async () => {
    expect(await translateWith({ q, source: 'en-US', target: 'DE' })).toEqual({
      translatedText: 'Ich habe keine Zeit.',
    })
    const same = '<p>It&#39;s &nbsp; a day</p>'
    expect(await translateWith({ q: same, target: 'en', format: 'html' })).toEqual({ translatedText: same })
  })

  it.each([
    ['a form', (fields: Record<string, string>) => new URLSearchParams(fields)],
    [
      'a form of several parts',
      (fields: Record<string, string>) => {
        const form = new FormData()
        for (const [name, value] of Object.entries(fields)) form.set(name, value)
        return form
      },
    ],
  ])('takes %s', async (_, form) => {
    const fields = {
      q: `${q}\r\n${q}`,
      source: 'auto',
      target: 'de',
      format: 'text',
      alternatives: '1',
      api_key: '',
    }
    const { status, answer } = await ask('/translate', form(fields))
    expect(status, JSON.stringify(answer)).toBe(200)
    expect(answer).toMatchObject({
      translatedText: 'Ich habe keine Zeit.\nIch habe keine Zeit.',
      detectedLanguage: { language: 'en' },
      alternatives: [expect.any(String)],
    })
  })

  it('takes fields in the address', async () => {
    const query = new URLSearchParams({ q, source: 'en', target: 'de' })
    const response = await send(`/translate?${query}`, { method: 'POST' })
    expect(await response.json()).toEqual({ translatedText: 'Ich habe keine Zeit.' })
  })
})

describe('POST /translate of html', () => {
  const html = async (q: string, fields: object = {}) =>
    (await translateWith({ q, format: 'html', ...fields })).translatedText as string

  it('keeps the markup and translates the text', async () => {
    expect(await html('<p class="green">I have no time.</p>')).toBe(
      '<p class="green">Ich habe keine Zeit.</p>',
    )
    const document =
      '<!DOCTYPE html>\n<html><head><title>I have no time.</title><style>p > b { color: red }</style></head>\n' +
      '<body><h1>Thank you</h1><p>I have no time.<br>I have no time.</p><!-- no > time --></body></html>\n'
    const translated = await html(document)
    expect(translated).toBe(
      document
        .replaceAll('I have no time.', 'Ich habe keine Zeit.')
        .replace('Thank you', await textOf('Thank you')),
    )
  })

  const textOf = async (q: string) => (await translateWith({ q })).translatedText as string

  it('keeps markup within a sentence, in balance', async () => {
    const q = '<p>I have <b title="a > b">no time</b> for <code>a &lt; b</code> today.</p>'
    expect(await html(q)).toMatch(
      /^<p>[^<>]*<b title="a > b">[^<>]+<\/b>[^<>]*<code>a &lt; b<\/code>[^<>]*<\/p>$/,
    )
  })

  it.each([
    ['<p>Je n&rsquo;ai pas le temps&nbsp;!</p>', 'Je n’ai pas le temps\u00a0!'],
    ['<p>O&ugrave; est mon livre ?</p>', 'Où est mon livre ?'],
    ['<p>J&#39;aime &lt;b&gt; et &amp;amp; AT&amp;T.</p>', "J'aime <b> et &amp; AT&T."],
  ])('reads character references, and writes those that are needed: %s', async (q, text) => {
    const [{ translation }] = (await native({ text, source: 'fr', target: 'en' })) as [Native['results'][0]]
    const escaped = translation.replace(/[&<>]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[one]!)
    expect(await html(q, { source: 'fr', target: 'en' })).toBe(
      `<p>${escaped.replaceAll('\u00a0', '&nbsp;')}</p>`,
    )
  })

  it('tells the language once of a document, and gives no alternatives', async () => {
    const texts = ['Ich habe keine Zeit und muss jetzt gehen.', 'OK', 'Nein']
    const q = texts.map((text) => `<p>${text}</p>`).join('')
    const answer = await translateWith({ q, format: 'html', source: 'auto', target: 'en', alternatives: 2 })
    const expected = await native({ text: texts, source: 'de', target: 'en' })
    expect(answer).toEqual({
      translatedText: expected.map(({ translation }) => `<p>${translation}</p>`).join(''),
      detectedLanguage: { language: 'de', confidence: expect.any(Number) },
      alternatives: [],
    })
  })

  it('translates more passages than the function takes at a time', async () => {
    const q = '<li>I have no time.</li>'.repeat(70)
    expect(await html(q)).toBe('<li>Ich habe keine Zeit.</li>'.repeat(70))
  })
})

describe('the other routes', () => {
  it('POST /detect', async () => {
    const q = 'Ich habe heute leider keine Zeit.'
    const { answer } = await ask<{ confidence: number; language: string }[]>('/detect', { q, api_key: '' })
    expect(answer[0]).toEqual({ confidence: expect.any(Number), language: 'de' })
    expect(answer[0]!.confidence).toBeGreaterThan(90)
    expect(answer[0]!.confidence).toBeLessThanOrEqual(100)
    expect((await ask('/detect', new URLSearchParams({ q }))).answer).toEqual(answer)
    expect((await ask('/detect', { q: [q, q] })).answer).toMatchObject([{ language: 'de' }])
    expect((await ask('/detect', { q: '123 !' })).answer).toEqual([{ confidence: 0, language: 'en' }])
  })

  it('GET /languages', async () => {
    const response = await send('/languages')
    const targets = ['de', 'en', 'fr']
    expect(await response.json()).toEqual([
      { code: 'de', name: 'German', targets },
      { code: 'en', name: 'English', targets },
      { code: 'fr', name: 'French', targets },
    ])
  })

  it('GET /health', async () => {
    expect(await (await send('/health')).json()).toEqual({ status: 'ok' })
  })
})

describe('errors', () => {
  const good = { q: 'Hello.', source: 'en', target: 'de' }
  const json = (fields: object) => JSON.stringify({ ...good, ...fields })
  it.each<[string, BodyInit, number, RegExp, string?]>([
    ['no text', json({ q: undefined }), 400, /^Invalid request: missing q parameter$/],
    ['an empty text', json({ q: '' }), 400, /missing q/],
    ['no texts', json({ q: [] }), 400, /missing q/],
    ['a number', json({ q: 7 }), 400, /q parameter/],
    ['a number among texts', json({ q: ['a', 7] }), 400, /q parameter/],
    ['no source', json({ source: undefined }), 400, /^Invalid request: missing source parameter$/],
    ['no target', json({ target: '' }), 400, /^Invalid request: missing target parameter$/],
    ['a target that there is not', json({ target: 'zz' }), 400, /^zz is not supported$/],
    ['a source that there is not', json({ source: 'ja' }), 400, /^ja is not supported$/],
    ['auto as target', json({ target: 'auto' }), 400, /^auto is not supported$/],
    ['a list of languages', json({ target: ['de', 'fr'] }), 400, /not supported/],
    ['another format', json({ format: 'pdf' }), 400, /^pdf format is not supported$/],
    [
      'alternatives that are no number',
      json({ alternatives: 'many' }),
      400,
      /alternatives parameter is not a number/,
    ],
    ['too many alternatives', json({ alternatives: 5 }), 400, /alternatives parameter must be <= 4/],
    ['65 texts', json({ q: Array(65).fill('a') }), 400, /request \(65\) exceeds text limit \(64\)/],
    [
      'a text too long',
      json({ q: 'a'.repeat(50_001) }),
      400,
      /request \(50001\) exceeds text limit \(50000\)/,
    ],
    ['more than 1 MiB', json({ q: 'a '.repeat(2 ** 19) }), 413, /larger than 1048576 bytes/],
    ['an empty body', '', 400, /empty/],
    ['not JSON', '{"q": ', 400, /JSON/],
    ['a list', '["a"]', 400, /missing source/],
    ['null', 'null', 400, /missing q/],
    ['invalid UTF-8', new Uint8Array([0x22, 0xc3, 0x28, 0x22]), 400, /UTF-8/],
    ['another type', '<a/>', 415, /application\/xml/, 'application/xml'],
    ['text alone', 'Hello.', 415, /text\/plain/, 'text/plain'],
    ['a form without parts', 'abc', 400, /form/, 'multipart/form-data; boundary=x'],
    ['a form without its boundary', 'abc', 400, /form/, 'multipart/form-data'],
    ['a form of noise', new Uint8Array([0xc3, 0x28]), 400, /missing q/, 'application/x-www-form-urlencoded'],
  ])('%s', async (_, body, status, message, type = 'application/json') => {
    const response = await post('/translate', body, type)
    expect(await response.json()).toEqual({ error: expect.stringMatching(message) })
    expect(response.status).toBe(status)
  })

  it.each([
    ['GET', '/translate', 'POST'],
    ['GET', '/detect', 'POST'],
    ['POST', '/languages', 'GET'],
    ['POST', '/health', 'GET'],
  ])('%s %s', async (method, path, allowed) => {
    const response = await send(path, { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allowed)
    expect(await response.json()).toEqual({ error: expect.stringMatching(method) })
  })

  it('an API key is asked for where the service wants one, in the header or in the body', async () => {
    const app = createApp({
      functions: [translate],
      dialects: [libreTranslate],
      access: () => ({ keys: 'sesame' }),
      runtime: (): Runtime => {
        throw new Error('a key comes first')
      },
    })
    const q = 'Ich habe keine Zeit.'
    const asked = async (body: BodyInit, headers: Record<string, string> = {}) => {
      const type = typeof body === 'string' ? { 'content-type': 'application/json' } : undefined
      const response = await app.request('/detect', {
        method: 'POST',
        body,
        headers: { ...type, ...headers },
      })
      return { status: response.status, answer: await response.json() }
    }
    const detected = { status: 200, answer: [{ language: 'de' }] }
    expect(await asked(JSON.stringify({ q, api_key: 'sesame' }))).toMatchObject(detected)
    expect(await asked(new URLSearchParams({ q, api_key: 'sesame' }))).toMatchObject(detected)
    expect(await asked(JSON.stringify({ q }), { authorization: 'Bearer sesame' })).toMatchObject(detected)
    for (const body of [{ q }, { q, api_key: 'guess' }, { q, api_key: ['sesame'] }, null])
      expect(await asked(JSON.stringify(body))).toEqual({
        status: 401,
        answer: { error: expect.stringMatching(/API key/) },
      })
    expect((await asked('{"api_key": "sesame"')).status).toBe(401)
  })

  it('ends when its caller goes away', async () => {
    const leaver = new AbortController()
    setTimeout(() => leaver.abort(), 50)
    const body = json({ q: Array(64).fill('I have no time today. '.repeat(40)) })
    const headers = { 'content-type': 'application/json' }
    const start = Date.now()
    const response = await send('/translate', { method: 'POST', body, headers, signal: leaver.signal }).catch(
      () => undefined,
    )
    expect([undefined, 499]).toContain(response?.status)
    expect(Date.now() - start).toBeLessThan(5_000)
  })
})

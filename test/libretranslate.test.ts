/** LibreTranslate's protocol over the network: the npm package libretranslate-ts, given the gateway's address. */
import { libreTranslate } from 'libretranslate-ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { functions } from '../functions/index.ts'
import { createClient } from '../src/client/client.ts'
import { startGateway } from './gateway.ts'

let gateway: Awaited<ReturnType<typeof startGateway>>
beforeAll(async () => {
  gateway = await startGateway()
  libreTranslate.setApiEndpoint(gateway.url)
  libreTranslate.setApiKey('')
}, 90_000)
afterAll(() => gateway?.stop())

const native = () => createClient<typeof functions>({ baseUrl: gateway.url })

describe('libretranslate-ts', () => {
  it('translates, with alternatives', async () => {
    const input = { text: 'I have no time.', source: 'en', target: 'de', alternatives: 2 }
    const { results } = await native().translate(input)
    const { translation, alternatives } = results[0]!
    expect(await libreTranslate.translate(input.text, 'en', 'de')).toEqual({
      status: 200,
      translatedText: translation,
      alternatives: undefined,
      error: undefined,
    })
    expect(await libreTranslate.translate(input.text, 'auto', 'de', 2)).toEqual({
      status: 200,
      translatedText: translation,
      alternatives: alternatives.map((other) => other.translation),
      error: undefined,
    })
  })

  it('detects a language', async () => {
    const detected = await libreTranslate.detect('Où est mon livre ? Je ne le trouve pas.')
    expect(detected).toEqual({
      status: 200,
      language: 'fr',
      confidence: expect.any(Number),
      error: undefined,
    })
    expect(detected.confidence).toBeGreaterThan(90)
  })

  it('lists languages', async () => {
    const languages = await libreTranslate.listLanguages()
    expect(languages.map(({ code, name }) => [code, name])).toEqual([
      ['de', 'German'],
      ['en', 'English'],
      ['fr', 'French'],
    ])
    for (const { targets } of languages) expect(targets).toEqual(['de', 'en', 'fr'])
  })

  it('reads errors', async () => {
    expect(await libreTranslate.translate('Hello.', 'en', 'zz')).toMatchObject({
      error: 'zz is not supported',
    })
    expect(await libreTranslate.translate('', 'en', 'de')).toMatchObject({
      error: 'Invalid request: missing q parameter',
    })
    expect(await libreTranslate.translate('a '.repeat(2 ** 19), 'en', 'de')).toMatchObject({
      error: expect.stringMatching(/larger than 1048576 bytes/),
    })
    expect(await libreTranslate.detect('')).toMatchObject({ error: 'Invalid request: missing q parameter' })
  })
})

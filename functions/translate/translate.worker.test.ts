import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { answerOf, expectError, post, send } from '../../test/worker.ts'
import type { translate } from './function.ts'

type Answer = z.output<typeof translate.output>
const ask = (input: unknown) => answerOf<Answer>('translate', input)

describe('POST /v1/translate', () => {
  it.each<[string, string, string, RegExp]>([
    ['I have no time.', 'en', 'de', /^Ich habe keine Zeit\.$/],
    ['Ich habe keine Zeit.', 'de', 'en', /time/],
    ['Where is my book?', 'en', 'fr', /^Où est mon livre \?$/],
    ['Où est mon livre ?', 'fr', 'en', /^Where('s| is) my book\?$/],
  ])('%s (%s to %s)', async (text, source, target, expected) => {
    const { results, model, tokens } = await ask({ text, source, target })
    expect(results).toHaveLength(1)
    expect(results[0]).toMatchObject({ source, target, sentences: 1, inParts: 0, alternatives: [] })
    expect(results[0]!.translation).toMatch(expected)
    expect(results[0]!.score).toBeGreaterThan(0.3)
    expect(model.name).toBe('translate')
    expect(tokens.read).toBeGreaterThan(3)
    expect(tokens.written).toBeGreaterThan(3)
  })

  it('detects the source of each text, and says how sure that is', async () => {
    const { results } = await ask({ text: ['Ich habe keine Zeit.', "Je n'ai pas le temps."], target: 'en' })
    expect(results.map(({ source }) => source)).toEqual(['de', 'fr'])
    for (const { detected } of results) expect(detected!.score).toBeGreaterThan(0.9)
  })

  it('goes by way of English between German and French', async () => {
    const { results } = await ask({ text: 'Wo ist mein Buch?', source: 'de', target: 'fr' })
    expect(results[0]).toMatchObject({ pivot: 'en', translation: expect.stringMatching(/livre/) })
  })

  it('leaves a text of the target language as it is', async () => {
    const text = 'Guten Tag! Wie geht es dir?'
    const { results } = await ask({ text, target: 'de-AT' })
    expect(results[0]).toMatchObject({
      translation: text,
      score: 1,
      source: 'de',
      target: 'de',
      sentences: 0,
    })
  })

  it('keeps paragraphs, spacing, tags and placeholders', async () => {
    const text = '<p>I have no time.</p>\n\n  <p>Where is {name}?</p>\n\t%s\n'
    const { translation, sentences } = (await ask({ text, source: 'en', target: 'de' })).results[0]!
    expect(translation).toMatch(/^<p>[^<>\n]+<\/p>\n\n {2}<p>[^<>\n]*\{name\}[^<>\n]*<\/p>\n\t%s\n$/)
    expect(sentences).toBe(2)
  })

  it('loses nothing that is to be kept, whatever the text', async () => {
    const piece = fc.constantFrom(
      'I ',
      'like ',
      '{name} ',
      '%s ',
      '<b>',
      '</b> ',
      'tea. ',
      '\n',
      '😀 ',
      '<0> ',
      '{{x}}, ',
      '&nbsp;',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 14 }), async (pieces) => {
        const text = `I know ${pieces.join('')}`
        const { results } = await ask({ text, source: 'en', target: 'fr', numBeams: 1 })
        for (const kept of ['{name}', '%s', '<b>', '</b>', '<0>', '{{x}}', '&nbsp;', '\n'])
          expect(results[0]!.translation.split(kept).length, `${kept} of ${text}`).toBe(
            text.split(kept).length,
          )
      }),
      { numRuns: 20 },
    )
  })

  it('gives as many alternatives as asked for, each another text', async () => {
    const { results } = await ask({ text: 'I do not know.', source: 'en', target: 'de', alternatives: 3 })
    const { translation, alternatives } = results[0]!
    expect(alternatives).toHaveLength(3)
    expect(new Set([translation, ...alternatives.map((other) => other.translation)]).size).toBe(4)
  })

  it('translates a sentence that is too long for the model in parts', async () => {
    const text = `${'I have a dog and you have a cat and '.repeat(30)}we have a bird.`
    const { results } = await ask({ text, source: 'en', target: 'de' })
    expect(results[0]).toMatchObject({ sentences: 1, inParts: 1 })
    expect(results[0]!.translation.length).toBeGreaterThan(text.length / 4)
  })

  it('ends when its caller goes away', async () => {
    const leaver = new AbortController()
    setTimeout(() => leaver.abort(), 50)
    const body = JSON.stringify({
      text: Array(64).fill('I have no time today. '.repeat(40)),
      source: 'en',
      target: 'de',
    })
    const headers = { 'content-type': 'application/json' }
    const start = Date.now()
    const response = await send('/v1/translate', {
      method: 'POST',
      body,
      headers,
      signal: leaver.signal,
    }).catch(() => undefined)
    expect([undefined, 499]).toContain(response?.status)
    expect(Date.now() - start).toBeLessThan(5_000)
  })
})

describe('bad input', () => {
  it.each<[string, object, string, RegExp]>([
    ['an unknown target', { target: 'nl' }, 'language_unsupported', /target: "nl"/],
    ['an unknown source', { source: 'ja', target: 'de' }, 'language_unsupported', /source: "ja"/],
    ['a target that is no language', { target: 'Deutsch!' }, 'invalid_input', /target/],
    ['no text', { text: '', target: 'de' }, 'invalid_input', /empty/],
    ['65 texts', { text: Array(65).fill('a'), target: 'de' }, 'invalid_input', /64/],
    ['nine beams', { numBeams: 9, target: 'de' }, 'invalid_input', /numBeams/],
    [
      'a model that writes nothing',
      { model: 'sentiment', target: 'de' },
      'architecture_unsupported',
      /decoder|bert/i,
    ],
    ['an unknown model', { model: 'nobody', target: 'de' }, 'unknown_model', /nobody/],
  ])('%s', async (_, input, code, message) => {
    const response = await post('/v1/translate', JSON.stringify({ text: 'Hello.', ...input }))
    await expectError(response, code, message)
  })

  it('lists the pairs there are', async () => {
    const response = await post('/v1/translate', '{"text": "Hello.", "target": "nl"}')
    const { error } = (await response.json()) as { error: { hint: string } }
    expect(error.hint).toContain('de-en, de-fr, en-de, en-fr, fr-de, fr-en')
  })
})

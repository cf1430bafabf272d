import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { answerOf, expectError, post } from '../../test/worker.ts'
import type { tokenize } from './function.ts'

type Answer = z.output<typeof tokenize.output>
const ask = (input: unknown) => answerOf<Answer>('tokenize', input)

describe('POST /v1/tokenize', () => {
  it('gives tokens with their places', async () => {
    const text = 'Edge workers have no GPU.'
    const { results, tokens, model } = await ask({ text })
    const [{ tokens: found, count }] = results as [NonNullable<Answer['results']>[0]]
    expect(found.map(({ start, end }) => text.slice(start, end))).toEqual([
      'Edge',
      'workers',
      'have',
      'no',
      'GPU',
      '.',
    ])
    expect(count).toBe(6)
    expect(tokens).toBe(6)
    expect(model.name).toBe('encoder')
  })

  it('puts special tokens around where asked to', async () => {
    const { results } = await ask({ text: 'Hello there', special: true })
    const found = results![0]!.tokens
    expect(found.map(({ token }) => token)).toEqual(['[CLS]', 'hello', 'there', '[SEP]'])
    expect(found.map(({ start, end }) => [start, end])).toEqual([
      [0, 0],
      [0, 5],
      [6, 11],
      [11, 11],
    ])
  })

  it('decodes ids', async () => {
    const { results } = await ask({ text: 'we walked home' })
    const ids = results![0]!.tokens.map(({ id }) => id)
    expect(await ask({ ids })).toMatchObject({ text: 'we walked home', tokens: 3 })
  })

  it('offsets lie within the text, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1 }), async (rest) => {
        const text = `a${rest}`
        let at = 0
        for (const { start, end } of (await ask({ text })).results![0]!.tokens) {
          expect(start).toBeGreaterThanOrEqual(at)
          expect(end).toBeGreaterThanOrEqual(start)
          at = start
        }
        expect(at).toBeLessThanOrEqual(text.length)
      }),
      { numRuns: 50 },
    )
  })
})

describe('bad input', () => {
  it.each<[string, object, string, RegExp]>([
    ['neither text nor ids', {}, 'invalid_input', /either text or ids/],
    ['both', { text: 'a', ids: [1] }, 'invalid_input', /either text or ids/],
    ['an id beyond the vocabulary', { ids: [99_999_999] }, 'invalid_input', /vocabulary/],
    ['an id that is no whole number', { ids: [1.5] }, 'invalid_input', /ids\[0\]/],
    ['an unknown model', { text: 'a', model: 'nobody' }, 'unknown_model', /nobody/],
  ])('%s', async (_, input, code, message) => {
    await expectError(await post('/v1/tokenize', JSON.stringify(input)), code, message)
  })
})

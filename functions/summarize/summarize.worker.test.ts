import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { answerOf, expectError, post } from '../../test/worker.ts'
import type { summarize } from './function.ts'

type Answer = z.output<typeof summarize.output>
const ask = (input: object) => answerOf<Answer>('summarize', input)

const text =
  'The city council met on Monday. After a long debate it decided to build a new bridge over the river. ' +
  'The old bridge is closed to trucks because of its age. The mayor thanked all who came. ' +
  'Work on the new bridge will begin in spring and take two years.'

describe('POST /v1/summarize', () => {
  it('gives sentences of the text in their order, with their places', async () => {
    const { results } = await ask({ text, sentences: 2 })
    const [{ summary, method, sentences }] = results as [Answer['results'][0]]
    expect(method).toBe('extractive')
    expect(sentences).toHaveLength(2)
    expect(sentences![0]!.start).toBeLessThan(sentences![1]!.start)
    for (const sentence of sentences!) expect(text.slice(sentence.start, sentence.end)).toBe(sentence.text)
    expect(summary).toBe(sentences!.map((sentence) => sentence.text).join('\n'))
    expect(summary).toContain('bridge')
  })

  it('keeps to a number of words, but for the first sentence', async () => {
    const words = async (most: number) =>
      (await ask({ text, words: most })).results[0]!.summary.split(/\s+/).length
    expect(await words(30)).toBeLessThanOrEqual(30)
    expect((await ask({ text, words: 1 })).results[0]!.sentences).toHaveLength(1)
    expect(await words(1000)).toBe(text.split(' ').length)
  })

  it('gives sentences for a headline and an abstract where no model writes them, and says so', async () => {
    const { results, model } = await ask({ text, style: 'headline' })
    expect(results[0]).toMatchObject({ method: 'extractive', sentences: [{}] })
    expect(model.name).toBe('embed')
    const abstract = (await ask({ text, style: 'abstract' })).results[0]!
    expect(abstract.sentences).toHaveLength(2)
    expect(abstract.summary).toBe(abstract.sentences!.map((sentence) => sentence.text).join(' '))
  })

  // The translation model stands for one that summarizes: what it writes is no summary, how it is asked is the same.
  const model = 'translate'

  it('writes a headline and an abstract by a model', async () => {
    const headline = (await ask({ text, style: 'headline', model })).results[0]!
    expect(headline).toMatchObject({ method: 'model', sections: 1 })
    expect(headline.summary).toMatch(/[a-z]{2,}/)
    expect(headline.summary.length).toBeLessThan(160)
    const { results, usage } = await ask({ text: [text, text], style: 'abstract', model })
    expect(results).toHaveLength(2)
    expect(results[0]).toEqual(results[1])
    expect(usage.completionTokens).toBeGreaterThan(4)
  })

  it('summarizes what is too long for the model by sections, and says so', async () => {
    const long = Array.from({ length: 12 }, (_, i) => text.replace('Monday', `day ${i}`)).join('\n')
    const { results } = await ask({ text: long, style: 'abstract', model })
    expect(results[0]!.method).toBe('model-by-sections')
    expect(results[0]!.sections).toBeGreaterThan(1)
    expect((await ask({ text: long, style: 'headline', model })).results[0]!.summary.length).toBeLessThan(160)
  })
})

describe('bad input', () => {
  it.each<[string, object, string, RegExp]>([
    ['no text', { text: '' }, 'invalid_input', /empty/],
    ['an unknown style', { text, style: 'haiku' }, 'invalid_input', /style/],
    ['no sentences', { text, sentences: 0 }, 'invalid_input', /sentences/],
    ['too many sentences to compare', { text: 'One. '.repeat(500) }, 'context_exceeded', /500 sentences/],
    [
      'a model that writes nothing',
      { text, style: 'abstract', model: 'embed' },
      'architecture_unsupported',
      /./,
    ],
  ])('%s', async (_, input, code, message) => {
    await expectError(await post('/v1/summarize', JSON.stringify(input)), code, message)
  })
})

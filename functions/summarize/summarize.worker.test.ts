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

  it('writes an abstract by a model, whose sentences are put right where they go astray, and says so', async () => {
    const mail =
      'Hi Phillip, This message is to confirm our meeting with you on, Tuesday, October 30th from 9:00 am to 10:00 am. ' +
      'The location will be EB 3267.'
    const { results, usage, model } = await ask({ text: [text, mail, text], style: 'abstract' })
    expect(model.name).toBe('text2text')
    expect(usage.completionTokens).toBeGreaterThan(4)
    for (const { summary, method, fallback, score, sentences } of results) {
      expect(summary).toMatch(/[a-z]{2,}/)
      // Extracted is what is the text's alone.
      expect(fallback ? ['model', 'extractive'] : ['model']).toContain(method)
      expect(score).toBeGreaterThan(0)
      expect(sentences).toBeUndefined()
    }
    expect(results[2]).toEqual(results[0])
    for (const sentence of results[0]!.summary.split(/(?<=\.) /)) expect(text).toContain(sentence)
  })

  it('gives a headline: of a model that is sure, or the words of the first sentence that say most', async () => {
    const { results } = await ask({
      text: 'Hi Sally, please send me any documents that were worked on over the weekend. I have the others. Thanks, Ann',
      style: 'headline',
    })
    const [{ summary, fallback }] = results as [Answer['results'][0]]
    expect(summary.split(' ').length).toBeLessThanOrEqual(12)
    if (fallback) expect(summary).toBe('Send any documents worked on over weekend')
    expect((await ask({ text, style: 'headline', numBeams: 1 })).results[0]!.score).toBeGreaterThan(0)
  })

  it('takes what another model writes as it is', async () => {
    // The translation model writes no summary, but as others would.
    const { results } = await ask({ text, style: 'abstract', model: 'translate' })
    expect(results[0]).toMatchObject({ method: 'model', sections: 1 })
    expect(results[0]).not.toHaveProperty('fallback')
  })

  it('summarizes what is too long for the model by sections, and says so', async () => {
    const long = Array.from({ length: 24 }, (_, i) => text.replace('Monday', `day ${i}`)).join('\n')
    const { results } = await ask({ text: [long, long.slice(0, long.length / 4)], style: 'abstract' })
    // Of a shorter one, the first section is enough.
    expect(results[1]!.sections).toBe(1)
    expect(results[0]!.method).toBe('model-by-sections')
    expect(results[0]!.sections).toBeGreaterThan(1)
    expect((await ask({ text: long, style: 'headline' })).results[0]!.summary.length).toBeLessThan(160)
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

import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { answerOf, expectError, post } from '../../test/worker.ts'
import type { sentiment } from './function.ts'

type Answer = z.output<typeof sentiment.output>
const ask = (input: unknown) => answerOf<Answer>('sentiment', input)

const text = 'The food was delicious but the waiter was awful. We paid by card.'

describe('POST /v1/sentiment', () => {
  it('scores each sentence by itself', async () => {
    const review = 'I loved the room. The breakfast was awful!'
    const [{ sentences }] = (await ask({ text: review, sentences: true })).results as [Answer['results'][0]]
    expect(sentences!.map(({ label }) => label)).toEqual(['positive', 'negative'])
    for (const { start, end, text } of sentences!) expect(review.slice(start, end)).toBe(text)
    const [alone] = (await ask({ text: 'The breakfast was awful!' })).results
    expect(sentences![1]!.scores.negative).toBeCloseTo(alone!.scores.negative, 5)
  })

  it('judges aspects by their clauses, and says where one is not mentioned', async () => {
    const [{ aspects }] = (await ask({ text, aspects: ['waiter', 'food', 'parking'] })).results as [
      Answer['results'][0],
    ]
    expect(aspects!.map(({ aspect, label }) => [aspect, label])).toEqual([
      ['waiter', 'negative'],
      ['food', 'positive'],
      ['parking', null],
    ])
    expect(text.slice(aspects![0]!.mentions[0]!.start, aspects![0]!.mentions[0]!.end)).toBe('waiter')
    expect(aspects![2]).toMatchObject({ score: null, scores: null, mentions: [] })
  })

  it('tells the emotion', async () => {
    const { results } = await ask({
      text: ['I am so happy that you came!', 'I was terrified of the dark.'],
      emotion: true,
    })
    expect(results.map(({ emotion }) => emotion!.label)).toEqual(['joy', 'fear'])
    for (const { emotion } of results)
      expect(Object.values(emotion!.scores).reduce((a, b) => a + b)).toBeCloseTo(1, 5)
  })

  it('has none of it unless asked', async () => {
    const [result] = (await ask({ text })).results
    expect(Object.keys(result!).sort()).toEqual(['label', 'score', 'scores', 'tokens', 'windows'])
  })

  it('xlnet serves it too', async () => {
    const { results, model } = await ask({
      text: ['A wonderful film, I loved every minute.', 'What a waste of two hours, a terrible film.'],
      model: 'xlnet',
    })
    expect(model.name).toBe('xlnet')
    expect(results.map(({ label }) => label)).toEqual(['positive', 'negative'])
    expect(Object.keys(results[0]!.scores)).toEqual(['negative', 'neutral', 'positive'])
  })
})

it.each<[string, object, string, RegExp]>([
  ['no aspects', { aspects: [] }, 'invalid_input', /aspects/],
  ['an empty aspect', { aspects: ['food', ' '] }, 'invalid_input', /aspects\[1\]/],
  ['21 aspects', { aspects: Array(21).fill('a') }, 'invalid_input', /at most 20/],
  ['a model of other labels', { model: 'emotion' }, 'invalid_input', /not a sentiment model/],
  [
    'an emotion model that is not there',
    { emotion: true, emotionModel: 'nobody' },
    'unknown_model',
    /nobody/,
  ],
  ['1,001 sentences', { text: 'Yes. '.repeat(1001), sentences: true }, 'invalid_input', /1001 sentences/],
])('bad input: %s', async (_, input, code, message) => {
  await expectError(await post('/v1/sentiment', JSON.stringify({ text, ...input })), code, message)
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { answerOf, expectError, post } from '../../test/worker.ts'
import { type answer, MAX_CONTEXT_LENGTH } from './function.ts'

type Answer = z.output<typeof answer.output>
const ask = (input: unknown) => answerOf<Answer>('answer', input)

const context =
  'Marie Curie was born in Warsaw in 1867. She moved to Paris to study physics. In 1903 she shared the Nobel Prize with her husband Pierre.'

describe('POST /v1/answer', () => {
  it.each([
    ['Where was Marie Curie born?', 'Warsaw', 'Marie Curie was born in Warsaw in 1867.'],
    ['When was Marie Curie born?', '1867', 'Marie Curie was born in Warsaw in 1867.'],
  ])('%s', async (question, expected, sentence) => {
    const result = await ask({ question, context })
    expect(result).toMatchObject({ answerable: true, method: 'context', sentence: { text: sentence } })
    expect(result.answer).toContain(expected)
    expect(context.slice(result.start!, result.end!)).toBe(result.answer)
    expect(context.slice(result.sentence!.start, result.sentence!.end)).toBe(sentence)
  })

  it('finds the answer in a long context, whose windows overlap', async () => {
    const filler = 'The committee met again and talked about the garden and the fence for a while. '.repeat(
      60,
    )
    const long = `${filler}The treasurer is called Agnes Holloway. ${filler}`
    const result = await ask({ question: 'What is the treasurer called?', context: long })
    expect(result.answer).toContain('Agnes Holloway')
    expect(long.slice(result.start!, result.end!)).toBe(result.answer)
    expect(result.tokens).toBeGreaterThan(2000)
  })

  it('says so where the text does not', async () => {
    const result = await ask({
      question: 'How many people live in Oslo?',
      context: 'Bananas are yellow. They are sold by weight. The shop closes early on Sundays.',
    })
    expect(result).toMatchObject({ answerable: false, answer: null, start: null, end: null })
    expect(result.score).toBeLessThan(0.2)
    expect(result.alternatives.length).toBeGreaterThan(0)
  })

  it('reads the right one of many documents, and names it', async () => {
    const documents = Array.from({ length: 40 }, (_, i) => ({
      id: `doc-${i}`,
      text: `Report number ${i}. The meeting of group ${i} was held in the large hall. Nothing was decided that day.`,
    }))
    documents[23]!.text = 'Opening hours. The museum opens at nine in the morning. On Mondays it is closed.'
    const result = await ask({ question: 'When does the museum open?', documents })
    expect(result).toMatchObject({ document: { index: 23, id: 'doc-23' }, method: 'bm25+embeddings' })
    expect(documents[23]!.text.slice(result.start!, result.end!)).toBe(result.answer)
    expect(result.passages).toHaveLength(5)
    expect(result.passages![0]!.document.index).toBe(23)
  })

  it('gives as many alternatives as asked for, none within another', async () => {
    const { alternatives, score } = await ask({
      question: 'Where did she move?',
      context,
      topK: 6,
    })
    expect(alternatives.length).toBeLessThanOrEqual(6)
    // Probabilities of spans of which none is within another: they share one.
    expect(alternatives.reduce((sum, other) => sum + other.score, score)).toBeLessThanOrEqual(1)
    for (const a of alternatives)
      for (const b of alternatives) if (a !== b) expect(a.end <= b.start || b.end <= a.start).toBe(true)
    expect((await ask({ question: 'Where did she move?', context, topK: 0 })).alternatives).toEqual([])
  })

  it('spans are exact whatever the text holds', async () => {
    const piece = fc.constantFrom(
      'Anna ',
      'née Müller ',
      '😀 ',
      'lives in ',
      'Köln',
      '. ',
      '\r\n',
      '“',
      '”, ',
      'e\u0301',
      '東京 ',
      '12 ',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 3, maxLength: 40 }), async (pieces) => {
        const text = `Anna ${pieces.join('')}`
        const result = await ask({ question: 'Where does Anna live?', context: text, topK: 5 })
        for (const span of [...result.alternatives, ...(result.answer === null ? [] : [result])])
          expect(text.slice(span.start!, span.end!)).toBe(span.answer)
        if (result.sentence)
          expect(text.slice(result.sentence.start, result.sentence.end)).toBe(result.sentence.text)
      }),
      { numRuns: 30 },
    )
  })
})

describe('bad input', () => {
  it.each<[string, object, string, RegExp]>([
    ['no context and no documents', {}, 'invalid_input', /either context or documents/],
    ['both', { context, documents: [context] }, 'invalid_input', /either context or documents/],
    ['101 documents', { documents: Array(101).fill('a') }, 'invalid_input', /at most 100 documents/],
    ['no documents', { documents: [] }, 'invalid_input', /at least one document/],
    ['an empty document', { documents: ['a', ' '] }, 'invalid_input', /documents\[1\]/],
    ['a document that is a number', { documents: [7] }, 'invalid_input', /documents\[0\]/],
    ['an empty context', { context: '' }, 'invalid_input', /context: must not be empty/],
    ['a context too long', { context: 'a'.repeat(MAX_CONTEXT_LENGTH + 1) }, 'invalid_input', /50000/],
    ['an empty question', { question: '', context }, 'invalid_input', /question: must not be empty/],
    [
      'a question longer than the window',
      { question: 'why '.repeat(200), context },
      'context_exceeded',
      /200 tokens/,
    ],
    ['topK of 21', { context, topK: 21 }, 'invalid_input', /topK/],
    ['a model that answers no questions', { context, model: 'sentiment' }, 'tensor_missing', /qa_outputs/],
    ['an unknown model', { context, model: 'nobody' }, 'unknown_model', /nobody/],
    [
      'an unknown embedding model',
      { documents: ['a', 'b'], embedModel: 'nobody' },
      'unknown_model',
      /nobody/,
    ],
  ])('%s', async (_, input, code, message) => {
    await expectError(await post('/v1/answer', JSON.stringify({ question: 'Why?', ...input })), code, message)
  })
})

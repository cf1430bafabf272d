import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { similarity } from '../../src/similarity.ts'
import { answerOf, expectError, post } from '../../test/worker.ts'
import type { embed } from './function.ts'

type Answer = z.output<typeof embed.output>
const ask = (input: unknown) => answerOf<Answer>('embed', input)

const text = [
  'How do I change the password of my account?',
  'Changing your account password',
  'The cake has to stay in the oven for an hour.',
]

describe('POST /v1/embed', () => {
  it.each([
    ['float', {}],
    ['float, 64 dimensions', { dimensions: 64 }],
    ['int8', { encoding: 'int8' }],
    ['binary', { encoding: 'binary' }],
  ])('texts of one meaning are nearer: %s', async (_, form) => {
    const [a, b, c] = (await ask({ text, ...form })).results.map(({ embedding }) => embedding)
    expect(similarity(a!, b!)).toBeGreaterThan(similarity(a!, c!) + 0.1)
  })

  it('vectors have the length 1, or what the model gives', async () => {
    const length = (embedding: unknown) => Math.hypot(...(embedding as number[]))
    const [unit] = (await ask({ text: 'A text' })).results
    expect(unit!.dimensions).toBe(256)
    expect(length(unit!.embedding)).toBeCloseTo(1, 5)
    const [cut] = (await ask({ text: 'A text', dimensions: 64 })).results
    expect(length(cut!.embedding)).toBeCloseTo(1, 5)
    const [raw] = (await ask({ text: 'A text', normalize: false })).results
    const numbers = raw!.embedding as number[]
    expect(length(numbers)).toBeGreaterThan(1.5)
    expect(similarity(numbers, unit!.embedding)).toBeCloseTo(1, 5)
  })

  it('int8 times its scale is the vector, binary its signs', async () => {
    const float = (await ask({ text: 'A night train' })).results[0]!.embedding as number[]
    const { embedding, scale } = (await ask({ text: 'A night train', encoding: 'int8' })).results[0]!
    ;(embedding as number[]).forEach((x, d) => {
      expect(Math.abs(x * scale! - float[d]!)).toBeLessThanOrEqual(scale! / 2 + 1e-6)
    })
    const binary = (await ask({ text: 'A night train', encoding: 'binary' })).results[0]!.embedding as string
    const bits = Array.from(atob(binary), (c) => c.charCodeAt(0).toString(2).padStart(8, '0')).join('')
    expect(bits).toBe(float.map((x) => (x > 0 ? '1' : '0')).join(''))
  })

  it('a long text is read in windows, a batch as each text alone', async () => {
    const long = 'The committee talked about the new bridge. '.repeat(40)
    const [first, second] = (await ask({ text: [long, 'A text'] })).results
    expect(first!.windows).toBeGreaterThan(1)
    const [alone] = (await ask({ text: 'A text' })).results
    expect(similarity(second!.embedding, alone!.embedding)).toBeCloseTo(1, 5)
  })
})

it.each<[string, object, string, RegExp]>([
  ['more dimensions than there are', { text: 'a', dimensions: 257 }, 'invalid_input', /257/],
  ['no dimensions', { text: 'a', dimensions: 0 }, 'invalid_input', /dimensions/],
  [
    'bits that are no bytes',
    { text: 'a', dimensions: 60, encoding: 'binary' },
    'invalid_input',
    /multiple|bytes/,
  ],
  ['an unknown pooling', { text: 'a', pooling: 'max' }, 'invalid_input', /pooling/],
  ['a batch of 65', { text: Array(65).fill('a') }, 'invalid_input', /64/],
])('bad input: %s', async (_, input, code, message) => {
  await expectError(await post('/v1/embed', JSON.stringify(input)), code, message)
})

/** classify and classifiers, with trained heads in the Worker's own KV. */
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import type * as z from 'zod'
import relaxed from '../../dist/kernels.relaxed.wasm'
import simd from '../../dist/kernels.simd.wasm'
import { classifierStore } from '../../src/classifier/store.ts'
import { createRuntime } from '../../src/runtime/native.ts'
import { createApp } from '../../src/server/app.ts'
import { assetStorage } from '../../src/storage/assets.ts'
import { boundStorage, type Namespace } from '../../src/storage/bucket.ts'
import { answerOf, expectError, post, send } from '../../test/worker.ts'
import { classifiers, MAX_EXAMPLES } from '../classifiers/function.ts'
import { classify } from './function.ts'

type Answer = z.output<typeof classify.output>
type Trained = z.output<typeof classifiers.output>
const ask = (input: unknown) => answerOf<Answer>('classify', input)

const examples = [
  ['My parcel has not arrived yet.', 'delivery'],
  ['The courier left the box at the wrong house.', 'delivery'],
  ['When will you ship my order?', 'delivery'],
  ['The package was damaged on the way.', 'delivery'],
  ['I was charged twice this month.', 'billing'],
  ['Please send me an invoice.', 'billing'],
  ['The price on my bill is wrong.', 'billing'],
  ['My credit card was refused.', 'billing'],
].map(([text, label]) => ({ text: text!, label: label! }))

const labels = (answer: Answer) => answer.results.map(({ label }) => label)

describe('POST /v1/classify', () => {
  it('chooses among labels alone', async () => {
    const answer = await ask({
      text: [
        'The striker scored twice in the last game of the season.',
        'Boil the potatoes and add some salt.',
      ],
      labels: ['sports', 'cooking'],
    })
    expect(labels(answer)).toEqual(['sports', 'cooking'])
    expect(answer.method).toBe('zero-shot')
    for (const { scores, score, label } of answer.results) {
      expect(Object.values(scores).reduce((a, b) => a + b)).toBeCloseTo(1, 6)
      expect(scores[label]).toBe(score)
    }
  })

  it('learns from examples in the request', async () => {
    const answer = await ask({ text: ['The parcel is late.', 'Why is my bill so high?'], examples })
    expect(labels(answer)).toEqual(['delivery', 'billing'])
    expect(answer.method).toBe('few-shot')
  })

  it('takes hypotheses of labels as they are', async () => {
    const text = 'The striker scored twice.'
    const labels = ['sports', 'cooking']
    const own = labels.map((label) => ({ label, hypothesis: `This is about ${label}.` }))
    expect(await answerOf('classify', { text, labels: own })).toEqual(
      await answerOf('classify', { text, labels }),
    )
  })

  it('takes descriptions of labels, and a template by name', async () => {
    const described = [
      { label: 'A', description: 'football, tennis and other sports' },
      { label: 'B', description: 'recipes, food and cooking' },
    ]
    expect(labels(await ask({ text: 'Boil the potatoes in salted water.', labels: described }))).toEqual([
      'B',
    ])
    const plain = await ask({
      text: 'Boil the potatoes.',
      labels: ['sports', 'cooking'],
      hypothesis: 'classify-plain',
    })
    const topic = await ask({ text: 'Boil the potatoes.', labels: ['sports', 'cooking'] })
    expect(plain.results[0]!.score).not.toBe(topic.results[0]!.score)
  })
})

describe('classifiers', () => {
  let trained: Trained
  beforeAll(async () => {
    trained = await answerOf<Trained>('classifiers', {
      name: 'support',
      examples,
      description: 'Requests',
      replace: true,
    })
  })

  it('are trained, with what cross-validation says', () => {
    expect(trained).toMatchObject({
      name: 'support',
      labels: ['delivery', 'billing'],
      examples: 8,
      majority: 0.5,
      description: 'Requests',
      model: { name: 'embed' },
    })
    const right = trained.perLabel.reduce((sum, { recall, count }) => sum + recall * count, 0)
    expect(trained.accuracy).toBeCloseTo(right / trained.examples, 10)
    expect(trained.perLabel.map(({ count }) => count)).toEqual([4, 4])
  })

  it('are accurate on what examples tell', async () => {
    const sorted = ['football', 'tennis', 'swimming', 'running', 'boxing', 'skiing'].flatMap((sport, i) => [
      { text: `Our team won the ${sport} match on Sunday.`, label: 'sports' },
      {
        text: `Cook the ${['potatoes', 'rice', 'beans', 'eggs', 'onions', 'carrots'][i]} in hot oil and add some salt.`,
        label: 'cooking',
      },
    ])
    const { accuracy } = await answerOf<Trained>('classifiers', { name: 'sorted', examples: sorted })
    expect(accuracy).toBeGreaterThan(0.9)
  })

  it('classify by their name, as the same examples in a request do', async () => {
    const text = ['The parcel is late.', 'Why is my bill so high?']
    const stored = await ask({ text, classifier: 'support' })
    expect(stored.method).toBe('classifier')
    const inRequest = await ask({ text, examples })
    stored.results.forEach(({ label, score }, i) => {
      expect(label).toBe(inRequest.results[i]!.label)
      expect(score).toBeCloseTo(inRequest.results[i]!.score, 5)
    })
  })

  it('are listed, shown and removed', async () => {
    await answerOf('classifiers', { name: 'other', examples })
    const listed = (await (await send('/v1/classifiers')).json()) as { classifiers: { name: string }[] }
    expect(listed.classifiers.map(({ name }) => name)).toEqual(expect.arrayContaining(['other', 'support']))
    const shown = await (await send('/v1/classifiers/other')).json()
    expect(classifiers.routes!.get!.output.safeParse(shown).success).toBe(true)
    expect(await (await send('/v1/classifiers/other', { method: 'DELETE' })).json()).toEqual({
      removed: 'other',
    })
    await expectError(await send('/v1/classifiers/other'), 'unknown_classifier', /other/)
    await expectError(await send('/v1/classifiers/other', { method: 'DELETE' }), 'unknown_classifier')
  })

  it('are not overwritten unless told to', async () => {
    const again = JSON.stringify({ name: 'support', examples })
    await expectError(await post('/v1/classifiers', again), 'already_exists', /support/)
  })

  it('of another revision of the model have to be trained again', async () => {
    const store = classifierStore(boundStorage(env.CLASSIFIERS as Namespace))
    const { info, head } = await store.get('support')
    await store.put({
      info: { ...info, name: 'old', model: { name: 'embed', revision: '0'.repeat(12) } },
      head,
    })
    await expectError(
      await post('/v1/classify', JSON.stringify({ text: 'a', classifier: 'old' })),
      'classifier_outdated',
      /000000000000/,
    )
  })

  it('that are damaged are said to be', async () => {
    const storage = boundStorage(env.CLASSIFIERS as Namespace)
    const whole = JSON.parse((await storage.get('classifiers/support.json'))!)
    for (const [name, text] of [
      ['cut', JSON.stringify(whole).slice(0, 100)],
      [
        'short',
        JSON.stringify({ ...whole, head: { ...whole.head, weights: whole.head.weights.slice(0, 80) } }),
      ],
    ] as const) {
      await storage.put(`classifiers/${name}.json`, text)
      const response = await post('/v1/classify', JSON.stringify({ text: 'a', classifier: name }))
      await expectError(response, 'storage_failed', /damaged/)
      await storage.delete(`classifiers/${name}.json`)
    }
  })
})

describe('bad input', () => {
  const text = 'a'
  it.each<[string, string, object, string, RegExp]>([
    [
      'nothing to choose from',
      'classify',
      { text },
      'invalid_input',
      /one of labels, examples and classifier/,
    ],
    ['two ways at once', 'classify', { text, labels: ['a', 'b'], examples }, 'invalid_input', /one of/],
    ['one label', 'classify', { text, labels: ['a'] }, 'invalid_input', /at least two labels/],
    [
      '101 labels',
      'classify',
      { text, labels: Array.from({ length: 101 }, String) },
      'invalid_input',
      /at most 100/,
    ],
    [
      'duplicate labels',
      'classify',
      { text, labels: ['a', 'b', 'a'] },
      'invalid_input',
      /"a" is there twice/,
    ],
    ['an empty label', 'classify', { text, labels: ['a', ' '] }, 'invalid_input', /labels\[1\]/],
    [
      'examples of one label',
      'classify',
      { text, examples: examples.slice(0, 3) },
      'invalid_input',
      /all have the label/,
    ],
    ['an unknown classifier', 'classify', { text, classifier: 'nobody' }, 'unknown_classifier', /nobody/],
    ['a path as classifier', 'classify', { text, classifier: '../models' }, 'unknown_classifier', /models/],
    [
      'an unknown prompt',
      'classify',
      { text, labels: ['a', 'b'], hypothesis: 'none' },
      'unknown_prompt',
      /none/,
    ],
    [
      'a prototype name as prompt',
      'classify',
      { text, labels: ['a', 'b'], hypothesis: '__proto__' },
      'unknown_prompt',
      /proto/,
    ],
    [
      'one example',
      'classifiers',
      { name: 'x', examples: examples.slice(0, 1) },
      'invalid_input',
      /at least two/,
    ],
    [
      'one label to train',
      'classifiers',
      { name: 'x', examples: examples.slice(0, 4) },
      'invalid_input',
      /all have the label/,
    ],
    [
      '5,001 examples',
      'classifiers',
      { name: 'x', examples: Array(MAX_EXAMPLES + 1).fill({ text, label: 'a' }) },
      'invalid_input',
      /5000/,
    ],
    ['a name with a slash', 'classifiers', { name: 'a/b', examples }, 'invalid_input', /name/],
    ['no name', 'classifiers', { examples }, 'invalid_input', /name/],
    [
      'an empty text among the examples',
      'classifiers',
      { name: 'x', examples: [...examples, { text: '', label: 'a' }] },
      'invalid_input',
      /examples\[8\]/,
    ],
  ])('%s', async (_, name, input, code, message) => {
    await expectError(await post(`/v1/${name}`, JSON.stringify(input)), code, message)
  })

  it('a wrong method, with the right ones named', async () => {
    const response = await send('/v1/classifiers/support', { method: 'PUT', body: '{}' })
    expect(response.headers.get('allow')).toBe('GET, DELETE')
    await expectError(response, 'method_not_allowed')
  })
})

describe('a service', () => {
  const runtime = createRuntime({ storage: assetStorage(env.ASSETS), kernels: { relaxed, simd } })
  const app = (binding: Namespace | undefined) =>
    createApp({
      functions: [classify, classifiers],
      runtime: () => runtime,
      classifiers: () => binding && classifierStore(boundStorage(binding)),
    })
  const json = (input: unknown) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
  })

  it('without a place for classifiers says what to bind', async () => {
    const service = app(undefined)
    for (const response of [
      await service.request('/v1/classifiers'),
      await service.request('/v1/classifiers', json({ name: 'x', examples })),
      await service.request('/v1/classify', json({ text: 'a', classifier: 'x' })),
    ])
      await expectError(response, 'not_configured')
  })

  it('whose storage fails says so', async () => {
    const fail = () => Promise.reject(new Error('down'))
    const service = app({ get: fail, put: fail, delete: fail, list: fail })
    for (const response of [
      await service.request('/v1/classifiers'),
      await service.request('/v1/classifiers', json({ name: 'x', examples, replace: true })),
      await service.request('/v1/classifiers/x', { method: 'DELETE' }),
    ])
      await expectError(response, 'storage_failed')
  })

  it('stops training when its caller goes away', async () => {
    const many = Array.from({ length: 400 }, (_, i) => ({
      ...examples[i % 8]!,
      text: `${examples[i % 8]!.text} ${i}`,
    }))
    const controller = new AbortController()
    const answer = Promise.resolve(
      app(env.CLASSIFIERS as Namespace).request('/v1/classifiers', {
        ...json({ name: 'aborted', examples: many }),
        signal: controller.signal,
      }),
    )
    setTimeout(() => controller.abort(), 5)
    const response = await answer
    await expectError(response, 'request_aborted')
    expect(await classifierStore(boundStorage(env.CLASSIFIERS as Namespace)).has('aborted')).toBe(false)
  })
})

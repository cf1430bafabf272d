/** Functions as RPC methods of the Worker, inside workerd: the answers, errors and streams of the routes. */
import { createExecutionContext } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { fillMask } from '../functions/fill-mask/function.ts'
import { functions } from '../functions/index.ts'
import { sentiment } from '../functions/sentiment/function.ts'
import { crossing } from '../src/binding.ts'
import { partsOf, rpcError } from '../src/client/binding.ts'
import { EdgewiseError, ERROR_STATUS } from '../src/errors.ts'
import { createWorker, createWorkerOf, encoders } from '../src/server/worker.ts'
import { answerOf, post } from './worker.ts'

const nlp = exports.default
/** The methods as a caller without types has them. */
const untyped = nlp as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>

const failure = async (call: Promise<unknown>): Promise<Error & Record<string, unknown>> =>
  await call.then(
    (answer) => expect.fail(`It answered ${JSON.stringify(answer)}`),
    (error) => error,
  )

describe('methods', () => {
  it.each(functions.flatMap((fn) => fn.examples.map((example) => ({ fn, ...example }))))(
    'answer the example "$title" of $fn.name as its route does',
    async ({ fn, input }) => {
      // What is drawn at random is drawn alike.
      const seeded = 'seed' in fn.input.shape ? { seed: 1, ...input } : input
      expect(await untyped[fn.name]!(seeded)).toEqual(await answerOf(fn.name, seeded))
    },
  )

  it('take a text, a list of texts or an object', async () => {
    const [whole, text, list] = [
      await nlp.sentiment({ text: 'What a film!' }),
      await nlp.sentiment('What a film!'),
      await nlp.sentiment(['What a film!']),
    ]
    expect(whole.results[0]!.label).toBe('positive')
    expect(text).toEqual(whole)
    expect(list).toEqual(whole)
  })

  it('are named in camel case and as their functions', async () => {
    const input = { text: 'She works as a [MASK] in a hospital.', topK: 2 }
    const answer = await nlp.fillMask(input)
    expect(answer.results[0]!.masks[0]!.predictions).toHaveLength(2)
    expect(await nlp['fill-mask'](input)).toEqual(answer)
  })

  it('are there without a binding, in a Worker that has the functions itself', async () => {
    const Service = createWorker([sentiment, fillMask])
    const service = new Service(createExecutionContext(), env)
    expect(await service.sentiment('What a film!')).toEqual(await nlp.sentiment('What a film!'))
    await expect(service.fillMask('So what?')).rejects.toMatchObject({ code: 'invalid_input' })
    expect((await service.fetch(new Request('http://service/healthz'))).status).toBe(200)
    expect(service).not.toHaveProperty('embed')
  })

  it('need no API key, which fetch does', async () => {
    const Service = createWorkerOf([encoders], [sentiment])
    const service = new Service(createExecutionContext(), { ...env, API_KEYS: 'a-key' })
    expect(await service.sentiment('What a film!')).toEqual(await nlp.sentiment('What a film!'))
    const request = new Request('http://service/v1/sentiment', { method: 'POST', body: 'What a film!' })
    expect((await service.fetch(request)).status).toBe(401)
  })

  it('fail without what loads their model', async () => {
    const Service = createWorkerOf([], [sentiment])
    const service = new Service(createExecutionContext(), env)
    const error = rpcError(await failure(service.sentiment('What a film!')))
    expect(error).toMatchObject({ code: 'internal', status: 500 })
    expect(error!.message).not.toMatch(/loader/)
  })

  it('reach what lies in storage', async () => {
    const examples = [
      { text: 'My parcel has not arrived yet.', label: 'delivery' },
      { text: 'I was charged twice this month.', label: 'billing' },
    ]
    const trained = await nlp.classifiers({ name: 'over-rpc', examples, replace: true })
    expect(trained.labels).toEqual(['delivery', 'billing'])
    const { tokens: _, ...info } = trained
    expect(await nlp.classifiersGet({ name: 'over-rpc' })).toEqual(info)
    expect((await nlp.classifiersList()).classifiers).toContainEqual(info)
    expect(await nlp.classifiersRemove('over-rpc')).toEqual({ removed: 'over-rpc' })
    expect(await failure(nlp.classifiersGet('over-rpc'))).toMatchObject({ code: 'unknown_classifier' })
    const rendered = await nlp.promptsRender({ name: 'classify-topic', values: { label: 'sports' } })
    expect(rendered.text).toBe('This is about sports.')
    expect((await nlp.promptsList()).prompts.map(({ name }) => name)).toContain('classify-topic')
  })
})

describe('errors', () => {
  it('cross with their code, status and hint, and nothing of the inside', async () => {
    const error = await failure(nlp.sentiment(''))
    const response = await post('/v1/sentiment', '{"text": ""}')
    const body = await response.json()
    expect(rpcError(error)!.toJSON()).toEqual(body)
    expect(rpcError(error)!.status).toBe(response.status)
    expect(error).toMatchObject({ name: 'EdgewiseError', code: 'invalid_input', status: 400 })
    expect(error.cause).toBeUndefined()
    expect(Object.keys(error).sort()).toEqual(['code', 'hint', 'name', 'remote', 'status'])
  })

  const cyclic: Record<string, unknown> = {}
  cyclic.text = cyclic
  it.each<[string, unknown[], string, RegExp]>([
    ['no argument', [], 'invalid_input', /one argument/],
    ['two arguments', ['Fine.', { model: 'xlnet' }], 'invalid_input', /one argument/],
    ['undefined', [undefined], 'invalid_input', /no input/],
    ['null', [null], 'invalid_input', /text/],
    ['a number', [7], 'invalid_input', /text/],
    ['a number within a list', [['a', 7]], 'invalid_input', /text\[1\]/],
    ['bytes', [new Uint8Array([1, 2])], 'invalid_input', /text|Unrecognized/],
    ['a date', [new Date(0)], 'never', /./],
    ['a map', [new Map([['text', 'a']])], 'invalid_input', /text/],
    ['a function', [() => 'a'], 'invalid_input', /no input/],
    ['a big integer', [{ text: 1n }], 'invalid_input', /JSON/],
    ['an object within itself', [cyclic], 'invalid_input', /JSON/],
    ['an unknown field', [{ text: 'a', txet: 'b' }], 'invalid_input', /txet/],
    ['a batch of 65', [Array(65).fill('a')], 'invalid_input', /64/],
    ['a text too long', ['a'.repeat(50_001)], 'invalid_input', /50000/],
    ['more than 1 MiB', ['a '.repeat(2 ** 19)], 'payload_too_large', /1048576/],
    [
      'more than 1 MiB in fewer characters',
      [Array(64).fill('ä'.repeat(10_000))],
      'payload_too_large',
      /bytes/,
    ],
    ['an unknown model', [{ text: 'a', model: 'nobody' }], 'unknown_model', /nobody/],
    ['a prototype name as model', [{ text: 'a', model: '__proto__' }], 'unknown_model', /./],
  ])('of bad input: %s', async (_, given, code, message) => {
    // A date is its text in JSON, and that can be judged.
    if (code === 'never') return expect(await untyped.sentiment!(...given)).toHaveProperty('results')
    const error = await failure(untyped.sentiment!(...given))
    expect(error).toMatchObject({ code, status: ERROR_STATUS[code as 'invalid_input'] })
    expect(error.message).toMatch(message)
    expect(error.hint).toMatch(/./)
  })

  it('are told from those of others', () => {
    for (const other of [new Error('No.'), new Error('[a] b'), new Error('Much [nonsense] here.'), 'a', null])
      expect(rpcError(other)).toBeUndefined()
    const known = new EdgewiseError('internal', 'Line [1]\nfailed [unknown_model] twice.', 'Wait.')
    for (const prefix of ['', 'EdgewiseError: '])
      expect(rpcError(new Error(`${prefix}${crossing(known).message}`))!.toJSON()).toEqual(known.toJSON())
  })

  it('of routes', async () => {
    const cases: [Promise<unknown>, string][] = [
      [untyped.classifiersGet!(), 'invalid_input'],
      [untyped.classifiersGet!(''), 'invalid_input'],
      [untyped.classifiersGet!({ name: 7 }), 'invalid_input'],
      [untyped.classifiersList!('x'), 'invalid_input'],
      [untyped.promptsRender!('classify-topic'), 'invalid_input'],
      [untyped.promptsGet!('nobody'), 'unknown_prompt'],
    ]
    for (const [call, code] of cases) expect(await failure(call)).toMatchObject({ code })
  })

  it('of a method that is not there', async () => {
    for (const name of ['sentimental', 'constructor', 'env', 'ctx', 'sentimentStream'])
      expect(await failure((async () => await untyped[name]!('a'))())).toBeInstanceOf(Error)
  })
})

describe('streams', () => {
  const text = ['I have no time.\n\nWhere is my book? ', 'Thank you.']
  const input = { text, source: 'en', target: 'de' } as const

  it('are the events of the route', async () => {
    const body = JSON.stringify({ ...input, stream: true })
    const expected = await (await post('/v1/translate', body)).text()
    expect(await new Response(await nlp.translateStream(input)).text()).toBe(expected)
  })

  it('are read as parts, with the answer at the end', async () => {
    const answer = await nlp.translate(input)
    const parts = partsOf(nlp.translateStream(input))
    const written = text.map(() => '')
    let next = await parts.next()
    for (; !next.done; next = await parts.next()) written[next.value.index] += next.value.text
    expect(next.value).toEqual(answer)
    expect(written).toEqual(answer.results.map(({ translation }) => translation))
  })

  it('take a text alone', async () => {
    const parts = partsOf(nlp.generateStream('The movie was'))
    expect((await parts.next()).value).toMatchObject({ index: 0, text: expect.any(String) })
    await parts.return(undefined as never)
  })

  it.each<[string, unknown, string]>([
    ['its input', { ...input, text: '' }, 'invalid_input'],
    ['what the function finds', { ...input, target: 'nl' }, 'language_unsupported'],
    ['its model', { ...input, model: 'nobody' }, 'unknown_model'],
  ])('that cannot begin reject: %s', async (_, given, code) => {
    expect(await failure(untyped.translateStream!(given))).toMatchObject({ code })
    const parts = partsOf(untyped.translateStream!(given) as ReturnType<typeof nlp.translateStream>)
    expect(await failure(parts.next())).toMatchObject({ constructor: EdgewiseError, code })
  })

  it('are asked for by name, not by a field', async () => {
    const error = await failure(untyped.translate!({ ...input, stream: true }))
    expect(error).toMatchObject({ code: 'invalid_input', hint: expect.stringMatching(/Stream/) })
    const answer = await new Response(
      (await untyped.translateStream!({ ...input, stream: true })) as ReadableStream,
    ).text()
    expect(answer).toMatch(/^event: text/)
  })

  it('stop computing when their reader goes away', async () => {
    const long = Array(64).fill('I have no time today. '.repeat(200))
    const parts = partsOf(nlp.translateStream({ ...input, text: long }))
    await parts.next()
    await parts.return(undefined as never)
    const start = Date.now()
    await nlp.translate({ ...input, text: 'Thank you.' })
    // The rest would take a minute, on the one thread there is.
    expect(Date.now() - start).toBeLessThan(5_000)
  })
})

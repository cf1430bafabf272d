/** The real clients of OpenAI's API, inside workerd, against the gateway. */
import { env } from 'cloudflare:workers'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, embed, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai'
import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { answerOf, post, send } from '../../../../test/worker.ts'
import type { Runtime } from '../../../runtime/runtime.ts'
import type { RateLimiter } from '../../access.ts'
import { createApp } from '../../app.ts'

const fetch = ((url: RequestInfo | URL, init?: RequestInit) =>
  send(String(url).replace('https://edgewise.test', ''), init)) as typeof globalThis.fetch
const openai = new OpenAI({
  baseURL: 'https://edgewise.test/v1',
  apiKey: 'none',
  maxRetries: 0,
  fetch,
  dangerouslyAllowBrowser: true,
})
const sdk = createOpenAICompatible({
  name: 'edgewise',
  baseURL: 'https://edgewise.test/v1',
  fetch,
  includeUsage: true,
  supportsStructuredOutputs: true,
})

const hotel = { role: 'user' as const, content: 'I need a hotel in Paris.' }
const native = (input: object) =>
  answerOf<{ message: { content: string }; usage: { promptTokens: number; completionTokens: number } }>(
    'chat',
    input,
  )
const person = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 12 },
    nights: { type: 'integer', minimum: 1, maximum: 9 },
  },
  required: ['city', 'nights'],
  additionalProperties: false,
}
const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Tells the weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { enum: ['Oslo', 'Rome'] } },
      required: ['city'],
      additionalProperties: false,
    },
  },
}

describe('openai: chat.completions', () => {
  it('replies as POST /v1/chat does', async () => {
    const reply = await openai.chat.completions.create({ model: 'chat', messages: [hotel] })
    const own = await native({ messages: [hotel] })
    expect(reply).toMatchObject({
      object: 'chat.completion',
      model: 'chat',
      id: expect.stringMatching(/^chatcmpl-/),
    })
    expect(reply.choices).toHaveLength(1)
    expect(reply.choices[0]).toMatchObject({ index: 0, finish_reason: 'stop', logprobs: null })
    expect(reply.choices[0]!.message.content).toBe(own.message.content)
    expect(reply.usage).toEqual({
      prompt_tokens: own.usage.promptTokens,
      completion_tokens: own.usage.completionTokens,
      total_tokens: own.usage.promptTokens + own.usage.completionTokens,
    })
    expect(Math.abs(reply.created - Date.now() / 1000)).toBeLessThan(600)
  })

  it('streams the same text, its usage at the end where asked for', async () => {
    const whole = await openai.chat.completions.create({ model: 'chat', messages: [hotel] })
    const stream = await openai.chat.completions.create({
      model: 'chat',
      messages: [hotel],
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks[0]!.choices[0]!.delta).toEqual({ role: 'assistant', content: '' })
    expect(chunks.length).toBeGreaterThan(4)
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
    expect(text.trim()).toBe(whole.choices[0]!.message.content)
    expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe('stop')
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
    const without = await openai.chat.completions.create({ model: 'chat', messages: [hotel], stream: true })
    for await (const chunk of without) expect(chunk.usage ?? null).toBeNull()
  })

  it('takes content in parts, developer for system, null for absent, and fields it does not know', async () => {
    const parts = {
      role: 'user' as const,
      content: [
        { type: 'text' as const, text: 'I need a hotel' },
        { type: 'text' as const, text: ' in Paris.' },
      ],
    }
    const reply = await openai.chat.completions.create({
      model: 'chat',
      messages: [{ role: 'developer', content: 'You are an assistant for hotels.' }, parts],
      stop: null,
      temperature: null,
      response_format: { type: 'text' },
      store: false,
      metadata: null,
      user: 'someone',
    })
    const own = await native({
      messages: [{ role: 'system', content: 'You are an assistant for hotels.' }, hotel],
    })
    expect(reply.choices[0]!.message.content).toBe(own.message.content)
  })

  it('n, seed, stop, max_tokens, penalties', async () => {
    const ask = (extra: object) =>
      openai.chat.completions.create({ model: 'chat', messages: [hotel], seed: 7, ...extra })
    const drawn = await ask({ n: 3, max_completion_tokens: 12 })
    expect(drawn.choices.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(new Set(drawn.choices.map(({ message }) => message.content)).size).toBeGreaterThan(1)
    expect(await ask({ n: 3, max_completion_tokens: 12 })).toMatchObject({
      choices: drawn.choices.map(({ message }) => ({ message })),
    })
    const short = await ask({ max_tokens: 3 })
    expect(short.choices[0]!.finish_reason).toBe('length')
    expect(short.usage!.completion_tokens).toBe(3)
    const text = (await ask({})).choices[0]!.message.content!
    const word = text.split(' ')[2]!
    expect((await ask({ stop: word })).choices[0]!.message.content).toBe(text.split(word)[0]!.trim())
    const penalized = await ask({ frequency_penalty: 2, presence_penalty: 2, max_tokens: 40 })
    expect(penalized.choices[0]!.message.content).not.toBe(text)
  })

  it('streams n texts by their numbers', async () => {
    const input = { model: 'chat', messages: [hotel], n: 2, seed: 3, max_tokens: 8 }
    const whole = await openai.chat.completions.create(input)
    const texts = ['', '']
    for await (const { choices } of await openai.chat.completions.create({ ...input, stream: true }))
      for (const { index, delta } of choices) texts[index] += delta.content ?? ''
    expect(texts.map((text) => text.trim())).toEqual(whole.choices.map(({ message }) => message.content))
  })

  it('log-probabilities, whole and in the stream', async () => {
    const input = {
      model: 'chat',
      messages: [hotel],
      logprobs: true,
      top_logprobs: 2,
      max_tokens: 10,
    }
    const whole = (await openai.chat.completions.create(input)).choices[0]!.logprobs!.content!
    expect(whole).toHaveLength(10)
    for (const { token, logprob, bytes, top_logprobs: top } of whole) {
      expect(logprob).toBeLessThanOrEqual(0)
      expect(new TextDecoder().decode(new Uint8Array(bytes!))).toBe(token)
      expect(top).toHaveLength(2)
      expect(top[0]!.logprob).toBeGreaterThanOrEqual(top[1]!.logprob)
    }
    const streamed = []
    for await (const { choices } of await openai.chat.completions.create({ ...input, stream: true }))
      streamed.push(...(choices[0]?.logprobs?.content ?? []))
    expect(streamed).toEqual(whole)
  })

  it('JSON that validates: json_schema, json_object, parse()', async () => {
    const ask = (response_format: OpenAI.ChatCompletionCreateParams['response_format']) =>
      openai.chat.completions.create({
        model: 'chat',
        messages: [hotel],
        max_tokens: 200,
        ...(response_format && { response_format }),
      })
    const format = {
      type: 'json_schema' as const,
      json_schema: { name: 'stay', schema: person, strict: true },
    }
    const stay = JSON.parse((await ask(format)).choices[0]!.message.content!)
    expect(stay).toEqual({ city: expect.any(String), nights: expect.any(Number) })
    expect(stay.nights).toBeGreaterThanOrEqual(1)
    const parsed = await openai.chat.completions.parse({
      model: 'chat',
      messages: [hotel],
      response_format: format,
    })
    expect(parsed.choices[0]!.message.parsed).toEqual(stay)
    expect(JSON.parse((await ask({ type: 'json_object' })).choices[0]!.message.content!)).toBeTypeOf('object')
  })

  it('calls a tool, and tells what the tool told', async () => {
    const question = { role: 'user' as const, content: 'What is the weather in Oslo?' }
    const first = await openai.chat.completions.create({
      model: 'chat',
      messages: [question],
      tools: [weather],
      tool_choice: 'required',
    })
    const { message, finish_reason } = first.choices[0]!
    expect(finish_reason).toBe('tool_calls')
    expect(message.content).toBeNull()
    const [call] = message.tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[]
    expect(call!.function.name).toBe('get_weather')
    expect(['Oslo', 'Rome']).toContain(JSON.parse(call!.function.arguments).city)
    const second = await openai.chat.completions.create({
      model: 'chat',
      messages: [question, message, { role: 'tool', tool_call_id: call!.id, content: 'Rain, 8 degrees.' }],
      tools: [weather],
    })
    expect(second.choices[0]!.message.content).toContain('8 degrees')
    expect(second.choices[0]!.finish_reason).toBe('stop')
    const named = { type: 'function' as const, function: { name: 'get_weather' } }
    const streamed = []
    for await (const { choices } of await openai.chat.completions.create({
      model: 'chat',
      messages: [question],
      tools: [weather],
      tool_choice: named,
      stream: true,
    }))
      streamed.push(...choices)
    const delta = streamed.flatMap(({ delta }) => delta.tool_calls ?? [])
    expect(delta).toHaveLength(1)
    expect(JSON.parse(delta[0]!.function!.arguments!)).toHaveProperty('city')
    expect(streamed.at(-1)!.finish_reason).toBe('tool_calls')
  })

  it('answers from documents', async () => {
    const reply = await openai.chat.completions.create({
      model: 'chat',
      messages: [{ role: 'user', content: 'How long does delivery take?' }],
      documents: ['We ship on the day of the order. Delivery takes three to five days.'],
    } as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming)
    expect(reply.choices[0]!.message.content).toBe('Delivery takes three to five days.')
    expect(reply.choices[0]).toMatchObject({ edgewise: { method: 'documents', evidence: { start: 33 } } })
  })

  it('an aborted stream ends, and the service goes on', async () => {
    const stream = await openai.chat.completions.create({
      model: 'chat',
      messages: [hotel],
      temperature: 1.9,
      logit_bias: { 0: -100, 2: -100 },
      max_tokens: 400,
      stream: true,
    })
    let chunks = 0
    for await (const _ of stream) if (++chunks === 3) break
    expect(stream.controller.signal.aborted).toBe(true)
    expect((await native({ messages: [hotel] })).message.content).not.toBe('')
    const controller = new AbortController()
    controller.abort()
    await expect(
      openai.chat.completions.create({ model: 'chat', messages: [hotel] }, { signal: controller.signal }),
    ).rejects.toThrow(OpenAI.APIUserAbortError)
  })
})

describe('openai: completions', () => {
  const prompt = 'The movie was'

  it('goes on from prompts', async () => {
    const reply = await openai.completions.create({
      model: 'chat',
      prompt: [prompt, 'The food was'],
      max_tokens: 6,
    })
    const own = await answerOf<{ completions: { text: string }[] }>('generate', { prompt, maxNewTokens: 6 })
    expect(reply.choices.map(({ index }) => index)).toEqual([0, 1])
    expect(reply.choices[0]).toMatchObject({ text: own.completions[0]!.text, finish_reason: 'length' })
    expect(reply.usage!.completion_tokens).toBe(12)
  })

  it('streams, with log-probabilities at their places', async () => {
    const input = { model: 'chat', prompt, max_tokens: 8, logprobs: 2 } as const
    const whole = (await openai.completions.create(input)).choices[0]!
    const chunks = []
    for await (const chunk of await openai.completions.create({ ...input, stream: true }))
      chunks.push(...chunk.choices)
    expect(chunks.map(({ text }) => text).join('')).toBe(whole.text)
    expect(chunks.at(-1)!.finish_reason).toBe('length')
    const offsets = chunks.flatMap(({ logprobs }) => logprobs?.text_offset ?? [])
    expect(offsets).toEqual(whole.logprobs!.text_offset)
    expect(offsets).toHaveLength(8)
    expect(Object.keys(whole.logprobs!.top_logprobs![0]!)).toHaveLength(2)
  })

  it('n texts of each prompt', async () => {
    const input = { model: 'chat', prompt: [prompt, 'A'], n: 2, seed: 1, max_tokens: 5 }
    const whole = await openai.completions.create(input)
    expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    const texts = ['', '', '', '']
    for await (const { choices } of await openai.completions.create({ ...input, stream: true }))
      for (const { index, text } of choices) texts[index] += text
    expect(texts).toEqual(whole.choices.map(({ text }) => text))
  })
})

describe('openai: embeddings', () => {
  it('floats, base64 that the client decodes, dimensions, more than one batch', async () => {
    const text = ['How do I reset my password?', 'I forgot my login.']
    const own = await answerOf<{ results: { embedding: number[] }[] }>('embed', { text })
    const floats = await openai.embeddings.create({ model: 'embed', input: text, encoding_format: 'float' })
    expect(floats.data.map(({ embedding }) => embedding)).toEqual(
      own.results.map(({ embedding }) => embedding),
    )
    const decoded = await openai.embeddings.create({ model: 'embed', input: text })
    decoded.data.forEach(({ embedding }, i) => {
      embedding.forEach((x, j) => {
        expect(x).toBeCloseTo(own.results[i]!.embedding[j]!, 6)
      })
    })
    const raw = await post(
      '/v1/embeddings',
      JSON.stringify({ model: 'embed', input: 'a', encoding_format: 'base64' }),
    )
    expect(await raw.json()).toMatchObject({ data: [{ embedding: expect.stringMatching(/^[\w+/]+=*$/) }] })
    const short = await openai.embeddings.create({ model: 'embed', input: text[0]!, dimensions: 64 })
    expect(short.data[0]!.embedding).toHaveLength(64)
    const many = Array.from({ length: 70 }, (_, i) => `Text number ${i}`)
    const all = await openai.embeddings.create({ model: 'embed', input: many })
    expect(all.data.map(({ index }) => index)).toEqual(many.map((_, i) => i))
    expect(all.usage.prompt_tokens).toBeGreaterThan(200)
  })
})

describe('openai: responses', () => {
  it('responds to a text and to items', async () => {
    const own = await native({
      messages: [{ role: 'system', content: 'You are an assistant for hotels.' }, hotel],
    })
    const input = { model: 'chat', instructions: 'You are an assistant for hotels.', input: hotel.content }
    const whole = await openai.responses.create(input)
    expect(whole).toMatchObject({
      object: 'response',
      status: 'completed',
      error: null,
      incomplete_details: null,
    })
    expect(whole.output_text).toBe(own.message.content)
    expect(whole.usage!.total_tokens).toBe(own.usage.promptTokens + own.usage.completionTokens)
    const items = await openai.responses.create({
      ...input,
      input: [{ role: 'user', content: [{ type: 'input_text', text: hotel.content }] }],
    })
    expect(items.output_text).toBe(whole.output_text)
  })

  it('streams events that are numbered through and make up the response', async () => {
    const input = { model: 'chat', input: hotel.content, max_output_tokens: 6 }
    const whole = await openai.responses.create(input)
    expect(whole).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
    const stream = openai.responses.stream(input)
    const types: string[] = []
    const numbers: number[] = []
    for await (const event of stream) {
      types.push(event.type)
      numbers.push(event.sequence_number)
    }
    expect(numbers).toEqual(numbers.map((_, i) => i))
    expect(types.filter((type) => type !== 'response.output_text.delta')).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.incomplete',
    ])
    expect((await stream.finalResponse()).output_text.trim()).toBe(whole.output_text)
  })

  it('JSON, and tools with their output', async () => {
    const json = await openai.responses.create({
      model: 'chat',
      input: hotel.content,
      max_output_tokens: 200,
      text: { format: { type: 'json_schema', name: 'stay', schema: person } },
    })
    expect(JSON.parse(json.output_text)).toHaveProperty('nights')
    const { name, description, parameters } = weather.function
    const tools = [{ type: 'function' as const, name, description, parameters, strict: false }]
    const question = { role: 'user' as const, content: 'What is the weather in Oslo?' }
    const first = await openai.responses.create({
      model: 'chat',
      input: [question],
      tools,
      tool_choice: 'required',
    })
    const call = first.output[0] as OpenAI.Responses.ResponseFunctionToolCall
    expect(call).toMatchObject({ type: 'function_call', name: 'get_weather' })
    const events = []
    for await (const event of await openai.responses.create({
      model: 'chat',
      input: [question],
      tools,
      tool_choice: { type: 'function', name: 'get_weather' },
      stream: true,
    }))
      events.push(event.type)
    expect(events).toContain('response.function_call_arguments.done')
    const second = await openai.responses.create({
      model: 'chat',
      input: [
        question,
        call,
        { type: 'function_call_output', call_id: call.call_id, output: 'Rain, 8 degrees.' },
      ],
      tools,
    })
    expect(second.output_text).toContain('8 degrees')
  })
})

describe('openai: models', () => {
  it('lists and tells them', async () => {
    const models = []
    for await (const model of openai.models.list()) models.push(model.id)
    expect(models).toContain('chat')
    expect(await openai.models.retrieve('embed')).toMatchObject({
      id: 'embed',
      object: 'model',
      owned_by: 'edgewise',
    })
    await expect(openai.models.retrieve('nosuch')).rejects.toThrow(OpenAI.NotFoundError)
  })
})

describe('ai, with @ai-sdk/openai-compatible', () => {
  it('generateText, streamText', async () => {
    const own = await native({ messages: [hotel] })
    const { text, usage, finishReason } = await generateText({ model: sdk('chat'), prompt: hotel.content })
    expect(text).toBe(own.message.content)
    expect(usage).toMatchObject({
      inputTokens: own.usage.promptTokens,
      outputTokens: own.usage.completionTokens,
    })
    expect(finishReason).toBe('stop')
    const stream = streamText({ model: sdk('chat'), prompt: hotel.content })
    let streamed = ''
    for await (const part of stream.textStream) streamed += part
    expect(streamed.trim()).toBe(text)
    expect((await stream.usage).outputTokens).toBe(own.usage.completionTokens)
  })

  it('an object by a schema', async () => {
    const { output } = await generateText({
      model: sdk('chat'),
      prompt: hotel.content,
      output: Output.object({ schema: jsonSchema<{ city: string; nights: number }>(person as object) }),
    })
    expect(output.nights).toBeGreaterThanOrEqual(1)
  })

  it('a tool that is run, and its result told', async () => {
    const asked: string[] = []
    const { text, steps } = await generateText({
      model: sdk('chat'),
      prompt: 'What is the weather in Oslo?',
      tools: {
        get_weather: tool({
          description: weather.function.description,
          inputSchema: jsonSchema<{ city: string }>(weather.function.parameters as object),
          execute: async ({ city }) => {
            asked.push(city)
            return 'Rain, 8 degrees.'
          },
        }),
      },
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'auto' }),
      stopWhen: stepCountIs(3),
    })
    expect(asked).toHaveLength(1)
    expect(steps).toHaveLength(2)
    expect(text).toContain('8 degrees')
  })

  it('embed', async () => {
    const { embedding } = await embed({ model: sdk.embeddingModel('embed'), value: 'I forgot my login.' })
    const own = await answerOf<{ results: { embedding: number[] }[] }>('embed', {
      text: 'I forgot my login.',
    })
    expect(embedding).toEqual(own.results[0]!.embedding)
  })

  it('an error is an APICallError with the status', async () => {
    const failed = generateText({ model: sdk('nosuch'), prompt: 'Hello.', maxRetries: 0 })
    await expect(failed).rejects.toThrow(APICallError)
    await expect(failed).rejects.toMatchObject({
      statusCode: 404,
      message: expect.stringContaining('nosuch'),
    })
  })
})

describe('errors, in OpenAI’s form and as its classes', () => {
  const message = { role: 'user', content: 'Hello.' }
  const chat = (body: object) => post('/v1/chat/completions', JSON.stringify(body))

  it.each([
    ['no model', { messages: [message] }, 400],
    ['an unknown model', { model: 'gpt-nosuch', messages: [message] }, 404],
    ['a model of another kind', { model: 'embed', messages: [message] }, 503],
    ['no messages', { model: 'chat', messages: [] }, 400],
    ['a picture', { model: 'chat', messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 400],
    ['an unknown role', { model: 'chat', messages: [{ role: 'wizard', content: 'Hello.' }] }, 400],
    [
      'a tool’s answer without its call',
      { model: 'chat', messages: [message, { role: 'tool', tool_call_id: 'x', content: '' }] },
      400,
    ],
    ['a temperature of 9', { model: 'chat', messages: [message], temperature: 9 }, 400],
    ['n of 100', { model: 'chat', messages: [message], n: 100 }, 400],
    ['audio', { model: 'chat', messages: [message], audio: { voice: 'alloy' } }, 400],
    ['a tool choice that is no tool', { model: 'chat', messages: [message], tool_choice: 'required' }, 400],
    [
      'a schema that is none',
      {
        model: 'chat',
        messages: [message],
        response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'nosuch' } } },
      },
      400,
    ],
    ['a bias of no token', { model: 'chat', messages: [message], logit_bias: { a: 1 } }, 400],
  ])('%s', async (_, body, status) => {
    for (const stream of [false, true]) {
      const response = await chat({ ...body, stream })
      const { error } = (await response.json()) as { error: Record<string, unknown> }
      expect(response.status, JSON.stringify(error)).toBe(status)
      expect(error).toEqual({
        message: expect.stringMatching(/./),
        type: status < 500 ? 'invalid_request_error' : 'server_error',
        param: status === 404 ? 'model' : null,
        code: expect.stringMatching(/^[a-z_]+$/),
      })
    }
  })

  it.each(['/v1/completions', '/v1/embeddings', '/v1/responses'])('%s', async (path) => {
    for (const body of ['', '{', '[]', '{"model":"chat"}', '{"model":"chat","input":[1,2],"prompt":[1,2]}']) {
      const response = await post(path, body)
      expect(response.status, body).toBe(400)
      expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
    }
    expect((await post(path, new Uint8Array([0x22, 0xff, 0x22]))).status).toBe(400)
    expect((await post(path, '{}', 'image/png')).status).toBe(415)
    for (const [refused, status] of [
      [await send(path), 405],
      [await post(path, `"${'a'.repeat(2 ** 20)}"`), 413],
    ] as const) {
      expect(refused.status).toBe(status)
      expect(await refused.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
    }
  })

  it('the client’s classes', async () => {
    const create = (model: string, temperature: number) =>
      openai.chat.completions.create({ model, temperature, messages: [hotel] })
    await expect(create('chat', 9)).rejects.toThrow(OpenAI.BadRequestError)
    await expect(create('nosuch', 0)).rejects.toThrow(OpenAI.NotFoundError)
    await expect(
      openai.responses.create({ model: 'chat', input: 'Hello.', previous_response_id: 'resp-1' }),
    ).rejects.toThrow(/previous_response_id/)
  })
  it('401 without a key that the service knows, 429 beyond its rate', async () => {
    const guarded = createApp({
      functions: [],
      access: () => ({
        keys: 'sesame',
        limiter: (env as unknown as { TEST_LIMITER: RateLimiter }).TEST_LIMITER,
      }),
      runtime: () => ({ models: async () => [] }) as unknown as Runtime,
    })
    const client = (apiKey: string) =>
      new OpenAI({
        baseURL: 'https://edgewise.test/v1',
        apiKey,
        maxRetries: 0,
        fetch: async (url, init) => await guarded.request(new Request(url as string, init as RequestInit)),
        dangerouslyAllowBrowser: true,
      })
    await expect(client('guess').models.list()).rejects.toThrow(OpenAI.AuthenticationError)
    await expect(client('guess').models.list()).rejects.toThrow(/The API key is not known/)
    // The limiter of vitest.config.ts lets two pass.
    expect((await client('sesame').models.list()).data).toEqual([])
    expect((await client('sesame').models.list()).data).toEqual([])
    await expect(client('sesame').models.list()).rejects.toThrow(OpenAI.RateLimitError)
  })
})

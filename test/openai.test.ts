/** OpenAI's client against the gateway as `npm start` serves it; what it gets is tested in openai.worker.test.ts. */
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startGateway } from './gateway.ts'

let gateway: Awaited<ReturnType<typeof startGateway>>
let openai: OpenAI
beforeAll(async () => {
  gateway = await startGateway()
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 })
}, 90_000)
afterAll(() => gateway?.stop())

const messages: OpenAI.ChatCompletionMessageParam[] = [
  { role: 'user', content: 'I am looking for a restaurant in San Jose.' },
]
/** Tokens that end a text are never written: it goes on to the last token. */
const endless = { model: 'chat', messages, temperature: 1, seed: 1, logit_bias: { 0: -100, 2: -100 } }

describe('the openai package, over the network', () => {
  it('streams a reply in parts that come one after another', async () => {
    const whole = await openai.chat.completions.create({ model: 'chat', messages })
    const stream = await openai.chat.completions.create({ model: 'chat', messages, stream: true })
    let text = ''
    let parts = 0
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? ''
      parts++
    }
    expect(text.trim()).toBe(whole.choices[0]!.message.content)
    expect(parts).toBeGreaterThan(4)
  })

  it('aborts a stream and a request, and the service goes on', async () => {
    const stream = await openai.chat.completions.create({ ...endless, max_tokens: 480, stream: true })
    for await (const _ of stream) break
    expect(stream.controller.signal.aborted).toBe(true)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 20)
    await expect(
      openai.chat.completions.create({ ...endless, max_tokens: 480, n: 8 }, { signal: controller.signal }),
    ).rejects.toThrow(OpenAI.APIUserAbortError)
    const models = await openai.models.list()
    expect(models.data.map(({ id }) => id)).toContain('chat')
  })

  it('embeds, and errors are of its classes', async () => {
    const { data } = await openai.embeddings.create({ model: 'embed', input: ['one', 'two'] })
    expect(data.map(({ embedding }) => embedding.length)).toEqual([256, 256])
    await expect(openai.chat.completions.create({ model: 'nosuch', messages })).rejects.toThrow(
      OpenAI.NotFoundError,
    )
    await expect(openai.chat.completions.create({ model: 'chat', messages: [] })).rejects.toThrow(
      OpenAI.BadRequestError,
    )
  })
})

import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { answerOf, expectError, post, send } from '../../test/worker.ts'
import type { generate } from './function.ts'

type Answer = z.output<typeof generate.output>
const ask = (input: object) =>
  answerOf<Answer>('generate', { prompt: 'The movie was', maxNewTokens: 12, ...input })

describe('POST /v1/generate', () => {
  it('goes on from a prompt, and counts', async () => {
    const { completions, usage, model } = await ask({})
    expect(completions).toHaveLength(1)
    expect(completions[0]!.text).toMatch(/[a-z]{2,}/)
    expect(completions[0]!.finishReason).toBe('length')
    expect(usage).toEqual({ promptTokens: expect.any(Number), completionTokens: 12 })
    expect(usage.promptTokens).toBeGreaterThan(2)
    expect(model.name).toBe('chat')
  })

  it('is the same each time, drawn too by the same seed', async () => {
    expect(await ask({})).toEqual(await ask({}))
    const drawn = { temperature: 1, seed: 7, n: 3, maxNewTokens: 8 }
    const first = await ask(drawn)
    expect(await ask(drawn)).toEqual(first)
    expect(first.completions).toHaveLength(3)
    expect(new Set(first.completions.map(({ text }) => text)).size).toBeGreaterThan(1)
    expect(first.usage.completionTokens).toBeLessThanOrEqual(24)
  })

  it('tells log-probabilities, whose text is the text', async () => {
    const [{ text, logprobs }] = (await ask({ logprobs: true, topLogprobs: 3 })).completions as [
      Answer['completions'][0],
    ]
    expect(logprobs).toHaveLength(12)
    expect(logprobs!.map(({ token }) => token).join('')).toBe(text)
    for (const { token, id, logprob, top } of logprobs!) {
      expect(Number.isInteger(id)).toBe(true)
      expect(logprob).toBeLessThanOrEqual(0)
      expect(top).toHaveLength(3)
      expect(top![0]).toEqual({ token, id, logprob })
    }
  })

  it('searches with beams, the best first', async () => {
    const { completions } = await ask({ numBeams: 3, n: 3 })
    expect(completions).toHaveLength(3)
    for (let i = 1; i < 3; i++) expect(completions[i]!.score).toBeLessThanOrEqual(completions[i - 1]!.score!)
  })

  it('ends at a stop string, and by the time there is', async () => {
    const whole = (await ask({ maxNewTokens: 24 })).completions[0]!.text
    const word = whole.trim().split(/\s+/)[3]!
    const [stopped] = (await ask({ maxNewTokens: 24, stop: [word] })).completions
    expect(stopped).toMatchObject({ finishReason: 'stop', stopString: word })
    expect(whole.startsWith(stopped!.text)).toBe(true)
    const [timed] = (await ask({ maxNewTokens: 400, timeBudget: 1 })).completions
    expect(timed!.finishReason).toBe('time')
  })

  it('writes JSON that validates, whatever the model would rather say', async () => {
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string', maxLength: 12 },
        stars: { type: 'integer', minimum: 1, maximum: 5 },
        open: { type: 'boolean' },
      },
      required: ['name', 'stars', 'open'],
      additionalProperties: false,
    }
    for (const temperature of [0, 1.5]) {
      const { completions } = await ask({ schema, temperature, seed: 3, maxNewTokens: 96 })
      const value = JSON.parse(completions[0]!.text)
      expect(Object.keys(value).sort()).toEqual(['name', 'open', 'stars'])
      expect(value.name.length).toBeLessThanOrEqual(12)
      expect([1, 2, 3, 4, 5]).toContain(value.stars)
      expect([true, false]).toContain(value.open)
    }
  })

  it('streams what it answers without, with counts and the reason at the end', async () => {
    const input = { prompt: 'The movie was', maxNewTokens: 20 }
    const text = await (await post('/v1/generate', JSON.stringify({ ...input, stream: true }))).text()
    const events = text.split('\n\n').filter((part) => part !== '')
    const parts = events
      .slice(0, -1)
      .map((event) => JSON.parse(event.match(/^event: text\ndata: (.*)$/)![1]!))
    const end = JSON.parse(events.at(-1)!.match(/^event: end\ndata: (.*)$/)![1]!)
    expect(end).toEqual(await answerOf('generate', input))
    expect(parts.length).toBeGreaterThan(5)
    expect(parts.map((part) => part.text).join('')).toBe(end.completions[0].text)
  })

  it('stops within a token when its reader goes away', async () => {
    const body = JSON.stringify({
      prompt: 'The movie was',
      maxNewTokens: 450,
      stream: true,
      n: 8,
      temperature: 1,
    })
    const response = await send('/v1/generate', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    const reader = response.body!.getReader()
    await reader.read()
    const start = Date.now()
    await reader.cancel()
    // A token takes milliseconds; the 3,600 that are left would take seconds.
    expect(Date.now() - start).toBeLessThan(1_000)
    await ask({ maxNewTokens: 1 })
    expect(Date.now() - start).toBeLessThan(1_500)
  })
})

describe('bad input', () => {
  it.each<[string, object, string, RegExp]>([
    ['no prompt', { prompt: '' }, 'invalid_input', /empty/],
    ['a prompt beyond the context', { prompt: 'movie '.repeat(2_000) }, 'context_exceeded', /tokens/],
    ['nine texts', { n: 9 }, 'invalid_input', /n:/],
    ['two texts that are the same', { n: 2 }, 'invalid_input', /same/],
    ['more texts than beams', { n: 3, numBeams: 2 }, 'invalid_input', /same/],
    ['beams and a temperature', { numBeams: 2, temperature: 1 }, 'invalid_input', /temperature/],
    ['a schema that is none', { schema: { type: 'nothing' } }, 'schema_unsupported', /type/],
    [
      'a schema that the tokens cannot hold',
      { schema: { const: 'x'.repeat(200) }, maxNewTokens: 4 },
      'budget_too_small',
      /tokens/,
    ],
    ['an empty stop string', { stop: [''] }, 'invalid_input', /stop/],
    ['a model that writes nothing', { model: 'sentiment' }, 'architecture_unsupported', /./],
  ])('%s', async (_, input, code, message) => {
    const body = JSON.stringify({ prompt: 'The movie was', maxNewTokens: 8, ...input })
    await expectError(await post('/v1/generate', body), code, message)
  })
})

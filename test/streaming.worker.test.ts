/** Answers as server-sent events, inside workerd. */
import { describe, expect, it } from 'vitest'
import { EdgewiseError } from '../src/errors.ts'
import type { TextPart } from '../src/function.ts'
import { eventStream } from '../src/server/events.ts'
import { post } from './worker.ts'

interface Event {
  event: string
  data: Record<string, unknown>
}

function eventsOf(text: string): Event[] {
  return text
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => {
      const [, event, data] = part.match(/^event: (.*)\ndata: (.*)$/)!
      return { event: event!, data: JSON.parse(data!) }
    })
}

const ask = (input: object) => post('/v1/translate', JSON.stringify({ source: 'en', target: 'de', ...input }))

describe('POST /v1/translate with stream', () => {
  it('sends each sentence, then the answer that comes without', async () => {
    const text = ['I have no time.\n\nWhere is my book? ', 'Thank you.']
    const response = await ask({ text, stream: true })
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const events = eventsOf(await response.text())
    expect(events.map(({ event }) => event)).toEqual(['text', 'text', 'text', 'text', 'end'])
    const answer = (await (await ask({ text })).json()) as { results: { translation: string }[] }
    expect(events.at(-1)!.data).toEqual(answer)
    const written = text.map((_, i) =>
      events
        .filter(({ event, data }) => event === 'text' && data.index === i)
        .map(({ data }) => data.text)
        .join(''),
    )
    expect(written).toEqual(answer.results.map(({ translation }) => translation))
  })

  it.each([
    ['its input', { text: '' }, 400, 'invalid_input'],
    ['what the function finds', { text: 'Hello.', target: 'nl' }, 400, 'language_unsupported'],
    ['its model', { text: 'Hello.', model: 'nosuch' }, 404, 'unknown_model'],
  ])('tells what is wrong at the beginning by its status: %s', async (_, input, status, code) => {
    const response = await ask({ ...input, stream: true })
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { code } })
  })

  it('stops when its reader goes away', async () => {
    const text = Array(64).fill('I have no time today. '.repeat(200))
    const response = await ask({ text, stream: true })
    const reader = response.body!.getReader()
    await reader.read()
    await reader.cancel()
    const start = Date.now()
    expect((await ask({ text: 'Thank you.' })).status).toBe(200)
    // The rest would take a minute, on the one thread there is.
    expect(Date.now() - start).toBeLessThan(5_000)
  })
})

describe('the stream itself', () => {
  /** Parts without end, each counted as it is computed. */
  function endless() {
    const state = { computed: 0, ended: false }
    async function* parts(): AsyncGenerator<TextPart, object, void> {
      try {
        for (;;) {
          state.computed++
          yield { index: 0, text: 'a' }
        }
      } finally {
        state.ended = true
      }
    }
    return { state, parts: parts() }
  }
  const settle = () => new Promise((resolve) => setTimeout(resolve, 50))

  it('computes nothing that its reader has not asked for', async () => {
    const { state, parts } = endless()
    const reader = (await eventStream({ parts, abort: () => {} })).body!.getReader()
    await settle()
    expect(state.computed).toBeLessThanOrEqual(1)
    for (let i = 0; i < 5; i++) await reader.read()
    await settle()
    expect(state.computed).toBeLessThanOrEqual(6)
    await reader.cancel()
  })

  it('sends nothing where the format holds back what happens', async () => {
    async function* parts(): AsyncGenerator<TextPart, string, void> {
      for (const text of ['a', '', 'b', '']) yield { index: 0, text }
      return ''
    }
    const format = { part: ({ text }: TextPart) => text, end: (text: string) => text, error: () => 'error' }
    const reader = (await eventStream({ parts: parts(), abort: () => {} }, format)).body!.getReader()
    const chunks: string[] = []
    for (let next = await reader.read(); !next.done; next = await reader.read())
      chunks.push(new TextDecoder().decode(next.value))
    expect(chunks).toEqual(['a', 'b'])
  })

  it('ends the work when its reader goes away', async () => {
    const { state, parts } = endless()
    let aborted = false
    const abort = () => {
      aborted = true
    }
    const reader = (await eventStream({ parts, abort })).body!.getReader()
    await reader.read()
    await reader.cancel()
    expect(aborted).toBe(true)
    expect(state.ended).toBe(true)
    const { computed } = state
    await settle()
    expect(state.computed).toBe(computed)
  })

  it('ends with an event where the work fails, without a stack', async () => {
    async function* failing(error: unknown): AsyncGenerator<TextPart, object, void> {
      yield { index: 0, text: 'a' }
      throw error
    }
    const textOf = async (error: unknown) =>
      await (await eventStream({ parts: failing(error), abort: () => {} })).text()
    const known = new EdgewiseError('memory_exceeded', 'Too much.', 'Less.')
    const events = eventsOf(await textOf(known))
    expect(events.map(({ event }) => event)).toEqual(['text', 'error'])
    expect(events[1]!.data).toEqual(known.toJSON())
    const [, bug] = eventsOf(await textOf(new Error('secret')))
    expect(bug!.data).toMatchObject({ error: { code: 'internal' } })
    expect(JSON.stringify(bug)).not.toContain('secret')
  })
})

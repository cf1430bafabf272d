import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadDecoder, readFixture } from '../../test/parity/checkpoint.ts'
import { type BatchEvent, generate, generateBatch } from './generate.ts'
import type { EndEvent, GenerationEvent, GenerationRequest } from './request.ts'
import { type SimulatedOptions, simulateDecoder } from './simulated.ts'
import type { Detokenizer } from './stop.ts'

/** Each token is a letter. */
const letters = (): Detokenizer => ({
  push: (id) => String.fromCharCode(97 + (id % 26)),
  flush: () => '',
})

interface Written {
  ids: number[]
  text: string
  tokens: Extract<GenerationEvent, { type: 'token' }>[]
  end: EndEvent
}

async function collect<Event extends GenerationEvent>(events: AsyncIterable<Event>): Promise<Written> {
  const all: GenerationEvent[] = []
  for await (const event of events) all.push(event)
  const tokens = all.filter((event) => event.type === 'token')
  return {
    ids: tokens.map(({ id }) => id),
    text: all.map(({ text }) => text).join(''),
    tokens,
    end: all.at(-1) as EndEvent,
  }
}

const write = (request: GenerationRequest, options: Partial<SimulatedOptions> = {}) =>
  collect(generate(simulateDecoder({ seed: 7, ...options }), request))

describe('one text', () => {
  it('is greedy unless asked otherwise, and the same for the same seed', async () => {
    const greedy = await write({ prompt: [1, 2], maxNewTokens: 20 })
    expect(await write({ prompt: [1, 2], maxNewTokens: 20, seed: 3 })).toEqual(greedy)
    expect(greedy.ids.length).toBe(20)
    expect(greedy.end).toMatchObject({
      finishReason: 'length',
      usage: { promptTokens: 2, completionTokens: 20 },
    })

    const drawn = (seed: number) => write({ prompt: [1, 2], maxNewTokens: 20, temperature: 1.5, seed })
    expect(await drawn(5)).toEqual(await drawn(5))
    expect((await drawn(5)).ids).not.toEqual((await drawn(6)).ids)
    expect(
      (await write({ prompt: [1, 2], maxNewTokens: 20, temperature: 1.5, topK: 1, seed: 9 })).ids,
    ).toEqual(greedy.ids)
  })

  it('ends at an end token, which is counted and not shown', async () => {
    const free = await write({ prompt: [1], maxNewTokens: 30 })
    const at = free.ids.findIndex((id, i) => i > 3 && free.ids.indexOf(id) === i)
    const ended = await write({ prompt: [1], maxNewTokens: 30 }, { endTokenIds: [free.ids[at]!] })
    expect(ended.ids).toEqual(free.ids.slice(0, at))
    expect(ended.end).toMatchObject({ finishReason: 'stop', usage: { completionTokens: at + 1 } })
    const longer = await write(
      { prompt: [1], maxNewTokens: 30, minNewTokens: at + 1 },
      { endTokenIds: [free.ids[at]!] },
    )
    expect(longer.ids.length).toBeGreaterThan(at)
    expect(longer.ids[at]).not.toBe(free.ids[at])
  })

  it('reads a prompt longer than a chunk in parts, as if at once', async () => {
    const prompt = Array.from({ length: 700 }, (_, i) => (i * i) % 64)
    const options = { seed: 7, memory: 700, contextLength: 1000 }
    const whole = simulateDecoder(options)
    const cache = whole.open(1000)
    const [logits] = whole.forward([{ cache, inputIds: prompt, logits: 'last' }])
    const decoder = simulateDecoder(options)
    const { ids } = await collect(generate(decoder, { prompt, maxNewTokens: 3 }))
    expect(decoder.passes).toEqual([256, 256, 188, 1, 1])
    expect(ids[0]).toBe(logits!.indexOf(Math.max(...logits!)))
  })

  it('stays within the context', async () => {
    const { ids, end } = await write({ prompt: [1, 2, 3], maxNewTokens: 50 }, { contextLength: 10 })
    expect(ids.length).toBe(7)
    expect(end.finishReason).toBe('length')
    const prompt = Array(10).fill(1)
    expect(() => generate(simulateDecoder({ seed: 1, contextLength: 10 }), { prompt })).toThrow(
      expect.objectContaining({ code: 'context_exceeded' }),
    )
  })

  it.each([
    ['no prompt', {}],
    ['a token beyond the vocabulary', { prompt: [64] }],
    ['a source for a decoder alone', { prompt: [1], source: [1] }],
    ['an option out of range', { prompt: [1], topP: 0 }],
    ['an unknown option', { prompt: [1], topp: 0.5 } as GenerationRequest],
    ['temperature with beams', { prompt: [1], numBeams: 2, temperature: 1 }],
    ['more sequences than beams', { prompt: [1], numReturnSequences: 2 }],
    ['stop strings without text', { prompt: [1], stop: ['a'] }],
  ] as [string, GenerationRequest][])('refuses %s', (_, request) => {
    expect(() => generate(simulateDecoder({ seed: 1 }), request)).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    )
  })

  it('starts with the start token and what follows it, behind a source', async () => {
    const options = { startTokenId: 5, memory: 50 }
    const a = await write({ source: [9, 9], maxNewTokens: 5 }, options)
    const b = await write({ source: [9, 8], maxNewTokens: 5 }, options)
    const c = await write({ source: [9, 9], prompt: [a.ids[0]!], maxNewTokens: 4 }, options)
    expect(a.ids).not.toEqual(b.ids)
    expect(c.ids).toEqual(a.ids.slice(1))
    expect(a.end.usage.promptTokens).toBe(2)
  })

  it('tells log-probabilities of the model, whatever is done to them afterwards', async () => {
    const request = { prompt: [1, 2], maxNewTokens: 4, repetitionPenalty: 3, logprobs: true, topLogprobs: 3 }
    const decoder = simulateDecoder({ seed: 7 })
    const { ids, tokens } = await collect(generate(decoder, request))
    const cache = decoder.open(20)
    tokens.forEach((token, i) => {
      const inputIds = i === 0 ? [1, 2] : [ids[i - 1]!]
      const logits = Array.from(decoder.forward([{ cache, inputIds, logits: 'last' }])[0]!)
      const sum = Math.log(logits.reduce((all, x) => all + Math.exp(x), 0))
      const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!)
      expect(token.logprob).toBeCloseTo(logits[token.id]! - sum, 5)
      expect(token.topLogprobs!.map(({ id }) => id)).toEqual(order.slice(0, 3))
      expect(token.topLogprobs![0]!.logprob).toBeCloseTo(logits[order[0]!]! - sum, 5)
    })
  })
})

describe('stop strings', () => {
  it('end a text of several tokens, and are never shown in part', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(100), fc.integer({ min: 1, max: 4 }), fc.nat(8), async (seed, n, at) => {
        const free = await write({ prompt: [1], maxNewTokens: 16, detokenizer: letters() }, { seed })
        const stop = free.text.slice(at, at + n)
        const request = { prompt: [1], maxNewTokens: 16, detokenizer: letters(), stop: [stop, 'zzzz'] }
        const { text, end } = await write(request, { seed })
        expect(text).toBe(free.text.slice(0, free.text.indexOf(stop)))
        expect(end).toMatchObject({ finishReason: 'stop', stopString: stop })
        expect(end.usage.completionTokens).toBe(text.length + n)
      }),
      { numRuns: 60 },
    )
  })

  it('show what was held back when the text ends otherwise', async () => {
    const free = await write({ prompt: [1], maxNewTokens: 8, detokenizer: letters() })
    const stop = [`${free.text.slice(-3)}!`]
    const held = await write({ prompt: [1], maxNewTokens: 8, detokenizer: letters(), stop })
    expect(held.text).toBe(free.text)
    expect(held.end.text).toBe(free.text.slice(-3))
  })
})

describe('budgets and aborts', () => {
  const slow = (ms: number) => () => {
    for (const end = performance.now() + ms; performance.now() < end; );
  }

  it('ends with what there is when the time is over', async () => {
    const { ids, end } = await write(
      { prompt: [1], maxNewTokens: 400, timeBudget: 30 },
      { onForward: slow(4) },
    )
    expect(end.finishReason).toBe('time')
    expect(ids.length).toBeGreaterThan(1)
    expect(ids.length).toBeLessThan(12)
    const beams = await write(
      { prompt: [1], maxNewTokens: 400, timeBudget: 30, numBeams: 2 },
      { onForward: slow(4) },
    )
    expect(beams.end.finishReason).toBe('time')
    expect(beams.ids.length).toBeGreaterThan(1)
  })

  it.each([1, 2])('ends within one token of an abort by the one who reads, %i beams', async (numBeams) => {
    const decoder = simulateDecoder({ seed: 7 })
    const controller = new AbortController()
    const ids: number[] = []
    const reading = (async () => {
      for await (const event of generate(decoder, {
        prompt: [1],
        numBeams,
        maxNewTokens: 8,
        signal: controller.signal,
      })) {
        if (event.type === 'token') ids.push(event.id)
        if (ids.length === 3) controller.abort()
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: 'request_aborted' })
    expect(ids.length).toBe(3)
    expect(decoder.opened).toBe(0)
  })

  it('sees an abort by a timer, and lets timers run', async () => {
    for (const ms of [0, 2, 20]) {
      const decoder = simulateDecoder({ seed: 7, contextLength: 1e6, onForward: slow(ms) })
      const started = performance.now()
      const request = { prompt: [1], maxNewTokens: 100_000, signal: AbortSignal.timeout(60) }
      await expect(collect(generate(decoder, request))).rejects.toMatchObject({ code: 'request_aborted' })
      expect(performance.now() - started).toBeLessThan(250)
      expect(decoder.opened).toBe(0)
    }
  })

  it('frees its caches however it ends', async () => {
    const decoder = simulateDecoder({ seed: 7 })
    for (const numBeams of [1, 3]) {
      for await (const _ of generate(decoder, { prompt: [1], numBeams, maxNewTokens: 8 })) break
      expect(decoder.opened).toBe(0)
      await collect(generate(decoder, { prompt: [1], numBeams, maxNewTokens: 8 }))
      expect(decoder.opened).toBe(0)
      generate(decoder, { prompt: [1], numBeams }) // never iterated
      expect(decoder.opened).toBe(0)
      const failing = {
        ...decoder,
        forward: () => {
          throw new Error('broken')
        },
      }
      await expect(collect(generate(failing, { prompt: [1], numBeams }))).rejects.toThrow('broken')
      expect(decoder.opened).toBe(0)
    }
  })
})

const request: fc.Arbitrary<GenerationRequest> = fc.record({
  prompt: fc.array(fc.nat(63), { minLength: 1, maxLength: 300 }),
  maxNewTokens: fc.integer({ min: 1, max: 12 }),
  temperature: fc.constantFrom(0, 0, 1),
  seed: fc.nat(9),
  topK: fc.constantFrom(0, 5),
  repetitionPenalty: fc.constantFrom(1, 1.5),
  presencePenalty: fc.constantFrom(0, 1),
  frequencyPenalty: fc.constantFrom(0, 0.5),
  logitBias: fc.constantFrom({}, { 5: 2 }),
  noRepeatNgramSize: fc.constantFrom(0, 2),
  promptLookupNumTokens: fc.constantFrom(0, 4),
})

const separate = (events: BatchEvent[], index: number) =>
  events.filter((event) => event.index === index).map(({ index: _, ...event }) => event)

describe('a batch', () => {
  it('writes each text as it would be alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(99),
        fc.array(
          fc.oneof(
            { weight: 3, arbitrary: request },
            request.map((r) => ({ ...r, temperature: 0, promptLookupNumTokens: 0, numBeams: 3 })),
          ),
          { minLength: 1, maxLength: 5 },
        ),
        async (seed, requests) => {
          const options = { seed, endTokenIds: [3, 17] }
          const decoder = simulateDecoder(options)
          const events: BatchEvent[] = []
          for await (const event of generateBatch(decoder, requests)) events.push(event)
          expect(decoder.opened).toBe(0)
          for (const [index, one] of requests.entries()) {
            const alone: GenerationEvent[] = []
            for await (const event of generate(simulateDecoder(options), one)) alone.push(event)
            expect(separate(events, index)).toEqual(alone)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  it('takes one pass for the next tokens of all', async () => {
    const decoder = simulateDecoder({ seed: 1 })
    for await (const _ of generateBatch(decoder, [
      { prompt: [1, 2, 3], maxNewTokens: 4 },
      { prompt: [4], maxNewTokens: 2 },
    ]));
    expect(decoder.passes).toEqual([4, 2, 1, 1])
  })

  it('goes on when one of its texts is aborted', async () => {
    const controller = new AbortController()
    const ends = new Map<number, EndEvent>()
    for await (const event of generateBatch(simulateDecoder({ seed: 1 }), [
      { prompt: [1], maxNewTokens: 9 },
      { prompt: [2], maxNewTokens: 9, signal: controller.signal },
    ])) {
      controller.abort()
      if (event.type === 'end') ends.set(event.index, event)
    }
    expect(ends.get(0)!.finishReason).toBe('length')
    expect(ends.get(1)).toMatchObject({ finishReason: 'abort', usage: { completionTokens: 1 } })
  })

  it('of a real model, equals its texts alone', async () => {
    for (const folder of ['gpt2-lm', 'bart']) {
      const decoder = await loadDecoder(folder)
      const inputs: { input_ids: number[] }[] = readFixture(`${folder}/cases.json`)
      const requests = inputs.slice(0, 3).map(({ input_ids }, i) => ({
        ...(decoder.startTokenId === undefined ? { prompt: input_ids } : { source: input_ids }),
        maxNewTokens: 8 + i,
        ...(i === 0 ? { numBeams: 3 } : i === 1 ? { temperature: 1, seed: 4 } : {}),
      }))
      const events: BatchEvent[] = []
      for await (const event of generateBatch(decoder, requests)) events.push(event)
      for (const [index, one] of requests.entries()) {
        const alone = await collect(generate(decoder, one))
        const together = separate(events, index).flatMap((event) =>
          event.type === 'token' ? [event.id] : [],
        )
        expect(together).toEqual(alone.ids)
      }
    }
  })
})

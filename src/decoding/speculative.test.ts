import fc from 'fast-check'
import { expect, it } from 'vitest'
import { loadDecoder, readFixture } from '../../test/parity/checkpoint.ts'
import type { Decoder } from './decoder.ts'
import { generate } from './generate.ts'
import type { GenerationRequest } from './request.ts'
import { simulateDecoder } from './simulated.ts'
import { draftTokens } from './speculative.ts'

async function write(decoder: Decoder, request: GenerationRequest) {
  const events = []
  for await (const event of generate(decoder, request)) events.push(event)
  const end = events.pop()!
  if (end.type !== 'end') throw new Error('no end')
  const { lookups, ...usage } = end.usage
  return { events, end: { ...end, usage }, lookups }
}

it('guesses what followed the last tokens the time before', () => {
  expect(draftTokens([1, 2, 3, 4, 1, 2], 3, 3)).toEqual([3, 4, 1])
  expect(draftTokens([5, 2, 7, 1, 2, 9, 5, 2], 2, 1)).toEqual([7])
  expect(draftTokens([1, 2, 7, 2, 9, 5, 2], 2, 1)).toEqual([9])
  expect(draftTokens([1, 2, 1, 2], 2, 5)).toEqual([1, 2, 1, 2, 1])
  expect(draftTokens([1, 2, 3], 2, 5)).toEqual([])
  expect(draftTokens([1], 2, 5)).toEqual([])
})

it('writes the same as without, in fewer passes', async () => {
  let accepted = 0
  let passes = 0
  let saved = 0
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat(1000),
        memory: fc.constantFrom(1, 2),
        prompt: fc.array(fc.nat(15), { minLength: 1, maxLength: 40 }),
        maxNewTokens: fc.integer({ min: 1, max: 40 }),
        promptLookupNumTokens: fc.integer({ min: 1, max: 10 }),
        options: fc.constantFrom<GenerationRequest>(
          {},
          { repetitionPenalty: 1.3 },
          { temperature: 0.7, seed: 3 },
          { logprobs: true },
        ),
      }),
      async ({ seed, memory, promptLookupNumTokens, options, ...request }) => {
        const simulation = { seed, memory, vocabularySize: 16, endTokenIds: [2] }
        const plain = simulateDecoder(simulation)
        const quick = simulateDecoder(simulation)
        const expected = await write(plain, { ...request, ...options })
        const actual = await write(quick, { ...request, ...options, promptLookupNumTokens })
        expect(actual.events).toEqual(expected.events)
        expect(actual.end).toEqual(expected.end)
        accepted += actual.lookups!.accepted
        passes += actual.lookups!.passes
        saved += plain.passes.length - quick.passes.length
      },
    ),
    { numRuns: 100 },
  )
  expect(accepted).toBe(saved)
  expect(accepted / passes).toBeGreaterThan(0.2)
})

it.each(['gpt2-lm', 'llama-lm', 'bart'])('of %s, the same as greedy', async (folder) => {
  const decoder = await loadDecoder(folder)
  const cases: { input_ids: number[] }[] = readFixture(`${folder}/cases.json`)
  for (const { input_ids } of cases.filter((c) => c.input_ids.length <= 17)) {
    // Repeats itself, so that there is something to guess.
    const text = [...input_ids, ...input_ids]
    const request = {
      ...(decoder.startTokenId === undefined ? { prompt: text } : { source: text, prompt: input_ids }),
      maxNewTokens: 24,
      endTokenIds: [],
    }
    const expected = await write(decoder, request)
    const actual = await write(decoder, { ...request, promptLookupNumTokens: 6, maxMatchingNgramSize: 2 })
    expect(actual.events).toEqual(expected.events)
    expect(actual.lookups!.accepted).toBeGreaterThanOrEqual(0)
  }
})

/** Equality with Hugging Face transformers' generate() under options (test/parity/gen_decoding.py). */
import { describe, expect, it } from 'vitest'
import { loadDecoder, readFixture } from '../../test/parity/checkpoint.ts'
import { generate } from './generate.ts'
import type { EndEvent, GenerationOptions } from './request.ts'
import { createSampler } from './sampling.ts'

interface Case {
  folder: string
  input_ids: number[]
  options: GenerationOptions & { endTokenIds: number[]; maxNewTokens: number }
  /** End tokens included. */
  sequences: number[][]
  /** Of beams. */
  scores?: number[]
}

const fixture: {
  generate: Case[]
  warpers: {
    logits: number[]
    options: { temperature: number; topK?: number; topP?: number }
    probabilities: number[]
  }[]
} = readFixture('decoding.json')

const folders = [...new Set(fixture.generate.map(({ folder }) => folder))]

describe.each(folders)('%s', (folder) => {
  it('writes what transformers writes, with options', async () => {
    const decoder = await loadDecoder(folder)
    for (const { input_ids, options, sequences, scores } of fixture.generate.filter(
      (c) => c.folder === folder,
    )) {
      const input = decoder.startTokenId === undefined ? { prompt: input_ids } : { source: input_ids }
      const ids: number[] = []
      let end: EndEvent | undefined
      for await (const event of generate(decoder, { ...input, ...options })) {
        if (event.type === 'token') ids.push(event.id)
        else end = event
      }
      const label = JSON.stringify(options)
      // transformers tells the first end token whichever it was, where there is room.
      const [endTokenId] = options.endTokenIds
      const bare = (tokens: number[]) =>
        options.endTokenIds.includes(tokens.at(-1)!) ? tokens.slice(0, -1) : tokens
      expect(ids, label).toEqual(bare(sequences[0]!))
      expect(end!.finishReason, label).toBe(bare(sequences[0]!) === sequences[0] ? 'length' : 'stop')
      expect(end!.usage.completionTokens, label).toBe(sequences[0]!.length)
      if (!scores) continue
      const told = end!.hypotheses!.map((hypothesis) =>
        hypothesis.finishReason === 'stop' && hypothesis.ids.length < options.maxNewTokens
          ? [...hypothesis.ids, endTokenId]
          : hypothesis.ids,
      )
      expect(told, label).toEqual(sequences)
      end!.hypotheses!.forEach(({ score }, i) => {
        expect(Math.abs(score - scores[i]!), label).toBeLessThan(1e-4 * Math.max(1, Math.abs(score)))
      })
    }
  })
})

it('draws with the probabilities of transformers', () => {
  const sampler = createSampler()
  for (const { logits, options, probabilities } of fixture.warpers) {
    const all = { topK: 0, topP: 1, minP: 0, ...options }
    // The share of [0, 1) that chooses each token, by steps of 1/4096.
    const counts = new Float64Array(logits.length)
    for (let i = 0; i < 4096; i++) counts[sampler(new Float32Array(logits), all, () => (i + 0.5) / 4096)]!++
    probabilities.forEach((p, id) => {
      expect(Math.abs(counts[id]! / 4096 - p), JSON.stringify(options)).toBeLessThanOrEqual(1.01 / 4096)
    })
  }
})

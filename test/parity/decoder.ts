/** What every decoder is held to: transformers' logits and outputs, with and without a cache, alone and in a batch. */
import { describe, expect, it } from 'vitest'
import type { Decoder, KeyValueCache } from '../../src/decoding/decoder.ts'
import { generate } from '../../src/decoding/generate.ts'
import type { GenerationOptions } from '../../src/decoding/request.ts'
import type { Precision } from '../../src/engine/weights.ts'
import { argmax, BUILDS, cosine, expectWithin, loadDecoder, readFixture } from './checkpoint.ts'

interface Case {
  /** The prompt, or the source of an encoder-decoder. */
  input_ids: number[]
  decoder_input_ids?: number[]
  logits_last: number[]
  argmax_all: number[]
  greedy_12: number[]
  beam4_12: number[]
}

const builds = Object.keys(BUILDS) as (keyof typeof BUILDS)[]

/** The cosines of int8 and of 4-bit logits with those of fp32 are at least these. */
export function describeDecoder(folder: string, int8Cosine: number, int4Cosine?: number): void {
  const cases: Case[] = readFixture(`${folder}/cases.json`)
  const open = (decoder: Decoder, c: Case): KeyValueCache =>
    decoder.open(64, c.decoder_input_ids ? { inputIds: c.input_ids } : undefined)
  const tokens = (c: Case) => c.decoder_input_ids ?? c.input_ids

  describe(folder, () => {
    it.each(builds)('fp32 logits within 1e-3, %s kernels', async (build) => {
      const decoder = await loadDecoder(folder, { build })
      for (const c of cases) {
        const cache = open(decoder, c)
        const [logits] = decoder.forward([{ cache, inputIds: tokens(c), logits: 'all' }])
        expectWithin(logits!.subarray(-decoder.vocabularySize), c.logits_last, 1e-3)
        const rows = c.argmax_all.map((_, i) =>
          logits!.subarray(i * decoder.vocabularySize, (i + 1) * decoder.vocabularySize),
        )
        expect(rows.map(argmax)).toEqual(c.argmax_all)
        cache.close()
      }
    })

    // To the bit: a guess that is checked must be judged as the token that would have been written.
    it.each(['fp32', 'int8'] as const)('%s token by token, in a batch and after forgetting, as at once', async (precision) => {
      const decoder = await loadDecoder(folder, { precision })
      const caches = cases.map((c) => open(decoder, c))
      const longest = Math.max(...cases.map((c) => tokens(c).length))
      const last: Float32Array[] = []
      for (let t = 0; t < longest; t++) {
        const steps = cases.flatMap((c, i) =>
          t < tokens(c).length
            ? [{ i, cache: caches[i]!, inputIds: [tokens(c)[t]!], logits: 'last' as const }]
            : [],
        )
        decoder.forward(steps).forEach((logits, j) => {
          last[steps[j]!.i] = logits
        })
      }
      cases.forEach((c, i) => {
        const once = open(decoder, c)
        const [atOnce] = decoder.forward([{ cache: once, inputIds: tokens(c), logits: 'last' }])
        once.close()
        expect(last[i]).toEqual(atOnce)
        const fork = caches[i]!.fork()
        const again = tokens(c).slice(-2)
        fork.length -= again.length
        const [logits] = decoder.forward([{ cache: fork, inputIds: again, logits: 'last' }])
        expect(logits).toEqual(atOnce)
        fork.close()
      })
      for (const cache of caches) cache.close()
    })

    // In the base checkpoints' answers the end token ends a text; the variants' go on behind it.
    const config = folder.startsWith('variants/') ? { eos_token_id: null } : {}
    it.each([
      ['greedy', 'greedy_12', {}],
      ['with 4 beams', 'beam4_12', { numBeams: 4 }],
    ] as const)('writes the same tokens %s', async (_, expected, options) => {
      const decoder = await loadDecoder(folder, { config })
      for (const c of cases) {
        const input = c.decoder_input_ids ? { source: c.input_ids } : { prompt: c.input_ids }
        expect(await written(decoder, { ...input, ...options, maxNewTokens: 12 })).toEqual(c[expected])
      }
    })

    const bounds = { int8: int8Cosine, ...(int4Cosine && { int4: int4Cosine }) }
    for (const [precision, least] of Object.entries(bounds))
      it.each(builds)(`${precision} logits near those of fp32, %s kernels`, async (build) => {
        const decoder = await loadDecoder(folder, { build, precision: precision as Precision })
        for (const c of cases) {
          const cache = open(decoder, c)
          const [logits] = decoder.forward([{ cache, inputIds: tokens(c), logits: 'last' }])
          expect(cosine(logits!, c.logits_last)).toBeGreaterThanOrEqual(least)
          cache.close()
        }
      })
  })
}

/** The tokens of a text, an end token included. */
async function written(
  decoder: Decoder,
  request: GenerationOptions & { source?: number[]; prompt?: number[] },
): Promise<number[]> {
  const ids: number[] = []
  for await (const event of generate(decoder, request)) {
    if (event.type === 'token') ids.push(event.id)
    else if (event.usage.completionTokens > ids.length) ids.push(decoder.endTokenIds[0]!)
  }
  return ids
}

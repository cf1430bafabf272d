/** Decoding inside workerd: the same engine, kernels and event loop as in production, on a model with random weights. */
import { describe, expect, it } from 'vitest'
import { streamOf } from '../bench/bert.ts'
import { syntheticLlama } from '../bench/synthetic.ts'
import relaxed from '../dist/kernels.relaxed.wasm'
import simd from '../dist/kernels.simd.wasm'
import { findDecoder } from '../src/architectures/index.ts'
import { loadModel } from '../src/backends/model.ts'
import { bindDecoder } from '../src/decoding/decoder.ts'
import { generate } from '../src/decoding/generate.ts'
import type { GenerationRequest } from '../src/decoding/request.ts'
import type { KernelModules } from '../src/engine/kernels.ts'

const { config, weights } = syntheticLlama({
  ...{ layers: 2, hidden: 64, heads: 4, keyValueHeads: 2, vocabulary: 512, positions: 512 },
})

async function open(kernels: KernelModules) {
  const { model, engine } = await loadModel(
    {
      has: (file) => file === 'model.safetensors',
      json: async () => config,
      stream: async () => streamOf(weights),
    },
    kernels,
    'int8',
    (config, plan) => findDecoder(config).decoder(config, plan),
  )
  return bindDecoder(model, engine)
}

const prompt = [5, 9, 11, 5, 9]

async function tokens(kernels: KernelModules, request: GenerationRequest) {
  const ids: number[] = []
  for await (const event of generate(await open(kernels), { prompt, endTokenIds: [], ...request })) {
    if (event.type === 'token') ids.push(event.id)
    else return { ids, finishReason: event.finishReason }
  }
  throw new Error('no end')
}

describe('in workerd', () => {
  it.each([
    ['relaxed-simd', { relaxed }],
    ['simd', { simd }],
  ])('%s kernels write the same tokens, guessed or not', async (_, kernels) => {
    const first = await tokens(kernels, { maxNewTokens: 200 })
    expect(first.ids).toHaveLength(200)
    expect(first.finishReason).toBe('length')
    expect(await tokens(kernels, { maxNewTokens: 200, promptLookupNumTokens: 4 })).toEqual(first)
  })

  it('a seed gives the same text again', async () => {
    const options = { maxNewTokens: 20, temperature: 1, topP: 0.9, seed: 7 }
    expect(await tokens({ relaxed }, options)).toEqual(await tokens({ relaxed }, options))
  })

  it('a time budget ends with what there is', async () => {
    const { ids, finishReason } = await tokens({ relaxed }, { maxNewTokens: 480, timeBudget: 5 })
    expect(finishReason).toBe('time')
    expect(ids.length).toBeGreaterThan(0)
    expect(ids.length).toBeLessThan(480)
  })

  it('an abort stops the work', async () => {
    const controller = new AbortController()
    const events = generate(await open({ relaxed }), {
      ...{ prompt, endTokenIds: [], maxNewTokens: 480, signal: controller.signal },
    })
    let count = 0
    const all = (async () => {
      for await (const event of events) if (event.type === 'token' && ++count === 10) controller.abort()
    })()
    await expect(all).rejects.toMatchObject({ code: 'request_aborted' })
    expect(count).toBe(10)
  })
})

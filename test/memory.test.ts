/** A model's memory is what its longest text needs, and stays that: calls and generations leave nothing behind. */
import { describe, expect, it } from 'vitest'
import { openBert, sequences } from '../bench/bert.ts'
import { findDecoder } from '../src/architectures/index.ts'
import { bindDecoder, type Decoder } from '../src/decoding/decoder.ts'
import { generate, generateBatch } from '../src/decoding/generate.ts'
import type { GenerationRequest } from '../src/decoding/request.ts'
import type { Engine } from '../src/engine/engine.ts'
import { BUILDS, load } from './parity/checkpoint.ts'

const bytes = ({ memory }: Engine): number => memory.memory.buffer.byteLength

/** Where a block lies that takes what the heap has free: a block left behind would push it away, or memory would grow. */
function freeSpace({ memory }: Engine): number {
  // Beyond the weights: models here are small beside it.
  const address = memory.heap.allocate(16)
  memory.heap.free(address)
  const all = memory.heap.allocate(memory.memory.buffer.byteLength - address - 1024)
  memory.heap.free(all)
  return all
}

async function openDecoder(folder: string): Promise<{ decoder: Decoder; engine: Engine }> {
  const { model, engine } = await load(folder, { precision: 'int8' }, (config, plan) =>
    findDecoder(config).decoder(config, plan),
  )
  return { decoder: bindDecoder(model, engine), engine }
}

it('is flat over 1,000 calls of 1 to 128 tokens', async () => {
  const { model, engine } = await openBert({ layers: 2, hidden: 64 }, BUILDS['relaxed-simd'])
  const start = freeSpace(engine)
  model.forward(engine, sequences([128, 128]))
  const most = bytes(engine)
  for (let i = 0; i < 1000; i++)
    model.forward(engine, sequences([1 + ((i * 37) % 128), 1 + ((i * 91) % 128)]))
  expect(bytes(engine)).toBe(most)
  expect(freeSpace(engine)).toBe(start)
})

it('grows with the longest text, and no more than in proportion', async () => {
  const { model, engine, weightBytes } = await openBert({ layers: 1, hidden: 64 }, BUILDS['relaxed-simd'])
  const working = (tokens: number) => {
    model.forward(engine, sequences([tokens]))
    return bytes(engine) - weightBytes
  }
  const [short, long] = [working(512), working(1024)]
  expect(long).toBeLessThan(2.1 * short)
})

describe.each(['gpt2-lm', 'marian'])('%s', (folder) => {
  it('is flat over 200 generations of every kind, ended or left', async () => {
    const { decoder, engine } = await openDecoder(folder)
    const start = freeSpace(engine)
    const request = (i: number): GenerationRequest => {
      const ids = Array.from({ length: 1 + ((i * 7) % 12) }, (_, t) => 3 + ((i + t * 5) % 50))
      return {
        ...(decoder.startTokenId === undefined ? { prompt: ids } : { source: ids }),
        maxNewTokens: 1 + ((i * 5) % 12),
        ...[{}, { temperature: 1, seed: i }, { numBeams: 3 }, { promptLookupNumTokens: 3 }][i % 4],
      }
    }
    const write = async (i: number) => {
      const events =
        i % 5 === 0
          ? generateBatch(decoder, [request(i), request(i + 1), request(i + 2)])
          : generate(decoder, request(i))
      let read = 0
      // Every third is left in its midst.
      for await (const _ of events) if (i % 3 === 0 && ++read === 2) break
    }
    for (let i = 0; i < 60; i++) await write(i)
    const most = bytes(engine)
    for (let i = 60; i < 260; i++) await write(i)
    expect(bytes(engine)).toBe(most)
    expect(freeSpace(engine)).toBe(start)
  })

  it('is empty after forks closed in any order', async () => {
    const { decoder, engine } = await openDecoder(folder)
    const start = freeSpace(engine)
    const source = decoder.startTokenId === undefined ? undefined : { inputIds: [3, 4, 5] }
    let most = 0
    for (let i = 0; i < 200; i++) {
      const cache = decoder.open(8 + (i % 9), source)
      decoder.forward([{ cache, inputIds: [5, 6, 7], logits: 'last' }])
      const forks = [cache, cache.fork(), cache.fork()]
      for (let j = 0; j < 3; j++) forks[(i + 2 * j) % 3]!.close()
      // Closing twice is nothing.
      cache.close()
      if (i === 20) most = bytes(engine)
    }
    expect(bytes(engine)).toBe(most)
    expect(freeSpace(engine)).toBe(start)
  })
})

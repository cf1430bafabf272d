/** Checkpoints for question answering as others publish them: two token types, and none; any tokenizer. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadNativeEncoder } from '../../src/backends/encoder.ts'
import type { ModelFiles } from '../../src/backends/weights.ts'
import type { Encoder } from '../../src/runtime/runtime.ts'
import { createTokenizer } from '../../src/text/tokenizer.ts'
import { analyse, pairInput } from './features.ts'
import { read } from './reader.ts'

const models = new URL('../../models/answer/', import.meta.url).pathname
const fixture = (name: string) =>
  createTokenizer(
    JSON.parse(readFileSync(new URL(`../../test/text/fixtures/${name}.json`, import.meta.url), 'utf8')),
  )
const question = 'Who built the bridge in 1894?'
const context =
  'The old bridge was built by Anna Berg in 1894. It was closed in 2001, and nobody has used it since.'

describe('a question and a window in the tokenizer’s own template', () => {
  it.each(['wordpiece', 'roberta', 'xlnet'])('%s', (name) => {
    const tokenizer = fixture(name)
    const window = analyse(context, tokenizer)
    const pair = tokenizer.encodePair(question, context)
    const { inputIds, positions, tokenTypeIds } = pairInput(analyse(question, tokenizer), window, {
      tokenizer,
      tokenTypes: 2,
    })
    expect(inputIds).toEqual(Array.from(pair.inputIds))
    expect(tokenTypeIds).toEqual(pair.tokenTypeIds && Array.from(pair.tokenTypeIds))
    window.forEach(({ ids }, i) => {
      expect(inputIds.slice(positions[i], positions[i + 1])).toEqual(ids)
    })
    const none = pairInput([], window, { tokenizer, tokenTypes: 0 })
    expect(none.tokenTypeIds).toBeUndefined()
  })
})

/** The shipped model with the first of its token types, as a checkpoint of the hub has them. */
function withTypes(types: number): ModelFiles {
  const bytes = readFileSync(join(models, 'model.safetensors'))
  const size = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.subarray(8, 8 + size).toString()) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >
  const parts: Buffer[] = []
  let at = 0
  for (const [name, tensor] of Object.entries(header)) {
    if (name === '__metadata__') continue
    let part = bytes.subarray(8 + size + tensor.data_offsets[0], 8 + size + tensor.data_offsets[1])
    if (name.includes('token_type_embeddings')) {
      part = part.subarray(0, (part.length / tensor.shape[0]!) * types)
      tensor.shape[0] = types
    }
    tensor.data_offsets = [at, at + part.length]
    at += part.length
    parts.push(part)
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const weights = Buffer.concat([length, text, ...parts])
  return {
    has: (file) => file !== 'generation_config.json',
    json: async (file) => {
      const value = JSON.parse(readFileSync(join(models, file), 'utf8'))
      return file === 'config.json' ? { ...value, type_vocab_size: types } : value
    },
    stream: async () => new Blob([new Uint8Array(weights)]).stream(),
  }
}

describe('a checkpoint with other token types', () => {
  it.each([1, 2])('%i: spans of the text come out', async (types) => {
    const kernel = (build: string) =>
      new WebAssembly.Module(readFileSync(new URL(`../../dist/kernels.${build}.wasm`, import.meta.url)))
    const kernels = { relaxed: kernel('relaxed'), simd: kernel('simd') }
    const native = await loadNativeEncoder(withTypes(types), kernels, 'int8', 'question-answering')
    expect(native.tokenTypes).toBe(types)
    const encoder: Encoder = { ...native, name: 'hub', revision: '0' }
    const { candidates } = await read(encoder, question, [context], new AbortController().signal)
    expect(candidates.length).toBeGreaterThan(0)
    for (const { start, end, logProbability } of candidates) {
      expect(context.slice(start, end).trim()).not.toBe('')
      expect(logProbability).toBeLessThan(0)
    }
    // Without its features the shipped model still points at the name.
    expect(context.slice(candidates[0]!.start, candidates[0]!.end)).toContain('Anna Berg')
  })
})

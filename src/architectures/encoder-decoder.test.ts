/** What BART and Marian share beyond their logits: the encoder alone, names of tensors, and what does not fit. */
import { describe, expect, it } from 'vitest'
import { expectWithin, loadDecoder, loadEncoder, readFixture } from '../../test/parity/checkpoint.ts'
import { planWeights } from '../engine/weights.ts'
import { EdgewiseError } from '../errors.ts'
import type { EncoderTask } from './architecture.ts'
import { findDecoder } from './index.ts'

interface Case {
  input_ids: number[]
  decoder_input_ids: number[]
  encoder_last_hidden_mean: number[]
}
const casesOf = (folder: string): Case[] => readFixture(`${folder}/cases.json`)

describe.each(['bart', 'marian'])('%s', (folder) => {
  const cases = casesOf(folder)
  const config = readFixture(`${folder}/config.json`)

  it('encodes a source as the reference does', async () => {
    const { run, width, labels } = await loadEncoder(folder, { task: 'hidden-states' })
    expect(labels).toEqual([])
    for (const c of cases) {
      const [hidden] = run([c])
      const mean = new Float64Array(width)
      hidden!.forEach((x, i) => {
        mean[i % width]! += x / c.input_ids.length
      })
      expectWithin(mean, c.encoder_last_hidden_mean, 1e-3)
    }
  })

  it('encodes a batch as its rows alone', async () => {
    const { run } = await loadEncoder(folder, { task: 'hidden-states' })
    expect(run(cases)).toEqual(cases.map((c) => run([c])[0]))
  })

  it('writes by what config.json says', async () => {
    const { startTokenId, endTokenIds, contextLength, vocabularySize } = await loadDecoder(folder)
    expect({ startTokenId, endTokenIds, contextLength, vocabularySize }).toEqual({
      startTokenId: config.decoder_start_token_id,
      endTokenIds: [config.eos_token_id],
      contextLength: config.max_position_embeddings,
      vocabularySize: config.vocab_size,
    })
  })

  it('works as ever after a source that it could not read', async () => {
    const decoder = await loadDecoder(folder)
    const [, c] = cases
    const logits = () => {
      const cache = decoder.open(8, { inputIds: c!.input_ids })
      const [logits] = decoder.forward([{ cache, inputIds: c!.decoder_input_ids, logits: 'last' }])
      cache.close()
      return logits
    }
    const before = logits()
    expect(() => decoder.open(8)).toThrow(expect.objectContaining({ code: 'invalid_input' }))
    expect(() => decoder.open(8, { inputIds: [] })).toThrow(
      expect.objectContaining({ code: 'invalid_input' }),
    )
    expect(() => decoder.open(8, { inputIds: [3, config.vocab_size] })).toThrow(EdgewiseError)
    expect(logits()).toEqual(before)
  })

  /** What loading says when fields of config.json are changed, or the task is not the encoder's. */
  const failure = (change: object, task?: EncoderTask) =>
    (task ? loadEncoder(folder, { task }) : loadDecoder(folder, { config: change })).then(
      () => 'loaded',
      (error: EdgewiseError) => error,
    )

  it.each([
    ['encoder heads that do not divide the hidden size', { encoder_attention_heads: 5 }, 'd_model'],
    ['decoder heads that do not divide the hidden size', { decoder_attention_heads: 5 }, 'd_model'],
    ['an activation that is not known', { activation_function: 'snake' }, 'snake'],
    ['no token to start with', { decoder_start_token_id: null }, 'decoder_start_token_id'],
  ])('rejects %s', async (_, change, named) => {
    expect(await failure(change)).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(named),
    })
  })

  it('names a layer that the checkpoint lacks', async () => {
    expect(await failure({ decoder_layers: config.decoder_layers + 1 })).toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining(`model.decoder.layers.${config.decoder_layers}.self_attn`),
    })
  })

  it('names a tensor of another shape', async () => {
    expect(await failure({ encoder_ffn_dim: config.encoder_ffn_dim + 8 })).toMatchObject({
      code: 'tensor_invalid',
      message: expect.stringContaining('encoder.layers.0.fc1'),
    })
  })

  it.each(['sequence-classification', 'masked-lm'] as const)('has no head for %s', async (task) => {
    expect(await failure({}, task)).toMatchObject({
      code: 'architecture_unsupported',
      message: expect.stringContaining(task),
    })
  })
})

describe('names of tensors', () => {
  /** What is read of a checkpoint that has these tensors, among others. */
  const read = (folder: string, tensors: string[], change: object = {}) => {
    const plan = planWeights(tensors, 'fp32')
    const config = { ...readFixture(`${folder}/config.json`), ...change }
    findDecoder(config).decoder(config, plan)
    return [...plan.destinations.keys()].filter((name) => !name.includes('layer'))
  }
  const whole = 'model.encoder.layers.0.fc1.weight'
  const positions = ['encoder.embed_positions.weight', 'decoder.embed_positions.weight']
  const separate = { share_encoder_decoder_embeddings: false, decoder_vocab_size: 300 }

  it.each([
    [
      'embeddings stored once',
      [whole, 'model.shared.weight', 'final_logits_bias'],
      ['model.shared.weight', 'final_logits_bias'],
    ],
    [
      'embeddings stored under all their names',
      [
        whole,
        'lm_head.weight',
        'model.decoder.embed_tokens.weight',
        'model.encoder.embed_tokens.weight',
        'model.shared.weight',
      ],
      ['model.shared.weight'],
    ],
    ['embeddings stored as the output', [whole, 'lm_head.weight'], ['lm_head.weight']],
    ['a checkpoint without the output', ['shared.weight'], ['shared.weight']],
  ])('%s', (_, stored, wanted) => {
    expect(read('marian', stored)).toEqual(wanted)
    const prefix = stored.includes(whole) ? 'model.' : ''
    expect(read('bart', stored).sort()).toEqual([...wanted, ...positions.map((name) => prefix + name)].sort())
  })

  it('an output layer of its own', () => {
    const stored = [whole, 'lm_head.weight', 'model.shared.weight']
    expect(read('marian', stored, { tie_word_embeddings: false })).toEqual([
      'lm_head.weight',
      'model.shared.weight',
    ])
  })

  it('embeddings of two vocabularies', () => {
    const stored = [whole, 'model.encoder.embed_tokens.weight', 'model.decoder.embed_tokens.weight']
    expect(read('marian', stored, separate)).toEqual([
      'model.decoder.embed_tokens.weight',
      'model.encoder.embed_tokens.weight',
    ])
  })

  it('sinusoids that are stored', () => {
    const stored = positions.map((name) => `model.${name}`)
    expect(read('marian', [whole, 'model.shared.weight', ...stored])).toEqual([
      'model.shared.weight',
      ...stored,
    ])
  })
})

/** Parity of Llama, Mistral and Qwen2 with Hugging Face transformers, on test/parity's checkpoints. */
import { describe, expect, it } from 'vitest'
import { cosine, loadDecoder, readFixture } from '../../test/parity/checkpoint.ts'
import { describeDecoder } from '../../test/parity/decoder.ts'
import type { EdgewiseError } from '../errors.ts'

/** With the least cosines of int8 and of 4-bit logits. At 24 to 32 columns and random weights, noise cancels out little. */
const checkpoints: [string, number, number][] = [
  ['llama-lm', 0.99, 0.84],
  ['variants/llama-rope-linear', 0.98, 0.78],
  ['variants/llama-mha-tied', 0.98, 0.93],
  ['variants/llama-head-dim-bias', 0.98, 0.9],
  ['variants/llama-rope-llama3', 0.98, 0.88],
  ['variants/llama-bf16', 0.98, 0.9],
  ['variants/qwen2-tied', 0.98, 0.87],
  ['variants/qwen2-untied', 0.98, 0.85],
  ['variants/qwen2-sliding', 0.98, 0.92],
  ['variants/mistral-window', 0.98, 0.84],
  ['variants/mistral-no-window', 0.98, 0.9],
]
for (const checkpoint of checkpoints) describeDecoder(...checkpoint)

const folder = 'llama-lm'
/** Logits behind the longest text, with some fields of config.json changed. */
const logitsWith = async (config: object): Promise<Float32Array> => {
  const decoder = await loadDecoder(folder, { config })
  const { input_ids: inputIds }: { input_ids: number[] } = readFixture(`${folder}/cases.json`).at(-1)
  const [logits] = decoder.forward([{ cache: decoder.open(inputIds.length), inputIds, logits: 'last' }])
  return logits!
}

describe('fields of config.json', () => {
  const llama3 = {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 32,
  }
  const qwen2 = { model_type: 'qwen2', use_sliding_window: true, sliding_window: 6, max_window_layers: 1 }

  it.each([
    [
      'rotary scaling under its older name',
      { rope_scaling: { type: 'linear', factor: 2 } },
      { rope_scaling: { rope_type: 'linear', factor: 2 } },
    ],
    [
      'rope_parameters of transformers 5',
      { rope_scaling: llama3, rope_theta: 500 },
      { rope_scaling: null, rope_parameters: { ...llama3, rope_theta: 500 } },
    ],
    [
      'part of a head rotated, under either name',
      { partial_rotary_factor: 0.5 },
      { rope_parameters: { partial_rotary_factor: 0.5 } },
    ],
    ['dynamic scaling, which begins where texts end', {}, { rope_scaling: { type: 'dynamic', factor: 2 } }],
    [
      'a window that Llama does not have',
      {},
      { sliding_window: 6, use_sliding_window: true, max_window_layers: 0 },
    ],
    ['a window that Qwen2 does not use', {}, { ...qwen2, use_sliding_window: false }],
    ['no window for Mistral', {}, { model_type: 'mistral', sliding_window: null }],
    [
      'the first layers without a window, or by their types',
      qwen2,
      { ...qwen2, max_window_layers: 28, layer_types: ['full_attention', 'sliding_attention'] },
    ],
    [
      'every layer with a window, as Mistral has',
      { ...qwen2, max_window_layers: 0 },
      { model_type: 'mistral', sliding_window: 6 },
    ],
  ])('%s', async (_, one, other) => {
    expect(await logitsWith(one)).toEqual(await logitsWith(other))
  })

  it.each([
    ['rotary base', { rope_theta: 500 }],
    ['linear scaling', { rope_scaling: { type: 'linear', factor: 2 } }],
    ['Llama 3 scaling', { rope_scaling: llama3 }],
    ['rotated part', { partial_rotary_factor: 0.5 }],
    ['window in the last layer', qwen2],
    ['activation', { hidden_act: 'gelu' }],
  ])('another %s gives other logits', async (_, config) => {
    expect(cosine(await logitsWith(config), await logitsWith({}))).toBeLessThan(0.9999)
  })

  it('names the tokens that end a text and the longest text', async () => {
    expect(await loadDecoder(folder)).toMatchObject({ endTokenIds: [2], contextLength: 64 })
    const decoder = await loadDecoder(folder, {
      config: { eos_token_id: [2, 7], max_position_embeddings: 32 },
    })
    expect(decoder).toMatchObject({ endTokenIds: [2, 7], contextLength: 32 })
  })
})

describe('checkpoints that do not fit', () => {
  const failure = (config: object) =>
    loadDecoder(folder, { config }).then(
      () => 'loaded',
      (error: EdgewiseError) => error,
    )

  it.each([
    ['an activation that is not known', { hidden_act: 'snake' }, 'hidden_act'],
    ['heads that do not divide the width', { num_attention_heads: 5, num_key_value_heads: 5 }, 'hidden size'],
    ['key-value heads that do not divide the heads', { num_key_value_heads: 3 }, 'num_key_value_heads'],
    ['a head that cannot be rotated in pairs', { head_dim: 7 }, 'head_dim'],
    [
      'a rotary scaling that is not implemented',
      { rope_scaling: { rope_type: 'yarn', factor: 4 } },
      '"yarn"',
    ],
    ['the same in rope_parameters', { rope_parameters: { rope_type: 'longrope' } }, '"longrope"'],
    ['a scaling without its factor', { rope_scaling: { type: 'linear' } }, 'rope_scaling.factor'],
    ['a base that is not positive', { rope_parameters: { rope_theta: 0 } }, 'rope_parameters.rope_theta'],
    ['a window of no tokens', { model_type: 'mistral', sliding_window: 0 }, 'sliding_window'],
  ])('rejects %s', async (_, change, named) => {
    expect(await failure(change)).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(named),
    })
  })

  it('names a tensor that is missing', async () => {
    expect(await failure({ num_hidden_layers: 3 })).toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining('model.layers.2'),
    })
  })

  it('names a tensor of another shape', async () => {
    expect(await failure({ num_key_value_heads: 4 })).toMatchObject({
      code: 'tensor_invalid',
      message: expect.stringContaining('k_proj.weight'),
    })
  })
})

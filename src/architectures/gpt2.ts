/**
 * GPT-2 (Radford et al. 2019, https://cdn.openai.com/better-language-models/language_models.pdf) and GPT-Neo (Black et al.
 * 2021, https://github.com/EleutherAI/gpt-neo), the open form of GPT-3 with its alternating global and local attention
 * (Brown et al. 2020, https://arxiv.org/abs/2005.14165): pre-norm decoders with learned positions.
 */
import * as z from 'zod'
import { createKeyValueCache } from '../engine/cache.ts'
import type { Activation, Engine, FeedForward, LayerNorm } from '../engine/engine.ts'
import type { Linear, Table, WeightPlan } from '../engine/weights.ts'
import {
  activation,
  count,
  type DecoderArchitecture,
  type DecoderModel,
  type DecoderStep,
  endTokenIds,
  parseConfig,
} from './architecture.ts'
import { advance, eachStep, logitsOf, selfAttention, tokensOf } from './decoder.ts'

// ---------------------------------------------------------------------------------------------------- config

interface Config {
  vocabSize: number
  positions: number
  hiddenSize: number
  heads: number
  intermediateSize: number
  activation: Activation
  eps: number
  endTokenIds: number[]
  tied: boolean
  layers: { scale: number; window: number | undefined }[]
}

const gpt2Config = z
  .object({
    model_type: z.literal('gpt2'),
    vocab_size: count,
    n_positions: count,
    n_embd: count,
    n_layer: count,
    n_head: count,
    n_inner: count.nullish(),
    activation_function: activation.default('geluTanh'),
    layer_norm_epsilon: z.number().positive().default(1e-5),
    scale_attn_weights: z.boolean().default(true),
    scale_attn_by_inverse_layer_idx: z.boolean().default(false),
    tie_word_embeddings: z.boolean().default(true),
    eos_token_id: endTokenIds,
  })
  .transform((config): Config => {
    const headDim = config.n_embd / config.n_head
    const scale = config.scale_attn_weights ? 1 / Math.sqrt(headDim) : 1
    return {
      vocabSize: config.vocab_size,
      positions: config.n_positions,
      hiddenSize: config.n_embd,
      heads: config.n_head,
      intermediateSize: config.n_inner ?? 4 * config.n_embd,
      activation: config.activation_function,
      eps: config.layer_norm_epsilon,
      endTokenIds: config.eos_token_id,
      tied: config.tie_word_embeddings,
      layers: Array.from({ length: config.n_layer }, (_, i) => ({
        scale: config.scale_attn_by_inverse_layer_idx ? scale / (i + 1) : scale,
        window: undefined,
      })),
    }
  })

const gptNeoConfig = z
  .object({
    model_type: z.literal('gpt_neo'),
    vocab_size: count,
    max_position_embeddings: count,
    hidden_size: count,
    num_layers: count,
    num_heads: count,
    intermediate_size: count.nullish(),
    /** [[kinds, repetitions], …] */
    attention_types: z.array(z.tuple([z.array(z.enum(['global', 'local'])), count])),
    window_size: count.default(256),
    activation_function: activation.default('geluTanh'),
    layer_norm_epsilon: z.number().positive().default(1e-5),
    tie_word_embeddings: z.boolean().default(true),
    eos_token_id: endTokenIds,
  })
  .transform((config, context): Config => {
    const kinds = config.attention_types.flatMap(([kinds, times]) => Array(times).fill(kinds).flat())
    if (kinds.length !== config.num_layers) {
      context.addIssue(`attention_types names ${kinds.length} layers, num_layers ${config.num_layers}`)
      return z.NEVER
    }
    return {
      vocabSize: config.vocab_size,
      positions: config.max_position_embeddings,
      hiddenSize: config.hidden_size,
      heads: config.num_heads,
      intermediateSize: config.intermediate_size ?? 4 * config.hidden_size,
      activation: config.activation_function,
      eps: config.layer_norm_epsilon,
      endTokenIds: config.eos_token_id,
      tied: config.tie_word_embeddings,
      // GPT-Neo does not scale its scores.
      layers: kinds.map((kind) => ({ scale: 1, window: kind === 'local' ? config.window_size : undefined })),
    }
  })

const anyConfig = z
  .union([gpt2Config, gptNeoConfig])
  .refine(
    ({ hiddenSize, heads }) => hiddenSize % heads === 0,
    'the hidden size is not a multiple of the heads',
  )

// --------------------------------------------------------------------------------------------------- weights

interface Layer {
  attentionNorm: LayerNorm
  /** Queries, keys and values in one product. */
  attentionInput: Linear
  attentionOutput: Linear
  feedForwardNorm: LayerNorm
  feedForward: FeedForward
}

interface Weights {
  words: Table
  positions: Table
  layers: Layer[]
  finalNorm: LayerNorm
  /** To the vocabulary. */
  output: Linear
}

function planDecoder(config: Config, plan: WeightPlan, family: 'gpt2' | 'gpt_neo'): Weights {
  const { hiddenSize, intermediateSize, vocabSize } = config
  // A checkpoint of the bare decoder has no prefix.
  const prefix = plan.has('transformer.wte.weight') ? 'transformer.' : ''
  const norm = (name: string): LayerNorm => ({
    weight: plan.vector(`${prefix}${name}.weight`, hiddenSize),
    bias: plan.vector(`${prefix}${name}.bias`, hiddenSize),
    eps: config.eps,
  })
  const neo = family === 'gpt_neo'
  const linear = (names: string | string[], rows: number, columns: number) =>
    plan.linear(
      typeof names === 'string' ? prefix + names : names.map((name) => prefix + name),
      rows,
      columns,
      {
        transposed: !neo,
      },
    )
  const separate = !config.tied && plan.has('lm_head.weight')
  const output = plan.linear(separate ? 'lm_head' : `${prefix}wte`, vocabSize, hiddenSize)
  return {
    output,
    words: separate ? plan.table(`${prefix}wte.weight`, vocabSize, hiddenSize) : plan.rowsOf(output),
    positions: plan.table(`${prefix}wpe.weight`, config.positions, hiddenSize, 'fp32'),
    finalNorm: norm('ln_f'),
    layers: config.layers.map((_, i) => {
      const layer = `h.${i}`
      const attention = `${layer}.attn${neo ? '.attention' : ''}`
      return {
        attentionNorm: norm(`${layer}.ln_1`),
        attentionInput: neo
          ? linear(
              ['q_proj', 'k_proj', 'v_proj'].map((name) => `${attention}.${name}`),
              hiddenSize,
              hiddenSize,
            )
          : linear(`${attention}.c_attn`, 3 * hiddenSize, hiddenSize),
        attentionOutput: linear(`${attention}.${neo ? 'out_proj' : 'c_proj'}`, hiddenSize, hiddenSize),
        feedForwardNorm: norm(`${layer}.ln_2`),
        feedForward: {
          first: linear(`${layer}.mlp.c_fc`, intermediateSize, hiddenSize),
          activation: config.activation,
          second: linear(`${layer}.mlp.c_proj`, hiddenSize, intermediateSize),
        },
      }
    }),
  }
}

// --------------------------------------------------------------------------------------------------- forward

function forward(engine: Engine, config: Config, weights: Weights, steps: DecoderStep[]): Float32Array[] {
  const { hiddenSize, heads } = config
  const headDim = hiddenSize / heads
  const stride = 3 * hiddenSize
  const { scratch } = engine.memory
  const tokens = tokensOf(steps)

  const hidden = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]
  const normed = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]
  const attentionInput = scratch.floats(tokens * stride) // [tokens, 3, heads, headDim]
  const context = scratch.floats(tokens * hiddenSize) // [tokens, heads, headDim]
  const change = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]

  engine.memory.f32(hidden, tokens * hiddenSize).fill(0)
  eachStep(steps, ({ cache, inputIds }, row) => {
    const out = hidden + row * hiddenSize * 4
    engine.addRows(weights.words, inputIds, out)
    engine.addRows(
      weights.positions,
      Array.from(inputIds, (_, i) => cache.length + i),
      out,
    )
  })

  weights.layers.forEach((layer, i) => {
    // What the layer before it changed is added where the norm reads it.
    engine.layerNorm(hidden, i === 0 ? 0 : change, layer.attentionNorm, tokens, hiddenSize, normed)
    engine.linear(normed, tokens, layer.attentionInput, attentionInput)
    selfAttention(
      engine,
      steps,
      i,
      {
        queries: attentionInput,
        queryStride: stride,
        keys: attentionInput + hiddenSize * 4,
        values: attentionInput + 2 * hiddenSize * 4,
        keyValueStride: stride,
        heads,
        headDim,
        ...config.layers[i]!,
      },
      context,
    )
    engine.linear(context, tokens, layer.attentionOutput, change)
    engine.layerNorm(hidden, change, layer.feedForwardNorm, tokens, hiddenSize, normed)
    engine.feedForward(normed, tokens, layer.feedForward, change)
  })
  advance(steps)
  engine.layerNorm(hidden, change, weights.finalNorm, tokens, hiddenSize, normed)
  return logitsOf(engine, steps, normed, hiddenSize, weights.output)
}

function decoder(rawConfig: unknown, plan: WeightPlan): DecoderModel {
  const config = parseConfig(anyConfig, rawConfig)
  const weights = planDecoder(config, plan, (rawConfig as { model_type: 'gpt2' | 'gpt_neo' }).model_type)
  return {
    vocabularySize: config.vocabSize,
    contextLength: config.positions,
    endTokenIds: config.endTokenIds,
    startTokenId: undefined,
    open: ({ memory, kernels }, capacity) =>
      createKeyValueCache(memory, kernels, {
        layers: config.layers.length,
        heads: config.heads,
        headDim: config.hiddenSize / config.heads,
        capacity,
      }),
    forward: (engine, steps) => engine.memory.scratch.scope(() => forward(engine, config, weights, steps)),
  }
}

export const gpt2: DecoderArchitecture = { modelTypes: ['gpt2', 'gpt_neo'], decoder }

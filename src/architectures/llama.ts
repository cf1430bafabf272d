/**
 * Llama (Touvron et al. 2023, https://arxiv.org/abs/2302.13971; Grattafiori et al. 2024, https://arxiv.org/abs/2407.21783,
 * and SmolLM in its form), Mistral (Jiang et al. 2023, https://arxiv.org/abs/2310.06825) with its sliding window, and Qwen2
 * (Yang et al. 2024, https://arxiv.org/abs/2407.10671) with biases of queries, keys and values: pre-norm decoders with
 * rotary positions, key-value heads that queries share, and gated feed-forward layers.
 */
import * as z from 'zod'
import { createKeyValueCache } from '../engine/cache.ts'
import type { Activation, Engine, FeedForward, RmsNorm } from '../engine/engine.ts'
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
  keyValueHeads: number
  headDim: number
  intermediateSize: number
  activation: Activation
  eps: number
  endTokenIds: number[]
  tied: boolean
  /** Radians by which a pair of dimensions turns from one token to the next, [rotated dimensions / 2]. */
  inverseFrequencies: Float32Array
  /** Most tokens that a token sees. */
  layers: { window: number | undefined }[]
}

const positive = z.number().positive()

/**
 * How rotary frequencies are scaled for texts longer than those of the pretraining: rope_scaling, or rope_parameters since
 * transformers 5, which has the base in it too. Before 4.43, rope_type is called type.
 */
const rotaryScaling = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((rope) => rope && { ...rope, rope_type: rope.rope_type ?? rope.type ?? 'default' })
  .pipe(
    z
      .discriminatedUnion(
        'rope_type',
        [
          // 'dynamic' begins to scale beyond max_position_embeddings, where texts end.
          z.object({ rope_type: z.enum(['default', 'dynamic']) }),
          z.object({ rope_type: z.literal('linear'), factor: positive }),
          z.object({
            rope_type: z.literal('llama3'),
            factor: positive,
            low_freq_factor: positive,
            high_freq_factor: positive,
            original_max_position_embeddings: count,
          }),
        ],
        {
          error: ({ input }) =>
            `${JSON.stringify((input as { rope_type: unknown }).rope_type)} is not one of default, dynamic, linear, llama3`,
        },
      )
      .and(z.object({ rope_theta: positive.optional(), partial_rotary_factor: positive.max(1).optional() }))
      .nullish(),
  )

/** Radians by which each pair of dimensions turns from one token to the next, [dimensions / 2]. */
function inverseFrequencies(
  scaling: z.output<typeof rotaryScaling>,
  theta: number,
  dimensions: number,
): Float32Array {
  return Float32Array.from({ length: dimensions / 2 }, (_, i) => {
    const frequency = theta ** ((-2 * i) / dimensions)
    if (scaling?.rope_type === 'linear') return frequency / scaling.factor
    if (scaling?.rope_type !== 'llama3') return frequency
    // Llama 3 keeps what turns often within a text of the pretraining, slows what turns seldom, and blends in between.
    const turns = (scaling.original_max_position_embeddings * frequency) / (2 * Math.PI)
    const { low_freq_factor: low, high_freq_factor: high } = scaling
    const kept = Math.min(Math.max((turns - low) / (high - low), 0), 1)
    return kept * frequency + ((1 - kept) * frequency) / scaling.factor
  })
}

const llamaConfig = z
  .object({
    model_type: z.enum(['llama', 'mistral', 'qwen2']),
    vocab_size: count,
    max_position_embeddings: count,
    hidden_size: count,
    intermediate_size: count,
    num_hidden_layers: count,
    num_attention_heads: count,
    num_key_value_heads: count.nullish(),
    head_dim: count.nullish(),
    hidden_act: activation.default('silu'),
    rms_norm_eps: positive.default(1e-6),
    rope_theta: positive.default(10_000),
    rope_scaling: rotaryScaling,
    rope_parameters: rotaryScaling,
    partial_rotary_factor: positive.max(1).nullish(),
    /** Mistral and Qwen2: most tokens that a token sees. */
    sliding_window: count.nullable().default(4096),
    /** Qwen2: whether its layers have a window, but for the first ones. */
    use_sliding_window: z.boolean().default(false),
    max_window_layers: z.int().min(0).default(28),
    layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
    tie_word_embeddings: z.boolean().default(false),
    eos_token_id: endTokenIds,
  })
  .transform((config, context): Config => {
    const invalid = (field: keyof typeof config, message: string) => {
      context.addIssue({ code: 'custom', path: [field], message })
      return z.NEVER
    }
    const heads = config.num_attention_heads
    const keyValueHeads = config.num_key_value_heads ?? heads
    if (heads % keyValueHeads !== 0)
      return invalid('num_key_value_heads', `${keyValueHeads} do not divide the ${heads} attention heads`)
    const headDim = config.head_dim ?? config.hidden_size / heads
    if (!Number.isInteger(headDim))
      return invalid('num_attention_heads', `${heads} do not divide the hidden size ${config.hidden_size}`)
    const scaling = config.rope_scaling ?? config.rope_parameters
    const rotated = scaling?.partial_rotary_factor ?? config.partial_rotary_factor ?? 1
    const dimensions = Math.floor(headDim * rotated)
    if (dimensions < 2 || dimensions % 2 !== 0)
      return invalid('head_dim', `of ${headDim} dimensions, ${dimensions} cannot be rotated in pairs`)

    const window = config.sliding_window ?? undefined
    const slides = (layer: number): boolean => {
      if (config.model_type === 'mistral') return true
      if (config.model_type === 'llama' || !config.use_sliding_window) return false
      if (config.layer_types) return config.layer_types[layer] === 'sliding_attention'
      return layer >= config.max_window_layers
    }
    return {
      vocabSize: config.vocab_size,
      positions: config.max_position_embeddings,
      hiddenSize: config.hidden_size,
      heads,
      keyValueHeads,
      headDim,
      intermediateSize: config.intermediate_size,
      activation: config.hidden_act,
      eps: config.rms_norm_eps,
      endTokenIds: config.eos_token_id,
      tied: config.tie_word_embeddings,
      inverseFrequencies: inverseFrequencies(scaling, scaling?.rope_theta ?? config.rope_theta, dimensions),
      layers: Array.from({ length: config.num_hidden_layers }, (_, i) => ({
        window: slides(i) ? window : undefined,
      })),
    }
  })

// --------------------------------------------------------------------------------------------------- weights

interface Layer {
  attentionNorm: RmsNorm
  /** Queries, keys and values in one product. */
  attentionInput: Linear
  attentionOutput: Linear
  feedForwardNorm: RmsNorm
  /** SwiGLU: what is gated, and by what, in one product; then down. */
  feedForward: FeedForward
}

interface Weights {
  words: Table
  layers: Layer[]
  finalNorm: RmsNorm
  /** To the vocabulary. */
  output: Linear
}

function planDecoder(config: Config, plan: WeightPlan): Weights {
  const { hiddenSize, intermediateSize, vocabSize, heads, keyValueHeads, headDim } = config
  // A checkpoint of the bare decoder has no prefix.
  const prefix = plan.has('embed_tokens.weight') ? '' : 'model.'
  const norm = (name: string): RmsNorm => ({
    weight: plan.vector(`${prefix}${name}.weight`, hiddenSize),
    eps: config.eps,
  })
  const embeddings = `${prefix}embed_tokens`
  const output = plan.linear(config.tied ? embeddings : 'lm_head', vocabSize, hiddenSize)
  return {
    output,
    words: config.tied ? plan.rowsOf(output) : plan.table(`${embeddings}.weight`, vocabSize, hiddenSize),
    finalNorm: norm('norm'),
    layers: config.layers.map((_, i) => {
      const layer = `layers.${i}`
      const attention = `${prefix}${layer}.self_attn`
      const mlp = `${prefix}${layer}.mlp`
      return {
        attentionNorm: norm(`${layer}.input_layernorm`),
        attentionInput: plan.linear(
          [`${attention}.q_proj`, `${attention}.k_proj`, `${attention}.v_proj`],
          [heads * headDim, keyValueHeads * headDim, keyValueHeads * headDim],
          hiddenSize,
        ),
        attentionOutput: plan.linear(`${attention}.o_proj`, hiddenSize, heads * headDim),
        feedForwardNorm: norm(`${layer}.post_attention_layernorm`),
        feedForward: {
          first: plan.linear([`${mlp}.gate_proj`, `${mlp}.up_proj`], intermediateSize, hiddenSize),
          activation: config.activation,
          gated: true,
          second: plan.linear(`${mlp}.down_proj`, hiddenSize, intermediateSize),
        },
      }
    }),
  }
}

// --------------------------------------------------------------------------------------------------- forward

function forward(engine: Engine, config: Config, weights: Weights, steps: DecoderStep[]): Float32Array[] {
  const { hiddenSize, heads, keyValueHeads, headDim } = config
  const stride = (heads + 2 * keyValueHeads) * headDim
  const { scratch } = engine.memory
  const tokens = tokensOf(steps)

  const hidden = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]
  const normed = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]
  const queries = scratch.floats(tokens * stride) // [tokens, heads + 2 keyValueHeads, headDim]
  const keys = queries + heads * headDim * 4 // a part of each row of it, [keyValueHeads, headDim]
  const values = keys + keyValueHeads * headDim * 4 // likewise
  const context = scratch.floats(tokens * heads * headDim) // [tokens, heads, headDim]
  const change = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]

  engine.memory.f32(hidden, tokens * hiddenSize).fill(0)
  eachStep(steps, ({ inputIds }, row) =>
    engine.addRows(weights.words, inputIds, hidden + row * hiddenSize * 4),
  )
  const rotations = steps.map(({ cache, inputIds }) =>
    engine.rotaryTable(config.inverseFrequencies, cache.length, inputIds.length),
  )

  weights.layers.forEach((layer, i) => {
    // What the layer before it changed is added where the norm reads it.
    engine.rmsNorm(hidden, i === 0 ? 0 : change, layer.attentionNorm, tokens, hiddenSize, normed)
    engine.linear(normed, tokens, layer.attentionInput, queries)
    let step = 0
    eachStep(steps, (_, row, own) => {
      // The heads of the keys follow those of the queries.
      const at = queries + row * stride * 4
      engine.rotate(at, stride, own, heads + keyValueHeads, headDim, rotations[step++]!)
    })
    selfAttention(
      engine,
      steps,
      i,
      {
        queries,
        queryStride: stride,
        keys,
        values,
        keyValueStride: stride,
        heads,
        keyValueHeads,
        headDim,
        ...config.layers[i]!,
      },
      context,
    )
    engine.linear(context, tokens, layer.attentionOutput, change)
    engine.rmsNorm(hidden, change, layer.feedForwardNorm, tokens, hiddenSize, normed)
    engine.feedForward(normed, tokens, layer.feedForward, change)
  })
  advance(steps)
  engine.rmsNorm(hidden, change, weights.finalNorm, tokens, hiddenSize, normed)
  return logitsOf(engine, steps, normed, hiddenSize, weights.output)
}

function decoder(rawConfig: unknown, plan: WeightPlan): DecoderModel {
  const config = parseConfig(llamaConfig, rawConfig)
  const weights = planDecoder(config, plan)
  return {
    vocabularySize: config.vocabSize,
    contextLength: config.positions,
    endTokenIds: config.endTokenIds,
    startTokenId: undefined,
    open: ({ memory, kernels }, capacity) =>
      createKeyValueCache(memory, kernels, {
        layers: config.layers.length,
        heads: config.keyValueHeads,
        headDim: config.headDim,
        capacity,
      }),
    forward: (engine, steps) => engine.memory.scratch.scope(() => forward(engine, config, weights, steps)),
  }
}

export const llama: DecoderArchitecture = { modelTypes: ['llama', 'mistral', 'qwen2'], decoder }

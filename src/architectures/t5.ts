/**
 * T5 (Raffel et al. 2019, https://arxiv.org/abs/1910.10683), which writes text from text: a pre-norm encoder and decoder
 * whose attention is biased by relative positions. T5 1.1 gates its feed-forward layers (Shazeer 2020,
 * https://arxiv.org/abs/2002.05202); FLAN-T5 (Chung et al. 2022, https://arxiv.org/abs/2210.11416) and mT5 (Xue et al. 2020,
 * https://arxiv.org/abs/2010.11934) are of its form; umT5 (Chung et al. 2023, https://arxiv.org/abs/2304.09151) has biases of
 * its own in each layer.
 */
import * as z from 'zod'
import type { KeyValueCache } from '../engine/cache.ts'
import type { AttentionInput, Engine, FeedForward as FeedForwardLayers, RmsNorm } from '../engine/engine.ts'
import type { Linear, Table, WeightPlan } from '../engine/weights.ts'
import { EdgewiseError } from '../errors.ts'
import {
  activation,
  count,
  type DecoderArchitecture,
  type DecoderModel,
  type DecoderStep,
  type EncoderArchitecture,
  type EncoderModel,
  type EncoderTask,
  endTokenIds,
  parseConfig,
  type Sequence,
} from './architecture.ts'
import {
  advance,
  crossAttention,
  eachStep,
  logitsOf,
  openWithSource,
  selfAttention,
  tokensOf,
} from './decoder.ts'

// ---------------------------------------------------------------------------------------------------- config

/** 'relu', 'gated-gelu': an activation, and whether it gates another product. */
const feedForwardKind = z
  .string()
  .transform((name) => ({
    gated: name.startsWith('gated-'),
    // The gelu of T5 1.1 is the one by tanh.
    activation: name === 'gated-gelu' ? 'gelu_new' : name.replace(/^gated-/, ''),
  }))
  .pipe(z.object({ gated: z.boolean(), activation }))

const t5Config = z
  .object({
    model_type: z.enum(['t5', 'mt5', 'umt5']),
    vocab_size: count,
    d_model: count,
    d_kv: count,
    d_ff: count,
    num_layers: count,
    num_decoder_layers: count.nullish(),
    num_heads: count,
    relative_attention_num_buckets: z.int().min(4).default(32),
    relative_attention_max_distance: count.default(128),
    feed_forward_proj: feedForwardKind.optional(),
    layer_norm_epsilon: z.number().positive().default(1e-6),
    tie_word_embeddings: z.boolean().optional(),
    /** Of transformers 5, which says with it what tie_word_embeddings said before. */
    scale_decoder_outputs: z.boolean().optional(),
    pad_token_id: z.int().min(0).default(0),
    decoder_start_token_id: z.int().min(0).nullish(),
    eos_token_id: endTokenIds,
  })
  .refine(
    (config) => config.relative_attention_max_distance > config.relative_attention_num_buckets / 2,
    'relative_attention_max_distance is within the distances that have a bucket each',
  )
  .transform((config) => {
    const tied = config.tie_word_embeddings ?? config.model_type !== 'mt5'
    return {
      vocabSize: config.vocab_size,
      hiddenSize: config.d_model,
      heads: config.num_heads,
      /** Not hiddenSize / heads in all models. */
      headDim: config.d_kv,
      intermediateSize: config.d_ff,
      encoderLayers: config.num_layers,
      decoderLayers: config.num_decoder_layers ?? config.num_layers,
      buckets: config.relative_attention_num_buckets,
      maxDistance: config.relative_attention_max_distance,
      /** Whether each layer has position biases, or the first has them for all. */
      biasesByLayer: config.model_type === 'umt5',
      feedForward:
        config.feed_forward_proj ??
        (config.model_type === 't5'
          ? { gated: false, activation: 'relu' as const }
          : { gated: true, activation: 'geluTanh' as const }),
      eps: config.layer_norm_epsilon,
      tied,
      /** Factor of the decoder's hidden states before the output layer. */
      outputScale: (config.scale_decoder_outputs ?? tied) ? config.d_model ** -0.5 : 1,
      startTokenId: config.decoder_start_token_id ?? config.pad_token_id,
      endTokenIds: config.eos_token_id,
    }
  })
type Config = z.output<typeof t5Config>

// --------------------------------------------------------------------------------------------------- weights

interface SelfAttention {
  norm: RmsNorm
  /** Queries, keys and values in one product. */
  input: Linear
  output: Linear
}

interface CrossAttention {
  norm: RmsNorm
  queries: Linear
  /** Of the source, in one product. */
  keysAndValues: Linear
  output: Linear
}

interface FeedForward {
  norm: RmsNorm
  /** Where a gate is, the first one holds two: what is activated, then what that gates. */
  layers: FeedForwardLayers
}

interface EncoderLayer {
  selfAttention: SelfAttention
  feedForward: FeedForward
}

interface DecoderLayer extends EncoderLayer {
  crossAttention: CrossAttention
}

interface Stack<Layer> {
  words: Table
  /** Biases of the scores, [buckets, heads]: one for all layers, or one a layer. */
  biases: Table[]
  layers: Layer[]
  finalNorm: RmsNorm
}

interface Weights {
  encoder: Stack<EncoderLayer>
  decoder: Stack<DecoderLayer>
  /** To the vocabulary. */
  output: Linear
}

/** Encoder and decoder share their embeddings, which may be stored under any of these names, or all. */
const embeddingsName = (plan: WeightPlan): string =>
  ['shared', 'encoder.embed_tokens', 'decoder.embed_tokens'].find((name) => plan.has(`${name}.weight`)) ??
  'shared'

function planStack<Layer>(
  config: Config,
  plan: WeightPlan,
  stack: 'encoder' | 'decoder',
  words: Table,
  layers: Layer[],
): Stack<Layer> {
  const biases = layers.slice(0, config.biasesByLayer ? undefined : 1).map((_, i) => {
    const name = `${stack}.block.${i}.layer.0.SelfAttention.relative_attention_bias.weight`
    return plan.table(name, config.buckets, config.heads, 'fp32')
  })
  return { words, biases, layers, finalNorm: planNorm(config, plan, `${stack}.final_layer_norm`) }
}

function planNorm({ hiddenSize, eps }: Config, plan: WeightPlan, name: string): RmsNorm {
  return { weight: plan.vector(`${name}.weight`, hiddenSize), eps }
}

function planSelfAttention(config: Config, plan: WeightPlan, name: string): SelfAttention {
  const { hiddenSize, heads, headDim } = config
  const attention = `${name}.SelfAttention`
  return {
    norm: planNorm(config, plan, `${name}.layer_norm`),
    input: plan.linear(
      ['q', 'k', 'v'].map((part) => `${attention}.${part}`),
      heads * headDim,
      hiddenSize,
    ),
    output: plan.linear(`${attention}.o`, hiddenSize, heads * headDim),
  }
}

function planCrossAttention(config: Config, plan: WeightPlan, name: string): CrossAttention {
  const { hiddenSize, heads, headDim } = config
  const attention = `${name}.EncDecAttention`
  return {
    norm: planNorm(config, plan, `${name}.layer_norm`),
    queries: plan.linear(`${attention}.q`, heads * headDim, hiddenSize),
    keysAndValues: plan.linear([`${attention}.k`, `${attention}.v`], heads * headDim, hiddenSize),
    output: plan.linear(`${attention}.o`, hiddenSize, heads * headDim),
  }
}

function planFeedForward(config: Config, plan: WeightPlan, name: string): FeedForward {
  const { hiddenSize, intermediateSize, feedForward } = config
  const dense = `${name}.DenseReluDense`
  const first = feedForward.gated ? [`${dense}.wi_0`, `${dense}.wi_1`] : `${dense}.wi`
  return {
    norm: planNorm(config, plan, `${name}.layer_norm`),
    layers: {
      ...feedForward,
      first: plan.linear(first, intermediateSize, hiddenSize),
      second: plan.linear(`${dense}.wo`, hiddenSize, intermediateSize),
    },
  }
}

function planEncoder(config: Config, plan: WeightPlan, words: Table): Stack<EncoderLayer> {
  const layers = Array.from({ length: config.encoderLayers }, (_, i) => ({
    selfAttention: planSelfAttention(config, plan, `encoder.block.${i}.layer.0`),
    feedForward: planFeedForward(config, plan, `encoder.block.${i}.layer.1`),
  }))
  return planStack(config, plan, 'encoder', words, layers)
}

function planDecoder(config: Config, plan: WeightPlan, words: Table): Stack<DecoderLayer> {
  const layers = Array.from({ length: config.decoderLayers }, (_, i) => ({
    selfAttention: planSelfAttention(config, plan, `decoder.block.${i}.layer.0`),
    crossAttention: planCrossAttention(config, plan, `decoder.block.${i}.layer.1`),
    feedForward: planFeedForward(config, plan, `decoder.block.${i}.layer.2`),
  }))
  return planStack(config, plan, 'decoder', words, layers)
}

function planModel(config: Config, plan: WeightPlan): Weights {
  const { vocabSize, hiddenSize, tied, outputScale } = config
  const embeddings = embeddingsName(plan)
  // transformers 5 calls every model tied; what is not scaled may all the same have an output layer of its own.
  const separate = !tied || (outputScale === 1 && plan.has('lm_head.weight'))
  const output = plan.linear(separate ? 'lm_head' : embeddings, vocabSize, hiddenSize)
  const words = separate ? plan.table(`${embeddings}.weight`, vocabSize, hiddenSize) : plan.rowsOf(output)
  return { output, encoder: planEncoder(config, plan, words), decoder: planDecoder(config, plan, words) }
}

// ----------------------------------------------------------------------------------------- relative positions

/**
 * The bucket of a key's position relative to its query's: near ones have one each, farther ones share them in ranges that
 * grow with the logarithm of the distance, and all from `maxDistance` on share the last. Half of the buckets are for
 * keys behind the query where those are seen (`bidirectional`). Each step is rounded to float32, as PyTorch does it:
 * where a range begins at a whole number, the bucket depends on it.
 */
export function relativeBucket(
  relativePosition: number,
  bidirectional: boolean,
  buckets: number,
  maxDistance: number,
): number {
  const { fround, log } = Math
  const own = bidirectional ? Math.floor(buckets / 2) : buckets
  const first = bidirectional && relativePosition > 0 ? own : 0
  const distance = bidirectional ? Math.abs(relativePosition) : Math.max(0, -relativePosition)
  const exact = Math.floor(own / 2)
  if (distance < exact) return first + distance
  const share = fround(fround(log(fround(distance / exact))) / fround(log(maxDistance / exact)))
  return first + Math.min(own - 1, exact + Math.floor(fround(share * (own - exact))))
}

/** The bias of relative position r and head h is at zero + (h * headStride + r) * 4. */
interface RelativeBiases {
  zero: number
  headStride: number
}

/** Biases of the relative positions from -before to after, [heads, before + 1 + after], in scratch. */
function relativeBiases(
  { memory }: Engine,
  { heads, buckets, maxDistance }: Config,
  table: Table,
  before: number,
  after: number,
  bidirectional: boolean,
): RelativeBiases {
  const headStride = before + 1 + after
  const address = memory.scratch.floats(heads * headStride) // [heads, before + 1 + after]
  const biases = memory.f32(address, heads * headStride)
  const byBucket = memory.f32(table.weight, buckets * heads)
  for (let i = 0; i < headStride; i++) {
    const bucket = relativeBucket(i - before, bidirectional, buckets, maxDistance)
    for (let head = 0; head < heads; head++) biases[head * headStride + i] = byBucket[bucket * heads + head]!
  }
  return { zero: address + before * 4, headStride }
}

/** As attention reads them, [heads, queries, keys], for queries from position `past` on: one row less is one key behind. */
function biasFrom({ zero, headStride }: RelativeBiases, past: number): AttentionInput['bias'] {
  return { address: zero - past * 4, stride: -1, headStride }
}

// --------------------------------------------------------------------------------------------------- forward

/** Activations of `tokens` tokens. */
function allocate({ memory: { scratch } }: Engine, config: Config, tokens: number) {
  const { hiddenSize, heads, headDim } = config
  return {
    hidden: scratch.floats(tokens * hiddenSize), // [tokens, hiddenSize]
    normed: scratch.floats(tokens * hiddenSize), // [tokens, hiddenSize]
    attentionInput: scratch.floats(tokens * 3 * heads * headDim), // [tokens, 3, heads, headDim]
    context: scratch.floats(tokens * heads * headDim), // [tokens, heads, headDim]
    change: scratch.floats(tokens * hiddenSize), // [tokens, hiddenSize]
  }
}

/** The encoder's hidden states, [tokens, hiddenSize], sequences one after another. */
function encode(engine: Engine, config: Config, stack: Stack<EncoderLayer>, sequences: Sequence[]): number {
  const { hiddenSize, heads, headDim } = config
  const stride = 3 * heads * headDim
  const inputIds = sequences.flatMap(({ inputIds }) => Array.from(inputIds)) // [tokens]
  const tokens = inputIds.length
  const { hidden, normed, attentionInput, context, change } = allocate(engine, config, tokens)

  engine.memory.f32(hidden, tokens * hiddenSize).fill(0)
  engine.addRows(stack.words, inputIds, hidden)
  const longest = Math.max(0, ...sequences.map(({ inputIds }) => inputIds.length))
  const biases = stack.biases.map((table) => relativeBiases(engine, config, table, longest, longest, true))

  stack.layers.forEach((layer, i) => {
    // What the layer before it changed is added where the norm reads it.
    engine.rmsNorm(hidden, i === 0 ? 0 : change, layer.selfAttention.norm, tokens, hiddenSize, normed)
    engine.linear(normed, tokens, layer.selfAttention.input, attentionInput)
    let row = 0
    for (const { inputIds } of sequences) {
      const queries = attentionInput + row * stride * 4
      const [keys, values] = [queries + heads * headDim * 4, queries + 2 * heads * headDim * 4]
      const { precision } = layer.selfAttention.input
      engine.selfAttention(
        {
          ...{ queries, keys, values, stride, tokens: inputIds.length, heads, headDim, precision, scale: 1 },
          bias: biasFrom(biases[i] ?? biases[0]!, 0),
        },
        context + row * heads * headDim * 4,
      )
      row += inputIds.length
    }
    engine.linear(context, tokens, layer.selfAttention.output, change)
    engine.rmsNorm(hidden, change, layer.feedForward.norm, tokens, hiddenSize, normed)
    engine.feedForward(normed, tokens, layer.feedForward.layers, change)
  })
  engine.rmsNorm(hidden, change, stack.finalNorm, tokens, hiddenSize, normed)
  return normed
}

/** Encodes the source and keeps what each of the decoder's layers attends to. */
function readSource(
  engine: Engine,
  config: Config,
  { encoder, decoder }: Weights,
  source: Sequence,
  cache: KeyValueCache,
): void {
  const innerSize = config.heads * config.headDim
  const tokens = source.inputIds.length
  const hidden = encode(engine, config, encoder, [source]) // [tokens, hiddenSize]
  const keysAndValues = engine.memory.scratch.floats(tokens * 2 * innerSize) // [tokens, 2, heads, headDim]
  decoder.layers.forEach(({ crossAttention }, i) => {
    engine.linear(hidden, tokens, crossAttention.keysAndValues, keysAndValues)
    cache.append(i, keysAndValues, keysAndValues + innerSize * 4, 2 * innerSize, tokens)
  })
  cache.length = tokens
}

function decode(engine: Engine, config: Config, weights: Weights, steps: DecoderStep[]): Float32Array[] {
  const { hiddenSize, heads, headDim, outputScale } = config
  const innerSize = heads * headDim
  const stride = 3 * innerSize
  const stack = weights.decoder
  const tokens = tokensOf(steps)
  const { hidden, normed, attentionInput, context, change } = allocate(engine, config, tokens)
  const queries = engine.memory.scratch.floats(tokens * innerSize) // [tokens, heads, headDim], of cross attention

  engine.memory.f32(hidden, tokens * hiddenSize).fill(0)
  eachStep(steps, ({ inputIds }, row) => engine.addRows(stack.words, inputIds, hidden + row * hiddenSize * 4))
  const before = Math.max(0, ...steps.map(({ cache, inputIds }) => cache.length + inputIds.length))
  // Later keys are not seen, but a block of queries is given the biases of all its keys.
  const after = Math.max(0, ...steps.map(({ inputIds }) => inputIds.length))
  const biases = stack.biases.map((table) => relativeBiases(engine, config, table, before, after, false))

  stack.layers.forEach((layer, i) => {
    engine.rmsNorm(hidden, i === 0 ? 0 : change, layer.selfAttention.norm, tokens, hiddenSize, normed)
    engine.linear(normed, tokens, layer.selfAttention.input, attentionInput)
    selfAttention(
      engine,
      steps,
      i,
      {
        queries: attentionInput,
        queryStride: stride,
        keys: attentionInput + innerSize * 4,
        values: attentionInput + 2 * innerSize * 4,
        keyValueStride: stride,
        heads,
        headDim,
        scale: 1,
        bias: (step) => biasFrom(biases[i] ?? biases[0]!, steps[step]!.cache.length),
      },
      context,
    )
    engine.linear(context, tokens, layer.selfAttention.output, change)

    engine.rmsNorm(hidden, change, layer.crossAttention.norm, tokens, hiddenSize, normed)
    engine.linear(normed, tokens, layer.crossAttention.queries, queries)
    crossAttention(engine, steps, i, queries, { heads, headDim, scale: 1 }, context)
    engine.linear(context, tokens, layer.crossAttention.output, change)

    engine.rmsNorm(hidden, change, layer.feedForward.norm, tokens, hiddenSize, normed)
    engine.feedForward(normed, tokens, layer.feedForward.layers, change)
  })
  advance(steps)
  engine.rmsNorm(hidden, change, stack.finalNorm, tokens, hiddenSize, normed)
  if (outputScale !== 1) engine.scale(normed, outputScale, tokens * hiddenSize)
  return logitsOf(engine, steps, normed, hiddenSize, weights.output)
}

// ----------------------------------------------------------------------------------------------- architecture

function encoder(task: EncoderTask, rawConfig: unknown, plan: WeightPlan): EncoderModel {
  const config = parseConfig(t5Config, rawConfig)
  const { hiddenSize, vocabSize } = config
  if (task !== 'hidden-states')
    throw new EdgewiseError(
      'architecture_unsupported',
      `The encoder of a T5 model has no head for ${task}.`,
      'Read its hidden states, or use a model of the BERT family.',
    )
  const stack = planEncoder(config, plan, plan.table(`${embeddingsName(plan)}.weight`, vocabSize, hiddenSize))
  return {
    labels: [],
    width: hiddenSize,
    contextLength: Infinity,
    tokenTypes: 0,
    forward: (engine, sequences) =>
      engine.memory.scratch.scope(() => {
        let own = encode(engine, config, stack, sequences)
        return sequences.map(({ inputIds: { length: tokens } }) => {
          const hidden = engine.memory.f32(own, tokens * hiddenSize).slice() // [tokens, hiddenSize]
          own += tokens * hiddenSize * 4
          return hidden
        })
      }),
  }
}

function decoder(rawConfig: unknown, plan: WeightPlan): DecoderModel {
  const config = parseConfig(t5Config, rawConfig)
  const weights = planModel(config, plan)
  const { decoderLayers: layers, heads, headDim } = config
  return {
    vocabularySize: config.vocabSize,
    contextLength: Infinity,
    endTokenIds: config.endTokenIds,
    startTokenId: config.startTokenId,
    open: (engine, capacity, source) =>
      openWithSource(engine, { layers, heads, headDim, capacity }, source, (source, cache) =>
        readSource(engine, config, weights, source, cache),
      ),
    forward: (engine, steps) => engine.memory.scratch.scope(() => decode(engine, config, weights, steps)),
  }
}

const modelTypes = ['t5', 'mt5', 'umt5']
export const t5Encoder: EncoderArchitecture = { modelTypes, encoder }
export const t5Decoder: DecoderArchitecture = { modelTypes, decoder }

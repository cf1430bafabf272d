/**
 * The Transformer as it was first described (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762): an encoder that reads
 * the source, and a decoder that attends to it. BART and Marian are this model; they differ in how positions are encoded
 * and where norms stand, which their own files say.
 */
import * as z from 'zod'
import type { KeyValueCache } from '../engine/cache.ts'
import type { Activation, Engine, FeedForward, LayerNorm } from '../engine/engine.ts'
import type { Arena } from '../engine/memory.ts'
import type { Linear, Table, WeightPlan } from '../engine/weights.ts'
import { EdgewiseError } from '../errors.ts'
import {
  activation,
  count,
  type DecoderModel,
  type DecoderStep,
  type EncoderModel,
  type EncoderTask,
  endTokenIds,
  parseConfig,
  type Sequence,
} from './architecture.ts'
import { advance, crossAttention, logitsOf, openWithSource, selfAttention, tokensOf } from './decoder.ts'

// ---------------------------------------------------------------------------------------------------- config

interface StackConfig {
  vocabSize: number
  layers: number
  heads: number
  intermediateSize: number
}

export interface Config {
  hiddenSize: number
  encoder: StackConfig
  decoder: StackConfig
  positions: number
  activation: Activation
  /** Factor of the words' embeddings. */
  embeddingScale: number
  /** Whether the sum of the embeddings is normalized. */
  embeddingNorm: boolean
  /** Whether norms come before attention and feed-forward, and after the last layer, instead of after each. */
  preNorm: boolean
  /** Whether encoder and decoder have the same vocabulary and embeddings. */
  shared: boolean
  /** Whether the output layer is the decoder's embeddings. */
  tied: boolean
  startTokenId: number
  endTokenIds: number[]
}

/** What the families' config.json have in common. */
export const configFields = {
  vocab_size: count,
  d_model: count,
  encoder_layers: count,
  encoder_attention_heads: count,
  encoder_ffn_dim: count,
  decoder_layers: count,
  decoder_attention_heads: count,
  decoder_ffn_dim: count,
  max_position_embeddings: count,
  activation_function: activation.default('gelu'),
  scale_embedding: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
  decoder_start_token_id: z.int().min(0),
  eos_token_id: endTokenIds,
}

/** Config, but for what a family's own file says. */
export function commonConfig(config: z.output<z.ZodObject<typeof configFields>>) {
  return {
    hiddenSize: config.d_model,
    encoder: {
      vocabSize: config.vocab_size,
      layers: config.encoder_layers,
      heads: config.encoder_attention_heads,
      intermediateSize: config.encoder_ffn_dim,
    },
    decoder: {
      vocabSize: config.vocab_size,
      layers: config.decoder_layers,
      heads: config.decoder_attention_heads,
      intermediateSize: config.decoder_ffn_dim,
    },
    positions: config.max_position_embeddings,
    activation: config.activation_function,
    embeddingScale: config.scale_embedding ? Math.sqrt(config.d_model) : 1,
    tied: config.tie_word_embeddings,
    startTokenId: config.decoder_start_token_id,
    endTokenIds: config.eos_token_id,
  }
}

// --------------------------------------------------------------------------------------------------- weights

/** out[tokens, hiddenSize] += encodings of the tokens' positions, counted from 0. */
export type AddPositions = (engine: Engine, positions: number[], out: number) => void

/** Plans a stack's position encodings; its weights' names begin with `stack`. */
export type PlanPositions = (config: Config, plan: WeightPlan, stack: string) => AddPositions

interface SelfAttention {
  /** Queries, keys and values in one product. */
  input: Linear
  output: Linear
  norm: LayerNorm
}

interface CrossAttention {
  queries: Linear
  /** Of the source, in one product. */
  keysAndValues: Linear
  output: Linear
  norm: LayerNorm
}

interface EncoderLayer {
  selfAttention: SelfAttention
  feedForward: { layers: FeedForward; norm: LayerNorm }
}

interface DecoderLayer extends EncoderLayer {
  crossAttention: CrossAttention
}

interface Stack<Layer> {
  words: Table
  addPositions: AddPositions
  embeddingNorm: LayerNorm | undefined
  layers: Layer[]
  finalNorm: LayerNorm | undefined
}

interface Weights {
  encoder: Stack<EncoderLayer>
  decoder: Stack<DecoderLayer>
  /** To the vocabulary. */
  output: Linear
}

/** A checkpoint of the model without its output layer has no prefix. */
const prefixOf = (plan: WeightPlan): string => (plan.has('model.encoder.layers.0.fc1.weight') ? 'model.' : '')

/** The name that embeddings go by: the same ones may be stored under any of several, or all. */
const firstStored = (plan: WeightPlan, names: string[]): string =>
  names.find((name) => plan.has(`${name}.weight`)) ?? names[0]!

/** Names of the encoder's and decoder's embeddings and of the output layer. */
function embeddingNames({ shared, tied }: Config, plan: WeightPlan) {
  const prefix = prefixOf(plan)
  const separateOutput = !tied && plan.has('lm_head.weight')
  const encoder = `${prefix}encoder.embed_tokens`
  const decoder = firstStored(plan, [
    ...(shared ? [`${prefix}shared`, encoder] : []),
    `${prefix}decoder.embed_tokens`,
    ...(separateOutput ? [] : ['lm_head']),
  ])
  return {
    encoder: shared ? decoder : encoder,
    decoder,
    output: separateOutput ? 'lm_head' : decoder,
  }
}

function planNorm(plan: WeightPlan, name: string, size: number): LayerNorm {
  return { weight: plan.vector(`${name}.weight`, size), bias: plan.vector(`${name}.bias`, size), eps: 1e-5 }
}

function planEncoderLayer(
  { hiddenSize, activation }: Config,
  plan: WeightPlan,
  layer: string,
  { intermediateSize }: StackConfig,
): EncoderLayer {
  const attention = `${layer}.self_attn`
  return {
    selfAttention: {
      input: plan.linear(
        ['q_proj', 'k_proj', 'v_proj'].map((name) => `${attention}.${name}`),
        hiddenSize,
        hiddenSize,
      ),
      output: plan.linear(`${attention}.out_proj`, hiddenSize, hiddenSize),
      norm: planNorm(plan, `${attention}_layer_norm`, hiddenSize),
    },
    feedForward: {
      layers: {
        first: plan.linear(`${layer}.fc1`, intermediateSize, hiddenSize),
        activation,
        second: plan.linear(`${layer}.fc2`, hiddenSize, intermediateSize),
      },
      norm: planNorm(plan, `${layer}.final_layer_norm`, hiddenSize),
    },
  }
}

function planDecoderLayer(config: Config, plan: WeightPlan, layer: string, stack: StackConfig): DecoderLayer {
  const { hiddenSize } = config
  const attention = `${layer}.encoder_attn`
  return {
    ...planEncoderLayer(config, plan, layer, stack),
    crossAttention: {
      queries: plan.linear(`${attention}.q_proj`, hiddenSize, hiddenSize),
      keysAndValues: plan.linear([`${attention}.k_proj`, `${attention}.v_proj`], hiddenSize, hiddenSize),
      output: plan.linear(`${attention}.out_proj`, hiddenSize, hiddenSize),
      norm: planNorm(plan, `${attention}_layer_norm`, hiddenSize),
    },
  }
}

function planStack<Layer>(
  config: Config,
  plan: WeightPlan,
  kind: 'encoder' | 'decoder',
  words: Table,
  planPositions: PlanPositions,
  planLayer: (config: Config, plan: WeightPlan, layer: string, stack: StackConfig) => Layer,
): Stack<Layer> {
  const stack = prefixOf(plan) + kind
  const norm = (name: string) => planNorm(plan, `${stack}.${name}`, config.hiddenSize)
  return {
    words,
    addPositions: planPositions(config, plan, stack),
    embeddingNorm: config.embeddingNorm ? norm('layernorm_embedding') : undefined,
    layers: Array.from({ length: config[kind].layers }, (_, i) =>
      planLayer(config, plan, `${stack}.layers.${i}`, config[kind]),
    ),
    finalNorm: config.preNorm ? norm('layer_norm') : undefined,
  }
}

function planModel(config: Config, plan: WeightPlan, planPositions: PlanPositions): Weights {
  const { hiddenSize, encoder, decoder } = config
  const names = embeddingNames(config, plan)
  const output = plan.linear(names.output, decoder.vocabSize, hiddenSize)
  const decoderWords =
    names.decoder === names.output
      ? plan.rowsOf(output)
      : plan.table(`${names.decoder}.weight`, decoder.vocabSize, hiddenSize)
  const encoderWords =
    names.encoder === names.decoder
      ? decoderWords
      : plan.table(`${names.encoder}.weight`, encoder.vocabSize, hiddenSize)
  return {
    encoder: planStack(config, plan, 'encoder', encoderWords, planPositions, planEncoderLayer),
    decoder: planStack(config, plan, 'decoder', decoderWords, planPositions, planDecoderLayer),
    // The output's bias is stored as a matrix of one row.
    output: plan.has('final_logits_bias')
      ? { ...output, bias: plan.table('final_logits_bias', 1, decoder.vocabSize, 'fp32').weight }
      : output,
  }
}

// --------------------------------------------------------------------------------------------------- forward

/** Activations of `tokens` tokens. */
function allocate(scratch: Arena, { hiddenSize }: Config, tokens: number) {
  return {
    hidden: scratch.floats(tokens * hiddenSize), // [tokens, hiddenSize]
    normed: scratch.floats(tokens * hiddenSize), // [tokens, hiddenSize]
    attentionInput: scratch.floats(tokens * 3 * hiddenSize), // [tokens, 3, heads, headDim]
    context: scratch.floats(tokens * hiddenSize), // [tokens, heads, headDim]
    change: scratch.floats(tokens * hiddenSize), // [tokens, hiddenSize]
  }
}
type Activations = ReturnType<typeof allocate>

/** hidden[tokens, hiddenSize] = embeddings of texts' tokens, of which each begins at position `first`. */
function embed(
  engine: Engine,
  config: Config,
  stack: Stack<EncoderLayer>,
  texts: { inputIds: ArrayLike<number>; first: number }[],
  hidden: number,
): void {
  const { hiddenSize, embeddingScale } = config
  const inputIds = texts.flatMap(({ inputIds }) => Array.from(inputIds)) // [tokens]
  const positions = texts.flatMap(({ inputIds, first }) => Array.from(inputIds, (_, i) => first + i)) // [tokens]
  const values = inputIds.length * hiddenSize
  engine.memory.f32(hidden, values).fill(0)
  engine.addRows(stack.words, inputIds, hidden)
  if (embeddingScale !== 1) engine.scale(hidden, embeddingScale, values)
  stack.addPositions(engine, positions, hidden)
  if (stack.embeddingNorm) engine.layerNorm(hidden, 0, stack.embeddingNorm, inputIds.length, hiddenSize)
}

/**
 * hidden = norm(hidden + f(hidden)), or hidden + f(norm(hidden)) where norms come first; `f` writes to `change` what it
 * makes of its input.
 */
function sublayer(
  engine: Engine,
  { hiddenSize, preNorm }: Config,
  { hidden, normed, change }: Activations,
  tokens: number,
  norm: LayerNorm,
  f: (input: number) => void,
): void {
  if (preNorm) {
    engine.layerNorm(hidden, 0, norm, tokens, hiddenSize, normed)
    f(normed)
    engine.add(hidden, change, tokens * hiddenSize)
  } else {
    f(hidden)
    engine.layerNorm(hidden, change, norm, tokens, hiddenSize)
  }
}

function feedForward(
  engine: Engine,
  config: Config,
  activations: Activations,
  tokens: number,
  { layers, norm }: EncoderLayer['feedForward'],
): void {
  sublayer(engine, config, activations, tokens, norm, (input) =>
    engine.feedForward(input, tokens, layers, activations.change),
  )
}

/** The encoder's hidden states, [tokens, hiddenSize], sequences one after another. */
function encode(engine: Engine, config: Config, stack: Stack<EncoderLayer>, sequences: Sequence[]): number {
  const { hiddenSize } = config
  const { heads } = config.encoder
  const headDim = hiddenSize / heads
  const stride = 3 * hiddenSize
  const { scratch } = engine.memory
  const tokens = sequences.reduce((sum, { inputIds }) => sum + inputIds.length, 0)
  const activations = allocate(scratch, config, tokens)
  const { hidden, attentionInput, context, change } = activations

  embed(
    engine,
    config,
    stack,
    sequences.map(({ inputIds }) => ({ inputIds, first: 0 })),
    hidden,
  )
  for (const layer of stack.layers) {
    sublayer(engine, config, activations, tokens, layer.selfAttention.norm, (input) => {
      engine.linear(input, tokens, layer.selfAttention.input, attentionInput)
      let row = 0
      for (const { inputIds } of sequences) {
        const queries = attentionInput + row * stride * 4
        const [keys, values] = [queries + hiddenSize * 4, queries + 2 * hiddenSize * 4]
        const { precision } = layer.selfAttention.input
        engine.selfAttention(
          { queries, keys, values, stride, tokens: inputIds.length, heads, headDim, precision },
          context + row * hiddenSize * 4,
        )
        row += inputIds.length
      }
      engine.linear(context, tokens, layer.selfAttention.output, change)
    })
    feedForward(engine, config, activations, tokens, layer.feedForward)
  }
  if (stack.finalNorm) engine.layerNorm(hidden, 0, stack.finalNorm, tokens, hiddenSize)
  return hidden
}

/** Encodes the source and keeps what each of the decoder's layers attends to. */
function readSource(
  engine: Engine,
  config: Config,
  { encoder, decoder }: Weights,
  source: Sequence,
  cache: KeyValueCache,
): void {
  const { hiddenSize } = config
  const tokens = source.inputIds.length
  const hidden = encode(engine, config, encoder, [source]) // [tokens, hiddenSize]
  const keysAndValues = engine.memory.scratch.floats(tokens * 2 * hiddenSize) // [tokens, 2, heads, headDim]
  decoder.layers.forEach((layer, i) => {
    engine.linear(hidden, tokens, layer.crossAttention.keysAndValues, keysAndValues)
    cache.append(i, keysAndValues, keysAndValues + hiddenSize * 4, 2 * hiddenSize, tokens)
  })
  cache.length = tokens
}

function decode(engine: Engine, config: Config, weights: Weights, steps: DecoderStep[]): Float32Array[] {
  const { hiddenSize } = config
  const { heads } = config.decoder
  const headDim = hiddenSize / heads
  const stride = 3 * hiddenSize
  const stack = weights.decoder
  const tokens = tokensOf(steps)
  const activations = allocate(engine.memory.scratch, config, tokens)
  const { hidden, attentionInput, context, change } = activations
  const queries = engine.memory.scratch.floats(tokens * hiddenSize) // [tokens, heads, headDim], of cross attention

  embed(
    engine,
    config,
    stack,
    steps.map(({ inputIds, cache }) => ({ inputIds, first: cache.length })),
    hidden,
  )
  stack.layers.forEach((layer, i) => {
    sublayer(engine, config, activations, tokens, layer.selfAttention.norm, (input) => {
      engine.linear(input, tokens, layer.selfAttention.input, attentionInput)
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
        },
        context,
      )
      engine.linear(context, tokens, layer.selfAttention.output, change)
    })
    sublayer(engine, config, activations, tokens, layer.crossAttention.norm, (input) => {
      engine.linear(input, tokens, layer.crossAttention.queries, queries)
      crossAttention(engine, steps, i, queries, { heads, headDim }, context)
      engine.linear(context, tokens, layer.crossAttention.output, change)
    })
    feedForward(engine, config, activations, tokens, layer.feedForward)
  })
  advance(steps)
  if (stack.finalNorm) engine.layerNorm(hidden, 0, stack.finalNorm, tokens, hiddenSize)
  return logitsOf(engine, steps, hidden, hiddenSize, weights.output)
}

// ----------------------------------------------------------------------------------------------- architecture

/** What the families of this model do not have in common. */
export interface Family {
  modelTypes: string[]
  /** Reads config.json. */
  schema: z.ZodType<Config>
  planPositions: PlanPositions
}

const readConfig = ({ schema }: Family, rawConfig: unknown): Config =>
  parseConfig(
    schema.refine(
      ({ hiddenSize, encoder, decoder }) =>
        hiddenSize % encoder.heads === 0 && hiddenSize % decoder.heads === 0,
      'd_model is not a multiple of the attention heads',
    ),
    rawConfig,
  )

/** The encoder alone, which gives hidden states. */
export function encoder(
  family: Family,
  task: EncoderTask,
  rawConfig: unknown,
  plan: WeightPlan,
): EncoderModel {
  const config = readConfig(family, rawConfig)
  const { hiddenSize, encoder } = config
  if (task !== 'hidden-states')
    throw new EdgewiseError(
      'architecture_unsupported',
      `The encoder of a ${family.modelTypes[0]} model has no head for ${task}.`,
      'Read its hidden states, or use a model of the BERT family.',
    )
  const name = `${embeddingNames(config, plan).encoder}.weight`
  const words = plan.table(name, encoder.vocabSize, hiddenSize)
  const stack = planStack(config, plan, 'encoder', words, family.planPositions, planEncoderLayer)
  return {
    labels: [],
    width: hiddenSize,
    contextLength: config.positions,
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

/** The whole: it reads a source and writes another text. */
export function decoder(family: Family, rawConfig: unknown, plan: WeightPlan): DecoderModel {
  const config = readConfig(family, rawConfig)
  const weights = planModel(config, plan, family.planPositions)
  const { layers, heads, vocabSize } = config.decoder
  return {
    vocabularySize: vocabSize,
    contextLength: config.positions,
    endTokenIds: config.endTokenIds,
    startTokenId: config.startTokenId,
    open: (engine, capacity, source) =>
      openWithSource(
        engine,
        { layers, heads, headDim: config.hiddenSize / heads, capacity },
        source,
        (source, cache) => readSource(engine, config, weights, source, cache),
      ),
    forward: (engine, steps) => engine.memory.scratch.scope(() => decode(engine, config, weights, steps)),
  }
}

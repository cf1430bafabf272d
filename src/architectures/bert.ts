/**
 * BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805) and the encoders that descend from it: DistilBERT (Sanh et
 * al. 2019, https://arxiv.org/abs/1910.01108), RoBERTa (Liu et al. 2019, https://arxiv.org/abs/1907.11692), ELECTRA
 * (Clark et al. 2020, https://arxiv.org/abs/2003.10555) and ALBERT (Lan et al. 2019, https://arxiv.org/abs/1909.11942).
 * All are the same post-norm transformer; they differ in names, position numbering, segments, the width of their
 * embeddings, layers shared, and the heads.
 */
import * as z from 'zod'
import type { Activation, Engine, FeedForward, LayerNorm } from '../engine/engine.ts'
import type { Linear, Table, WeightPlan } from '../engine/weights.ts'
import { EdgewiseError } from '../errors.ts'
import {
  activation,
  classNames,
  count,
  type EncoderArchitecture,
  type EncoderModel,
  type EncoderTask,
  labelsOf,
  parseConfig,
  type Sequence,
} from './architecture.ts'

// ---------------------------------------------------------------------------------------------------- config

const bertConfig = z
  .object({
    model_type: z.enum(['bert', 'roberta', 'electra', 'albert']),
    vocab_size: count,
    hidden_size: count,
    num_hidden_layers: count,
    num_attention_heads: count,
    intermediate_size: count,
    /** ELECTRA and ALBERT: the width of the embeddings, projected to hidden_size. */
    embedding_size: count.optional(),
    /** ALBERT: how many different layers there are, used one group after another. */
    num_hidden_groups: count.default(1),
    /** ALBERT: the layers of a group, all of them used at each of its turns. */
    inner_group_num: count.default(1),
    max_position_embeddings: count,
    type_vocab_size: z.int().min(0).default(2),
    hidden_act: activation.default('gelu'),
    layer_norm_eps: z.number().positive().default(1e-12),
    pad_token_id: z.int().min(0).nullish(),
    position_embedding_type: z.literal('absolute').default('absolute'),
    // ModernBERT's name for the choice; BERT itself classifies by the first token.
    classifier_pooling: z.enum(['cls', 'mean']).default('cls'),
    id2label: classNames,
  })
  .transform((config) => ({
    family: config.model_type,
    vocabSize: config.vocab_size,
    hiddenSize: config.hidden_size,
    embeddingSize: config.embedding_size ?? config.hidden_size,
    layers: config.num_hidden_layers,
    groups: config.model_type === 'albert' ? config.num_hidden_groups : config.num_hidden_layers,
    groupLayers: config.model_type === 'albert' ? config.inner_group_num : 1,
    heads: config.num_attention_heads,
    intermediateSize: config.intermediate_size,
    positions: config.max_position_embeddings,
    segments: config.type_vocab_size,
    activation: config.hidden_act,
    eps: config.layer_norm_eps,
    padTokenId: config.pad_token_id ?? (config.model_type === 'roberta' ? 1 : 0),
    pooling: config.classifier_pooling,
    classes: config.id2label,
  }))

const distilbertConfig = z
  .object({
    model_type: z.literal('distilbert'),
    vocab_size: count,
    dim: count,
    n_layers: count,
    n_heads: count,
    hidden_dim: count,
    max_position_embeddings: count,
    activation: activation.default('gelu'),
    id2label: classNames,
  })
  .transform((config) => ({
    family: config.model_type,
    vocabSize: config.vocab_size,
    hiddenSize: config.dim,
    embeddingSize: config.dim,
    layers: config.n_layers,
    groups: config.n_layers,
    groupLayers: 1,
    heads: config.n_heads,
    intermediateSize: config.hidden_dim,
    positions: config.max_position_embeddings,
    segments: 0,
    activation: config.activation,
    eps: 1e-12,
    padTokenId: 0,
    pooling: 'cls' as const,
    classes: config.id2label,
  }))

const anyConfig = z.union([bertConfig, distilbertConfig])
type Config = z.output<typeof anyConfig>

// --------------------------------------------------------------------------------------------------- weights

interface Layer {
  /** Queries, keys and values in one product. */
  attentionInput: Linear
  attentionOutput: Linear
  attentionNorm: LayerNorm
  feedForward: FeedForward
  outputNorm: LayerNorm
}

interface Weights {
  words: Table
  positions: Table
  segments: Table | undefined
  embeddingNorm: LayerNorm
  /** From the embeddings' width to the hidden size, where they differ. */
  projection: Linear | undefined
  /** By layer; ALBERT's share their weights. */
  layers: Layer[]
}

const BERT_NAMES = {
  layer: 'encoder.layer',
  attentionInput: ['attention.self.query', 'attention.self.key', 'attention.self.value'],
  attentionOutput: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
  outputNorm: 'output.LayerNorm',
}
const DISTILBERT_NAMES: typeof BERT_NAMES = {
  layer: 'transformer.layer',
  attentionInput: ['attention.q_lin', 'attention.k_lin', 'attention.v_lin'],
  attentionOutput: 'attention.out_lin',
  attentionNorm: 'sa_layer_norm',
  intermediate: 'ffn.lin1',
  output: 'ffn.lin2',
  outputNorm: 'output_layer_norm',
}

const ALBERT_NAMES: typeof BERT_NAMES = {
  layer: 'encoder.albert_layer_groups',
  attentionInput: ['attention.query', 'attention.key', 'attention.value'],
  attentionOutput: 'attention.dense',
  attentionNorm: 'attention.LayerNorm',
  intermediate: 'ffn',
  output: 'ffn_output',
  outputNorm: 'full_layer_layer_norm',
}
const NAMES: Record<Config['family'], typeof BERT_NAMES> = {
  bert: BERT_NAMES,
  roberta: BERT_NAMES,
  electra: BERT_NAMES,
  albert: ALBERT_NAMES,
  distilbert: DISTILBERT_NAMES,
}

function planEncoder(config: Config, plan: WeightPlan, tiedOutput: Linear | undefined): Weights {
  const { hiddenSize, embeddingSize, intermediateSize } = config
  const names = NAMES[config.family]
  const prefix = prefixOf(config, plan)
  const norm = (name: string, size = hiddenSize): LayerNorm => ({
    weight: plan.vector(`${name}.weight`, size),
    bias: plan.vector(`${name}.bias`, size),
    eps: config.eps,
  })
  const embeddings = `${prefix}embeddings`
  const projected = embeddingSize !== hiddenSize || config.family === 'albert'
  const projection = config.family === 'albert' ? 'encoder.embedding_hidden_mapping_in' : 'embeddings_project'
  const planLayer = (layer: string): Layer => ({
    attentionInput: plan.linear(
      names.attentionInput.map((name) => `${layer}.${name}`),
      hiddenSize,
      hiddenSize,
    ),
    attentionOutput: plan.linear(`${layer}.${names.attentionOutput}`, hiddenSize, hiddenSize),
    attentionNorm: norm(`${layer}.${names.attentionNorm}`),
    feedForward: {
      first: plan.linear(`${layer}.${names.intermediate}`, intermediateSize, hiddenSize),
      activation: config.activation,
      second: plan.linear(`${layer}.${names.output}`, hiddenSize, intermediateSize),
    },
    outputNorm: norm(`${layer}.${names.outputNorm}`),
  })
  const groups = Array.from({ length: config.groups }, (_, i): Layer[] => {
    const group = `${prefix}${names.layer}.${i}`
    if (config.family !== 'albert') return [planLayer(group)]
    return Array.from({ length: config.groupLayers }, (_, j) => planLayer(`${group}.albert_layers.${j}`))
  })
  return {
    words: tiedOutput
      ? plan.rowsOf(tiedOutput)
      : plan.table(`${embeddings}.word_embeddings.weight`, config.vocabSize, embeddingSize),
    positions: plan.table(
      `${embeddings}.position_embeddings.weight`,
      config.positions,
      embeddingSize,
      'fp32',
    ),
    segments:
      config.segments > 0
        ? plan.table(`${embeddings}.token_type_embeddings.weight`, config.segments, embeddingSize, 'fp32')
        : undefined,
    embeddingNorm: norm(`${embeddings}.LayerNorm`, embeddingSize),
    projection: projected ? plan.linear(`${prefix}${projection}`, hiddenSize, embeddingSize) : undefined,
    layers: Array.from(
      { length: config.layers },
      (_, i) => groups[Math.floor((i * config.groups) / config.layers)]!,
    ).flat(),
  }
}

/** A checkpoint of the bare encoder has no prefix. */
function prefixOf(config: Config, plan: WeightPlan): string {
  return plan.has(`${config.family}.embeddings.word_embeddings.weight`) ? `${config.family}.` : ''
}

/** What follows the encoder: dense, activation and norm where the family has them, then the output layer. */
interface Head {
  dense: Linear | undefined
  activation: Activation
  norm: LayerNorm | undefined
  output: Linear | undefined
}

function planHead(task: EncoderTask, config: Config, plan: WeightPlan, classes: number): Head {
  const { hiddenSize, family } = config
  // A classifier's head is computed once a sequence, so it stays in full precision.
  const dense = (name: string) => plan.linear(name, hiddenSize, hiddenSize, { precision: 'fp32' })
  const output = (name: string) => plan.linear(name, classes, hiddenSize, { precision: 'fp32' })
  const plain = { dense: undefined, activation: 'tanh', norm: undefined } as const
  if (task === 'hidden-states') return { ...plain, output: undefined }
  if (task === 'token-classification') return { ...plain, output: output('classifier') }
  if (task === 'question-answering') return { ...plain, output: output('qa_outputs') }
  if (task === 'masked-lm') return planMaskedLm(config, plan)
  switch (family) {
    case 'bert': {
      // Training without a pooler is common with mean pooling; BERT's own checkpoints all have one.
      const pooler = config.pooling === 'cls' || plan.has('bert.pooler.dense.weight')
      return {
        ...plain,
        dense: pooler ? dense('bert.pooler.dense') : undefined,
        output: output('classifier'),
      }
    }
    case 'albert':
      return { ...plain, dense: dense('albert.pooler'), output: output('classifier') }
    case 'distilbert':
      return { ...plain, dense: dense('pre_classifier'), activation: 'relu', output: output('classifier') }
    case 'roberta':
      return { ...plain, dense: dense('classifier.dense'), output: output('classifier.out_proj') }
    case 'electra':
      return {
        ...plain,
        dense: dense('classifier.dense'),
        activation: 'gelu',
        output: output('classifier.out_proj'),
      }
  }
}

/** The head that predicts masked words; its output layer is the word embeddings, held once. */
function planMaskedLm(config: Config, plan: WeightPlan): Head {
  const names = {
    bert: ['cls.predictions.transform.dense', 'cls.predictions.transform.LayerNorm', 'cls.predictions.bias'],
    roberta: ['lm_head.dense', 'lm_head.layer_norm', 'lm_head.bias'],
    distilbert: ['vocab_transform', 'vocab_layer_norm', 'vocab_projector.bias'],
    electra: ['generator_predictions.dense', 'generator_predictions.LayerNorm', 'generator_lm_head.bias'],
    albert: ['predictions.dense', 'predictions.LayerNorm', 'predictions.bias'],
  }[config.family] as [string, string, string]
  const [dense, norm, bias] = names
  const { hiddenSize, embeddingSize, vocabSize } = config
  return {
    dense: plan.linear(dense, embeddingSize, hiddenSize),
    // RoBERTa and ELECTRA have gelu here whatever hidden_act says.
    activation: config.family === 'roberta' || config.family === 'electra' ? 'gelu' : config.activation,
    norm: {
      weight: plan.vector(`${norm}.weight`, embeddingSize),
      bias: plan.vector(`${norm}.bias`, embeddingSize),
      eps: config.eps,
    },
    output: plan.linear(`${prefixOf(config, plan)}embeddings.word_embeddings`, vocabSize, embeddingSize, {
      bias,
    }),
  }
}

// --------------------------------------------------------------------------------------------------- forward

/** RoBERTa numbers positions from padTokenId + 1 and gives padding tokens padTokenId; the others count from 0. */
function positionIds(inputIds: ArrayLike<number>, config: Config): number[] {
  if (config.family !== 'roberta') return Array.from(inputIds, (_, i) => i)
  let position = config.padTokenId
  return Array.from(inputIds, (id) => (id === config.padTokenId ? config.padTokenId : ++position))
}

/** Hidden states of the last layer, [tokens, hiddenSize], sequences one after another. */
function encode(engine: Engine, config: Config, weights: Weights, sequences: Sequence[]): number {
  const { hiddenSize, embeddingSize, heads } = config
  const headDim = hiddenSize / heads
  const stride = 3 * hiddenSize
  const { scratch } = engine.memory
  const tokens = sequences.reduce((sum, { inputIds }) => sum + inputIds.length, 0)

  const hidden = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]
  const next = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]
  const attentionInput = scratch.floats(tokens * stride) // [tokens, 3, heads, headDim]
  const context = scratch.floats(tokens * hiddenSize) // [tokens, heads, headDim]

  const { projection } = weights
  const embedded = projection ? scratch.floats(tokens * embeddingSize) : hidden // [tokens, embeddingSize]
  engine.memory.f32(embedded, tokens * embeddingSize).fill(0)
  let offset = 0
  for (const { inputIds, tokenTypeIds } of sequences) {
    const out = embedded + offset * embeddingSize * 4
    engine.addRows(weights.words, inputIds, out)
    engine.addRows(weights.positions, positionIds(inputIds, config), out)
    if (weights.segments)
      engine.addRows(weights.segments, tokenTypeIds ?? new Int32Array(inputIds.length), out)
    offset += inputIds.length
  }
  engine.layerNorm(embedded, 0, weights.embeddingNorm, tokens, embeddingSize)
  if (projection) engine.linear(embedded, tokens, projection, hidden)

  for (const layer of weights.layers) {
    engine.linear(hidden, tokens, layer.attentionInput, attentionInput)
    offset = 0
    for (const { inputIds } of sequences) {
      const queries = attentionInput + offset * stride * 4
      const [keys, values] = [queries + hiddenSize * 4, queries + 2 * hiddenSize * 4]
      const { precision } = layer.attentionInput
      engine.selfAttention(
        { queries, keys, values, stride, tokens: inputIds.length, heads, headDim, precision },
        context + offset * hiddenSize * 4,
      )
      offset += inputIds.length
    }
    engine.linear(context, tokens, layer.attentionOutput, next)
    engine.layerNorm(next, hidden, layer.attentionNorm, tokens, hiddenSize)

    engine.feedForward(next, tokens, layer.feedForward, hidden)
    engine.layerNorm(hidden, next, layer.outputNorm, tokens, hiddenSize)
  }
  return hidden
}

/** Outputs [rows, width] of a head over rows of hidden states [rows, hiddenSize]. */
function applyHead(engine: Engine, config: Config, head: Head, hidden: number, rows: number): Float32Array {
  const { scratch } = engine.memory
  let x = hidden
  let width = config.hiddenSize
  if (head.dense) {
    width = head.dense.rows
    const dense = scratch.floats(rows * width)
    engine.linear(x, rows, head.dense, dense)
    engine.activate(head.activation, dense, rows * width)
    if (head.norm) engine.layerNorm(dense, 0, head.norm, rows, width)
    x = dense
  }
  if (head.output) {
    width = head.output.rows
    const output = scratch.floats(rows * width)
    engine.linear(x, rows, head.output, output)
    x = output
  }
  return engine.memory.f32(x, rows * width).slice()
}

/** One row for a sequence's hidden states [tokens, hiddenSize]: their mean, or the first token's. */
function pool(engine: Engine, config: Config, hidden: number, tokens: number): number {
  if (config.pooling === 'cls') return hidden
  const mean = engine.memory.scratch.floats(config.hiddenSize)
  engine.mean(hidden, tokens, config.hiddenSize, mean)
  return mean
}

/** The hidden states [positions, hiddenSize] at some positions of [tokens, hiddenSize]. */
function pick(engine: Engine, { hiddenSize }: Config, hidden: number, positions: ArrayLike<number>): number {
  const rows = engine.memory.scratch.floats(positions.length * hiddenSize)
  Array.from(positions).forEach((position, i) => {
    engine.memory
      .f32(rows + i * hiddenSize * 4, hiddenSize)
      .set(engine.memory.f32(hidden + position * hiddenSize * 4, hiddenSize))
  })
  return rows
}

function encoder(task: EncoderTask, rawConfig: unknown, plan: WeightPlan): EncoderModel {
  const config = parseConfig(anyConfig, rawConfig)
  if (config.hiddenSize % config.heads !== 0)
    throw new EdgewiseError(
      'config_invalid',
      `config.json: hidden_size ${config.hiddenSize} is not a multiple of num_attention_heads ${config.heads}.`,
      'Use the config.json that was published with the weights.',
    )
  const labels = labelsOf(task, config.classes)
  const head = planHead(task, config, plan, labels.length)
  const weights = planEncoder(config, plan, task === 'masked-lm' ? head.output : undefined)

  return {
    labels,
    width: head.output?.rows ?? config.hiddenSize,
    tokenTypes: config.segments,
    // RoBERTa's first padTokenId + 1 positions are never used by text.
    contextLength: config.positions - (config.family === 'roberta' ? config.padTokenId + 1 : 0),
    forward: (engine, sequences) =>
      engine.memory.scratch.scope(() => {
        const hidden = encode(engine, config, weights, sequences)
        let offset = 0
        return sequences.map(({ inputIds: { length: tokens }, positions }) => {
          const own = hidden + offset * config.hiddenSize * 4
          offset += tokens
          return engine.memory.scratch.scope(() => {
            if (task === 'sequence-classification')
              return applyHead(engine, config, head, pool(engine, config, own, tokens), 1)
            if (task !== 'masked-lm' || !positions) return applyHead(engine, config, head, own, tokens)
            const rows = pick(engine, config, own, positions)
            return applyHead(engine, config, head, rows, positions.length)
          })
        })
      }),
  }
}

export const bert: EncoderArchitecture = {
  modelTypes: ['bert', 'distilbert', 'roberta', 'electra', 'albert'],
  encoder,
}

/**
 * BERT (Devlin et al. 2018, https://arxiv.org/abs/1810.04805), DistilBERT (Sanh et al. 2019,
 * https://arxiv.org/abs/1910.01108) and RoBERTa (Liu et al. 2019, https://arxiv.org/abs/1907.11692): a post-norm
 * transformer encoder. The three differ in names, position numbering, segments and the head.
 */
import * as z from 'zod'
import type { Activation, Engine, LayerNorm } from '../engine/engine.ts'
import type { Linear, Table, WeightPlan } from '../engine/weights.ts'
import { EdgewiseError } from '../errors.ts'
import { type Architecture, parseConfig, type Sequence, type SequenceClassifier } from './architecture.ts'

// ---------------------------------------------------------------------------------------------------- config

const ACTIVATIONS: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'geluTanh',
  gelu_fast: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
}

const count = z.int().min(1)
const labels = {
  id2label: z.record(z.string(), z.string()).default({ '0': 'LABEL_0', '1': 'LABEL_1' }),
}
const activation = z
  .string()
  .default('gelu')
  .transform((name, context): Activation => {
    const known = ACTIVATIONS[name]
    if (known) return known
    context.addIssue(`activation "${name}" is not one of ${Object.keys(ACTIVATIONS).join(', ')}`)
    return z.NEVER
  })

const bertConfig = z
  .object({
    model_type: z.enum(['bert', 'roberta']),
    vocab_size: count,
    hidden_size: count,
    num_hidden_layers: count,
    num_attention_heads: count,
    intermediate_size: count,
    max_position_embeddings: count,
    type_vocab_size: z.int().min(0).default(2),
    hidden_act: activation,
    layer_norm_eps: z.number().positive().default(1e-12),
    pad_token_id: z.int().min(0).nullish(),
    position_embedding_type: z.literal('absolute').default('absolute'),
    // ModernBERT's name for the choice; BERT itself classifies by the first token.
    classifier_pooling: z.enum(['cls', 'mean']).default('cls'),
    ...labels,
  })
  .transform((config) => ({
    family: config.model_type,
    vocabSize: config.vocab_size,
    hiddenSize: config.hidden_size,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    intermediateSize: config.intermediate_size,
    positions: config.max_position_embeddings,
    segments: config.type_vocab_size,
    activation: config.hidden_act,
    eps: config.layer_norm_eps,
    padTokenId: config.pad_token_id ?? (config.model_type === 'roberta' ? 1 : 0),
    pooling: config.classifier_pooling,
    id2label: config.id2label,
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
    activation,
    ...labels,
  })
  .transform((config) => ({
    family: config.model_type,
    vocabSize: config.vocab_size,
    hiddenSize: config.dim,
    layers: config.n_layers,
    heads: config.n_heads,
    intermediateSize: config.hidden_dim,
    positions: config.max_position_embeddings,
    segments: 0,
    activation: config.activation,
    eps: 1e-12,
    padTokenId: 0,
    pooling: 'cls' as const,
    id2label: config.id2label,
  }))

const anyConfig = z.union([bertConfig, distilbertConfig])
type Config = z.output<typeof anyConfig>

// --------------------------------------------------------------------------------------------------- weights

interface Layer {
  /** Queries, keys and values in one product. */
  attentionInput: Linear
  attentionOutput: Linear
  attentionNorm: LayerNorm
  intermediate: Linear
  output: Linear
  outputNorm: LayerNorm
}

interface Weights {
  words: Table
  positions: Table
  segments: Table | undefined
  embeddingNorm: LayerNorm
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

function planEncoder(config: Config, plan: WeightPlan): Weights {
  const { hiddenSize, intermediateSize } = config
  const names = config.family === 'distilbert' ? DISTILBERT_NAMES : BERT_NAMES
  // A checkpoint of the bare encoder has no prefix.
  const prefix = plan.has(`${config.family}.embeddings.word_embeddings.weight`) ? `${config.family}.` : ''
  const norm = (name: string): LayerNorm => ({
    weight: plan.vector(`${name}.weight`, hiddenSize),
    bias: plan.vector(`${name}.bias`, hiddenSize),
    eps: config.eps,
  })
  const embeddings = `${prefix}embeddings`
  return {
    words: plan.table(`${embeddings}.word_embeddings.weight`, config.vocabSize, hiddenSize),
    positions: plan.table(`${embeddings}.position_embeddings.weight`, config.positions, hiddenSize, 'fp32'),
    segments:
      config.segments > 0
        ? plan.table(`${embeddings}.token_type_embeddings.weight`, config.segments, hiddenSize, 'fp32')
        : undefined,
    embeddingNorm: norm(`${embeddings}.LayerNorm`),
    layers: Array.from({ length: config.layers }, (_, i) => {
      const layer = `${prefix}${names.layer}.${i}`
      return {
        attentionInput: plan.linear(
          names.attentionInput.map((name) => `${layer}.${name}`),
          hiddenSize,
          hiddenSize,
        ),
        attentionOutput: plan.linear(`${layer}.${names.attentionOutput}`, hiddenSize, hiddenSize),
        attentionNorm: norm(`${layer}.${names.attentionNorm}`),
        intermediate: plan.linear(`${layer}.${names.intermediate}`, intermediateSize, hiddenSize),
        output: plan.linear(`${layer}.${names.output}`, hiddenSize, intermediateSize),
        outputNorm: norm(`${layer}.${names.outputNorm}`),
      }
    }),
  }
}

/** The head's layers; each is computed once a sequence, so it stays in full precision. */
interface Head {
  dense: Linear | undefined
  activation: Activation
  classifier: Linear
}

function planHead(config: Config, plan: WeightPlan, classes: number): Head {
  const { hiddenSize } = config
  const dense = (name: string) => plan.linear(name, hiddenSize, hiddenSize, 'fp32')
  const classifier = (name: string) => plan.linear(name, classes, hiddenSize, 'fp32')
  switch (config.family) {
    case 'bert':
      return {
        // Training without a pooler is common with mean pooling; BERT's own checkpoints all have one.
        dense:
          config.pooling === 'mean' && !plan.has('bert.pooler.dense.weight')
            ? undefined
            : dense('bert.pooler.dense'),
        activation: 'tanh',
        classifier: classifier('classifier'),
      }
    case 'distilbert':
      return { dense: dense('pre_classifier'), activation: 'relu', classifier: classifier('classifier') }
    case 'roberta':
      return {
        dense: dense('classifier.dense'),
        activation: 'tanh',
        classifier: classifier('classifier.out_proj'),
      }
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
  const { hiddenSize, heads, intermediateSize } = config
  const { scratch } = engine.memory
  const tokens = sequences.reduce((sum, { inputIds }) => sum + inputIds.length, 0)

  const hidden = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]
  const next = scratch.floats(tokens * hiddenSize) // [tokens, hiddenSize]
  const attentionInput = scratch.floats(tokens * 3 * hiddenSize) // [tokens, 3, heads, headDim]
  const context = scratch.floats(tokens * hiddenSize) // [tokens, heads, headDim]
  const intermediate = scratch.floats(tokens * intermediateSize) // [tokens, intermediateSize]

  engine.memory.f32(hidden, tokens * hiddenSize).fill(0)
  let offset = 0
  for (const { inputIds, tokenTypeIds } of sequences) {
    const out = hidden + offset * hiddenSize * 4
    engine.addRows(weights.words, inputIds, out)
    engine.addRows(weights.positions, positionIds(inputIds, config), out)
    if (weights.segments)
      engine.addRows(weights.segments, tokenTypeIds ?? new Int32Array(inputIds.length), out)
    offset += inputIds.length
  }
  engine.layerNorm(hidden, 0, weights.embeddingNorm, tokens, hiddenSize)

  for (const layer of weights.layers) {
    engine.linear(hidden, tokens, layer.attentionInput, attentionInput)
    offset = 0
    for (const { inputIds } of sequences) {
      const queries = attentionInput + offset * 3 * hiddenSize * 4
      engine.attention(
        {
          queries,
          keys: queries + hiddenSize * 4,
          values: queries + 2 * hiddenSize * 4,
          stride: 3 * hiddenSize,
          queryTokens: inputIds.length,
          keyTokens: inputIds.length,
          heads,
          headDim: hiddenSize / heads,
        },
        context + offset * hiddenSize * 4,
      )
      offset += inputIds.length
    }
    engine.linear(context, tokens, layer.attentionOutput, next)
    engine.layerNorm(next, hidden, layer.attentionNorm, tokens, hiddenSize)

    engine.linear(next, tokens, layer.intermediate, intermediate)
    engine.activate(config.activation, intermediate, tokens * intermediateSize)
    engine.linear(intermediate, tokens, layer.output, hidden)
    engine.layerNorm(hidden, next, layer.outputNorm, tokens, hiddenSize)
  }
  return hidden
}

/** Class logits of one sequence from its hidden states [tokens, hiddenSize]. */
function classify(engine: Engine, config: Config, head: Head, hidden: number, tokens: number): Float32Array {
  const { hiddenSize } = config
  const { scratch } = engine.memory
  let pooled = hidden // the first token's [hiddenSize]
  if (config.pooling === 'mean') {
    pooled = scratch.floats(hiddenSize)
    engine.mean(hidden, tokens, hiddenSize, pooled)
  }
  if (head.dense) {
    const dense = scratch.floats(hiddenSize)
    engine.linear(pooled, 1, head.dense, dense)
    engine.activate(head.activation, dense, hiddenSize)
    pooled = dense
  }
  const classes = head.classifier.rows
  const logits = scratch.floats(classes)
  engine.linear(pooled, 1, head.classifier, logits)
  return engine.memory.f32(logits, classes).slice()
}

function sequenceClassifier(rawConfig: unknown, plan: WeightPlan): SequenceClassifier {
  const config = parseConfig(anyConfig, rawConfig)
  if (config.hiddenSize % config.heads !== 0)
    throw new EdgewiseError(
      'config_invalid',
      `config.json: hidden_size ${config.hiddenSize} is not a multiple of num_attention_heads ${config.heads}.`,
      'Use the config.json that was published with the weights.',
    )
  const labels = Object.keys(config.id2label)
    .sort((a, b) => Number(a) - Number(b))
    .map((id) => config.id2label[id]!)
  const weights = planEncoder(config, plan)
  const head = planHead(config, plan, labels.length)

  return {
    labels,
    // RoBERTa's first padTokenId + 1 positions are never used by text.
    contextLength: config.positions - (config.family === 'roberta' ? config.padTokenId + 1 : 0),
    forward: (engine, sequences) =>
      engine.memory.scratch.scope(() => {
        const hidden = encode(engine, config, weights, sequences)
        let offset = 0
        return sequences.map(({ inputIds }) => {
          const own = hidden + offset * config.hiddenSize * 4
          offset += inputIds.length
          return classify(engine, config, head, own, inputIds.length)
        })
      }),
  }
}

export const bert: Architecture = { modelTypes: ['bert', 'distilbert', 'roberta'], sequenceClassifier }

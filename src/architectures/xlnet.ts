/**
 * XLNet (Yang et al. 2019, https://arxiv.org/abs/1906.08237): a language model over random orders of its tokens, so
 * that it learns from both sides of a word without masking any; fine-tuned, it is an encoder like BERT. Two streams of
 * hidden states share all weights: in the content stream a token sees itself, and the query stream knows a target's
 * position but not its token. Relative positions and the memory are those of Transformer-XL (Dai et al. 2019,
 * https://arxiv.org/abs/1901.02860).
 */
import * as z from 'zod'
import type { KeysValues } from '../engine/cache.ts'
import type { Engine, FeedForward, LayerNorm } from '../engine/engine.ts'
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
  type PermutationArchitecture,
  type PermutationLm,
  type PermutationStep,
  parseConfig,
  type SegmentMemory,
} from './architecture.ts'

// ---------------------------------------------------------------------------------------------------- config

const xlnetConfig = z
  .object({
    model_type: z.literal('xlnet'),
    vocab_size: count,
    // Half of it is sines of the positions, half cosines.
    d_model: count.multipleOf(2),
    n_layer: count,
    n_head: count,
    d_head: count.optional(),
    d_inner: count,
    ff_activation: activation.default('gelu'),
    layer_norm_eps: z.number().positive().default(1e-12),
    /** 'uni': a token sees none that follow it, and with same_length as many before it as the memory is long. */
    attn_type: z.enum(['bi', 'uni']).default('bi'),
    same_length: z.boolean().default(false),
    /** Distances beyond it count as it; none if not positive. */
    clamp_len: z.int().default(-1),
    /** Most tokens of a memory; all if null or 0. */
    mem_len: z.int().min(0).nullable().default(512),
    /** How many of a segment's tokens, from its first on, enter the memory; all if null or 0. */
    reuse_len: z.int().nullish(),
    tie_word_embeddings: z.boolean().default(true),
    /** What a classifier sees of a sequence; 'cls_index' is the last token where nobody names another. */
    summary_type: z.enum(['last', 'first', 'mean', 'cls_index']).default('last'),
    summary_use_proj: z.boolean().default(true),
    summary_activation: activation.nullable().default('tanh'),
    id2label: classNames,
  })
  .transform((config, context) => {
    const headDim = config.d_head ?? config.d_model / config.n_head
    if (!Number.isInteger(headDim)) {
      context.addIssue(`d_model ${config.d_model} is not a multiple of n_head ${config.n_head}`)
      return z.NEVER
    }
    return {
      vocabSize: config.vocab_size,
      hiddenSize: config.d_model,
      layers: config.n_layer,
      heads: config.n_head,
      headDim,
      intermediateSize: config.d_inner,
      activation: config.ff_activation,
      eps: config.layer_norm_eps,
      causal: config.attn_type === 'uni',
      sameLength: config.same_length,
      clampLength: config.clamp_len > 0 ? config.clamp_len : Number.POSITIVE_INFINITY,
      memoryLength: config.mem_len || Number.POSITIVE_INFINITY,
      reuseLength: config.reuse_len && config.reuse_len > 0 ? config.reuse_len : Number.POSITIVE_INFINITY,
      tied: config.tie_word_embeddings,
      summary: config.summary_type === 'cls_index' ? 'last' : config.summary_type,
      summaryProjected: config.summary_use_proj,
      summaryActivation: config.summary_activation,
      classes: config.id2label,
    }
  })
type Config = z.output<typeof xlnetConfig>

// --------------------------------------------------------------------------------------------------- weights

interface Layer {
  queries: Linear
  /** Keys and values in one product. The queries are apart: the memory has none, and the query stream only these. */
  keysValues: Linear
  /** From the embedding of a distance. */
  positionKeys: Linear
  attentionOutput: Linear
  /** [2, heads, headDim]: the key of a token in the query's own segment, and in another. */
  segmentKeys: number
  /** [heads, headDim], added to the queries of each kind of key: Transformer-XL's u and v, and XLNet's b. */
  contentBias: number
  positionBias: number
  segmentBias: number
  attentionNorm: LayerNorm
  feedForward: FeedForward
  outputNorm: LayerNorm
}

interface Weights {
  words: Table
  /** [1, hiddenSize]: what the query stream starts with. */
  mask: Table
  layers: Layer[]
}

/** A checkpoint of the bare model has no prefix. */
const prefixOf = (plan: WeightPlan) => (plan.has('transformer.mask_emb') ? 'transformer.' : '')

/** Tensors that are tied are stored once, under either name. */
function wordsName(plan: WeightPlan): string {
  const own = `${prefixOf(plan)}word_embedding`
  return !plan.has(`${own}.weight`) && plan.has('lm_loss.weight') ? 'lm_loss' : own
}

function planLayers(config: Config, plan: WeightPlan, words: Table): Weights {
  const { hiddenSize, heads, headDim, intermediateSize } = config
  const inner = heads * headDim
  const prefix = prefixOf(plan)
  const norm = (name: string): LayerNorm => ({
    weight: plan.vector(`${name}.weight`, hiddenSize),
    bias: plan.vector(`${name}.bias`, hiddenSize),
    eps: config.eps,
  })
  return {
    words,
    mask: plan.table(`${prefix}mask_emb`, 1, hiddenSize, 'fp32'),
    layers: Array.from({ length: config.layers }, (_, i): Layer => {
      const attention = `${prefix}layer.${i}.rel_attn`
      const dense = `${prefix}layer.${i}.ff`
      // Stored as [hiddenSize, heads, headDim].
      const project = (...names: string[]) =>
        plan.linear(
          names.map((name) => `${attention}.${name}`),
          inner,
          hiddenSize,
          { transposed: true, suffix: '' },
        )
      const rows = (name: string, n: number, columns: number) =>
        plan.table(`${attention}.${name}`, n, columns, 'fp32').weight
      return {
        queries: project('q'),
        keysValues: project('k', 'v'),
        positionKeys: project('r'),
        attentionOutput: plan.linear(`${attention}.o`, hiddenSize, inner, { suffix: '' }),
        segmentKeys: rows('seg_embed', 2, inner),
        contentBias: rows('r_w_bias', heads, headDim),
        positionBias: rows('r_r_bias', heads, headDim),
        segmentBias: rows('r_s_bias', heads, headDim),
        attentionNorm: norm(`${attention}.layer_norm`),
        feedForward: {
          first: plan.linear(`${dense}.layer_1`, intermediateSize, hiddenSize),
          activation: config.activation,
          second: plan.linear(`${dense}.layer_2`, hiddenSize, intermediateSize),
        },
        outputNorm: norm(`${dense}.layer_norm`),
      }
    }),
  }
}

/** What follows the hidden states: a classifier's summary has a layer of its own. */
interface Head {
  summary: Linear | undefined
  output: Linear | undefined
}

function planHead(task: EncoderTask, config: Config, plan: WeightPlan): Head {
  const { hiddenSize } = config
  // A classifier's head is computed once a sequence, so it stays in full precision.
  const linear = (name: string, rows: number) => plan.linear(name, rows, hiddenSize, { precision: 'fp32' })
  const classes = labelsOf(task, config.classes).length
  switch (task) {
    case 'sequence-classification':
      return {
        summary: config.summaryProjected ? linear('sequence_summary.summary', hiddenSize) : undefined,
        output: linear('logits_proj', classes),
      }
    case 'token-classification':
      return { summary: undefined, output: linear('classifier', classes) }
    case 'question-answering':
      return { summary: undefined, output: linear('qa_outputs', classes) }
    case 'hidden-states':
      return { summary: undefined, output: undefined }
    case 'masked-lm':
      throw new EdgewiseError(
        'architecture_unsupported',
        'XLNet has no masked language model: it predicts words by permutations.',
        'Ask for a permutationLm, and name the words as its targets.',
      )
  }
}

// ----------------------------------------------------------------------------------------------- permutations

/**
 * The permMask [tokens, tokens] of a factorization order: a token sees those that come before it in the order.
 * @param ranks place of each position in the order, e.g. [2, 0, 1]: the last token is the second to be predicted
 */
export function maskOfOrder(ranks: ArrayLike<number>): Uint8Array {
  const tokens = ranks.length
  return Uint8Array.from({ length: tokens * tokens }, (_, at) => {
    const [i, j] = [Math.floor(at / tokens), at % tokens]
    return ranks[j]! >= ranks[i]! ? 1 : 0
  })
}

/** A segment and its place among all that are computed together. */
interface Placed {
  step: PermutationStep
  tokens: number
  memoryTokens: number
  /** Keys: those of the memory, then the tokens'. */
  keys: number
  firstKey: number
  /** Position of each query: the content stream's are the tokens', the query stream's the targets'. */
  positions: number[]
  /** The first of the queries' rows. */
  firstRow: number
}

function place(config: Config, steps: PermutationStep[]): Placed[] {
  let [firstRow, firstKey] = [0, 0]
  return steps.map((step) => {
    checkStep(config, step)
    const tokens = step.inputIds.length
    const memoryTokens = step.memory ? step.memory[0]!.length / config.hiddenSize : 0
    const keys = memoryTokens + tokens
    const positions = [...Array(tokens).keys(), ...Array.from(step.targets ?? [])]
    const placed = { step, tokens, memoryTokens, keys, firstKey, positions, firstRow }
    firstRow += positions.length
    firstKey += keys
    return placed
  })
}

function checkStep({ layers, hiddenSize }: Config, step: PermutationStep): void {
  const { inputIds, tokenTypeIds, permMask, targets, memory } = step
  const tokens = inputIds.length
  const wrong = (what: string, hint: string) => new EdgewiseError('invalid_input', what, hint)
  if (tokens === 0) throw wrong('A segment has no tokens.', 'Give at least one token.')
  if (tokenTypeIds && tokenTypeIds.length !== tokens)
    throw wrong(`${tokenTypeIds.length} token types for ${tokens} tokens.`, 'Give one a token.')
  if (permMask && permMask.length !== tokens * tokens)
    throw wrong(
      `A permMask of ${permMask.length} values for ${tokens} tokens.`,
      `Give ${tokens} rows of ${tokens}, one after another.`,
    )
  const outside = Array.from(targets ?? []).find((at) => !(Number.isInteger(at) && at >= 0 && at < tokens))
  if (outside !== undefined)
    throw wrong(`Target ${outside} is not a position of ${tokens} tokens.`, 'Count positions from 0.')
  if (!memory) return
  const size = memory[0]?.length ?? 0
  if (memory.length !== layers || size % hiddenSize !== 0 || memory.some(({ length }) => length !== size))
    throw wrong(
      'The memory is not of this model.',
      `Give the ${layers} layers that the segment before returned, as they are.`,
    )
}

/** The memory behind a segment: the last tokens of the one before and of what a layer was given. */
function remember(config: Config, past: Float32Array | undefined, entered: Float32Array): Float32Array {
  const { hiddenSize, memoryLength, reuseLength } = config
  const size = past?.length ?? 0
  const reused = entered.subarray(0, reuseLength * hiddenSize)
  const all = new Float32Array(size + reused.length)
  if (past) all.set(past)
  all.set(reused, size)
  return all.length > memoryLength * hiddenSize ? all.slice(-memoryLength * hiddenSize) : all
}

// --------------------------------------------------------------------------------------------------- forward

/** The distances from a query back to a key, from the farthest on down. */
interface Distances {
  farthest: number
  length: number
}

function distancesOf(segments: Placed[]): Distances {
  const farthest = Math.max(1, ...segments.map(({ keys }) => keys)) - 1
  const nearest = 1 - Math.max(1, ...segments.map(({ tokens }) => tokens))
  return { farthest, length: farthest - nearest + 1 }
}

/** Their sines and cosines, [distances, hiddenSize]. */
function embedDistances(engine: Engine, config: Config, { farthest, length }: Distances): number {
  const { hiddenSize, clampLength } = config
  const half = hiddenSize / 2
  const frequencies = Float32Array.from({ length: half }, (_, i) => 1 / 10000 ** (i / half))
  const address = engine.memory.scratch.floats(length * hiddenSize)
  const embedded = engine.memory.f32(address, length * hiddenSize)
  for (let row = 0; row < length; row++) {
    const distance = Math.max(-clampLength, Math.min(clampLength, farthest - row))
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(distance * frequencies[i]!)
      embedded[row * hiddenSize + i] = Math.sin(angle)
      embedded[row * hiddenSize + half + i] = Math.cos(angle)
    }
  }
  return address
}

/** Keys that all segments share, packed: [heads][keys / 8][headDim][8]. */
interface SharedKeys {
  keys: number
  keyHeadStride: number
}

/** What a layer attends with: three kinds of query, each with its bias, [rows, heads, headDim]. */
interface RelativeAttention {
  contentQueries: number
  positionQueries: number
  segmentQueries: number
  /** [keys, 2, heads, headDim] */
  keysValues: number
  distances: Distances
  positionKeys: SharedKeys
  segmentKeys: SharedKeys
}

/** Queries whose biases are in memory at once. */
const QUERY_BLOCK = 64
/** Less than any score, and far from the largest float. */
const UNSEEN = -1e30

/** context[rows, heads, headDim] = attention of each segment's queries to its memory and its tokens. */
function attend(
  engine: Engine,
  config: Config,
  layer: RelativeAttention,
  segments: Placed[],
  context: number,
): void {
  const { scratch } = engine.memory
  const { heads, headDim } = config
  const inner = heads * headDim
  for (const segment of segments)
    scratch.scope(() => {
      const keys = layer.keysValues + segment.firstKey * 2 * inner * 4
      const content = engine.keysAndValues(keys, keys + inner * 4, 2 * inner, segment.keys, heads, headDim)
      for (let first = 0; first < segment.positions.length; first += QUERY_BLOCK)
        scratch.scope(() => attendBlock(engine, config, layer, segment, first, content, context))
    })
}

/**
 * A block of a segment's queries, from `first` on. Their scores are Transformer-XL's (section 3.3) with XLNet's segments
 * (section 2.5): (q_i + u) k_j + (q_i + v) r_(i-j) + (q_i + b) s_ij.
 */
function attendBlock(
  engine: Engine,
  config: Config,
  layer: RelativeAttention,
  segment: Placed,
  first: number,
  content: KeysValues,
  context: number,
): void {
  const { kernels, memory } = engine
  const { heads, headDim } = config
  const { tokens, memoryTokens, keys } = segment
  const { tokenTypeIds, permMask } = segment.step
  const inner = heads * headDim
  const positions = segment.positions.slice(first, first + QUERY_BLOCK)
  const queryTokens = positions.length
  const offset = (segment.firstRow + first) * inner * 4
  const bias = memory.scratch.floats(heads * queryTokens * keys) // [heads, queryTokens, keys]

  /** [heads, queryTokens, count]: the block's queries times shared keys from a multiple of 8 on. */
  const products = (queries: number, shared: SharedKeys, from: number, count: number): number => {
    const out = memory.scratch.floats(heads * queryTokens * count)
    const tile = memory.scratch.floats(32)
    for (let head = 0; head < heads; head++) {
      const own = queries + offset + head * headDim * 4
      const panels = shared.keys + (head * shared.keyHeadStride + from * headDim) * 4
      const to = out + head * queryTokens * count * 4
      kernels.matmulF32(own, inner, panels, 8 * headDim, 8, 0, to, count, queryTokens, count, headDim, tile)
    }
    return out
  }

  // (q_i + v) r_(i-j): position keys lie by falling distance, so those of a query are consecutive, and where they start
  // moves with its position. Copying each row from its start on is the relative shift.
  const starts = positions.map((position) => layer.distances.farthest - (memoryTokens + position))
  const from = Math.min(...starts) & ~7
  const width = Math.max(...starts) + keys - from
  const shifted = products(layer.positionQueries, layer.positionKeys, from, width) // [heads, queryTokens, width]
  for (let row = 0; row < heads * queryTokens; row++) {
    const start = shifted + (row * width + starts[row % queryTokens]! - from) * 4
    kernels.copyRows(start, width, bias + row * keys * 4, keys, 1, keys)
  }

  // (q_i + b) s_ij: one key for the query's own segment, another for any other.
  if (tokenTypeIds) {
    const term = products(layer.segmentQueries, layer.segmentKeys, 0, 2) // [heads, queryTokens, 2]
    const terms = memory.f32(term, heads * queryTokens * 2)
    const biases = memory.f32(bias, heads * queryTokens * keys)
    const ofKeys = Int32Array.from({ length: keys }, (_, j) => tokenTypeIds[j - memoryTokens] ?? 0)
    for (let row = 0; row < heads * queryTokens; row++) {
      const ofQuery = tokenTypeIds[positions[row % queryTokens]!]
      const [same, other] = [terms[row * 2]!, terms[row * 2 + 1]!]
      for (let j = 0; j < keys; j++) biases[row * keys + j]! += ofKeys[j] === ofQuery ? same : other
    }
  }

  // In the content stream a token sees itself, whatever the mask.
  if (permMask || config.causal) {
    const biases = memory.f32(bias, heads * queryTokens * keys)
    positions.forEach((position, i) => {
      const own = first + i < tokens ? memoryTokens + position : -1
      for (let j = 0; j < keys; j++) {
        const masked = j >= memoryTokens && permMask?.[position * tokens + j - memoryTokens]
        const later = config.causal && j > memoryTokens + position
        const tooEarly = config.causal && config.sameLength && j < position
        if (j !== own && (masked || later || tooEarly))
          for (let row = i; row < heads * queryTokens; row += queryTokens) biases[row * keys + j] = UNSEEN
      }
    })
  }

  engine.attention(
    {
      ...content,
      ...{ queries: layer.contentQueries + offset, queryStride: inner, queryTokens, heads, headDim },
      bias: { address: bias, stride: keys, headStride: queryTokens * keys },
    },
    context + offset,
  )
}

/**
 * Hidden states of the last layer [rows, hiddenSize], segments one after another, each its content stream and then its
 * query stream. `entering` is shown the states that enter each layer.
 */
function encode(
  engine: Engine,
  config: Config,
  weights: Weights,
  segments: Placed[],
  entering?: (states: number) => void,
): number {
  const { hiddenSize, heads, headDim } = config
  const { kernels, memory } = engine
  const { scratch } = memory
  const inner = heads * headDim
  const rows = segments.reduce((sum, { positions }) => sum + positions.length, 0)
  const keys = segments.reduce((sum, segment) => sum + segment.keys, 0)
  // Without memories and targets, what is attended to is all that there is.
  const apart = segments.some(({ step }) => step.memory || step.targets)

  const states = scratch.floats(rows * hiddenSize) // [rows, hiddenSize]
  const next = scratch.floats(rows * hiddenSize) // [rows, hiddenSize]
  const attended = apart ? scratch.floats(keys * hiddenSize) : states // [keys, hiddenSize]
  const contentQueries = scratch.floats(rows * inner) // [rows, heads, headDim]
  const positionQueries = scratch.floats(rows * inner) // [rows, heads, headDim]
  const segmentQueries = scratch.floats(rows * inner) // [rows, heads, headDim]
  const keysValues = scratch.floats(keys * 2 * inner) // [keys, 2, heads, headDim]
  const context = scratch.floats(rows * inner) // [rows, heads, headDim]
  const distances = distancesOf(segments)
  const embeddedDistances = embedDistances(engine, config, distances) // [distances, hiddenSize]
  const positionKeys = scratch.floats(distances.length * inner) // [distances, heads, headDim]

  /** queries[rows, heads, headDim] += bias[heads, headDim]: a stride of 0 adds the same row to each. */
  const addBias = (queries: number, bias: number) => kernels.addMatrix(queries, inner, bias, 0, rows, inner)
  const shared = (own: number, n: number): SharedKeys =>
    engine.keysAndValues(own, own, inner, n, heads, headDim)

  memory.f32(states, rows * hiddenSize).fill(0)
  for (const { step, tokens, positions, firstRow } of segments) {
    const out = states + firstRow * hiddenSize * 4
    engine.addRows(weights.words, step.inputIds, out)
    engine.addRows(weights.mask, new Int32Array(positions.length - tokens), out + tokens * hiddenSize * 4)
  }

  weights.layers.forEach((layer, i) => {
    entering?.(states)
    if (apart)
      for (const { step, tokens, memoryTokens, firstRow, firstKey } of segments) {
        const out = attended + firstKey * hiddenSize * 4
        if (step.memory) memory.f32(out, memoryTokens * hiddenSize).set(step.memory[i]!)
        const own = out + memoryTokens * hiddenSize * 4
        kernels.copyRows(states + firstRow * hiddenSize * 4, hiddenSize, own, hiddenSize, tokens, hiddenSize)
      }
    engine.linear(attended, keys, layer.keysValues, keysValues)
    engine.linear(embeddedDistances, distances.length, layer.positionKeys, positionKeys)
    engine.linear(states, rows, layer.queries, contentQueries)
    kernels.copyRows(contentQueries, inner, positionQueries, inner, rows, inner)
    kernels.copyRows(contentQueries, inner, segmentQueries, inner, rows, inner)
    addBias(contentQueries, layer.contentBias)
    addBias(positionQueries, layer.positionBias)
    addBias(segmentQueries, layer.segmentBias)
    scratch.scope(() => {
      const relative: RelativeAttention = {
        ...{ contentQueries, positionQueries, segmentQueries, keysValues, distances },
        positionKeys: shared(positionKeys, distances.length),
        segmentKeys: shared(layer.segmentKeys, 2),
      }
      attend(engine, config, relative, segments, context)
    })
    engine.linear(context, rows, layer.attentionOutput, next)
    engine.layerNorm(next, states, layer.attentionNorm, rows, hiddenSize)

    engine.feedForward(next, rows, layer.feedForward, states)
    engine.layerNorm(states, next, layer.outputNorm, rows, hiddenSize)
  })
  return states
}

/** The one row that a classifier sees of a sequence's hidden states [tokens, hiddenSize]. */
function summarize(engine: Engine, config: Config, head: Head, hidden: number, tokens: number): number {
  const { hiddenSize } = config
  const { scratch } = engine.memory
  let row = scratch.floats(hiddenSize) // [hiddenSize]
  if (config.summary === 'mean') engine.mean(hidden, tokens, hiddenSize, row)
  else {
    const at = config.summary === 'last' ? tokens - 1 : 0
    engine.kernels.copyRows(hidden + at * hiddenSize * 4, hiddenSize, row, hiddenSize, 1, hiddenSize)
  }
  if (head.summary) {
    const projected = scratch.floats(hiddenSize) // [hiddenSize]
    engine.linear(row, 1, head.summary, projected)
    row = projected
  }
  if (config.summaryActivation) engine.activate(config.summaryActivation, row, hiddenSize)
  return row
}

/** Values [rows, layer.rows] of a last layer, or the hidden states [rows, hiddenSize] themselves. */
function valuesOf(engine: Engine, config: Config, layer: Linear | undefined, hidden: number, rows: number) {
  const { memory } = engine
  if (!layer) return memory.f32(hidden, rows * config.hiddenSize).slice()
  return memory.scratch.scope(() => {
    const out = memory.scratch.floats(rows * layer.rows)
    engine.linear(hidden, rows, layer, out)
    return memory.f32(out, rows * layer.rows).slice()
  })
}

function encoder(task: EncoderTask, rawConfig: unknown, plan: WeightPlan): EncoderModel {
  const config = parseConfig(xlnetConfig, rawConfig)
  const head = planHead(task, config, plan)
  const words = plan.table(`${wordsName(plan)}.weight`, config.vocabSize, config.hiddenSize)
  const weights = planLayers(config, plan, words)
  return {
    labels: labelsOf(task, config.classes),
    width: head.output?.rows ?? config.hiddenSize,
    contextLength: Number.POSITIVE_INFINITY,
    // They are compared, not looked up: any number does, and two are trained.
    tokenTypes: 2,
    forward: (engine, sequences) =>
      engine.memory.scratch.scope(() => {
        const segments = place(config, sequences)
        const states = encode(engine, config, weights, segments)
        return segments.map(({ tokens, firstRow }) =>
          engine.memory.scratch.scope(() => {
            const hidden = states + firstRow * config.hiddenSize * 4
            if (task !== 'sequence-classification')
              return valuesOf(engine, config, head.output, hidden, tokens)
            const row = summarize(engine, config, head, hidden, tokens)
            return valuesOf(engine, config, head.output, row, 1)
          }),
        )
      }),
  }
}

function permutationLm(rawConfig: unknown, plan: WeightPlan): PermutationLm {
  const config = parseConfig(xlnetConfig, rawConfig)
  const { vocabSize, hiddenSize } = config
  const separate = !config.tied && plan.has('lm_loss.weight')
  const output = plan.linear(separate ? 'lm_loss' : wordsName(plan), vocabSize, hiddenSize, {
    bias: 'lm_loss.bias',
  })
  const words = separate
    ? plan.table(`${wordsName(plan)}.weight`, vocabSize, hiddenSize)
    : plan.rowsOf(output)
  const weights = planLayers(config, plan, words)
  return {
    vocabularySize: vocabSize,
    forward: (engine, steps) =>
      engine.memory.scratch.scope(() => {
        const segments = place(config, steps)
        const memories: SegmentMemory[] = steps.map(() => [])
        const states = encode(engine, config, weights, segments, (entering) =>
          segments.forEach(({ step, tokens, firstRow }, s) => {
            const own = memories[s]!
            const entered = engine.memory.f32(entering + firstRow * hiddenSize * 4, tokens * hiddenSize)
            own.push(remember(config, step.memory?.[own.length], entered))
          }),
        )
        return segments.map(({ step, tokens, positions, firstRow }, s) => {
          const skipped = step.targets ? tokens : 0
          const hidden = states + (firstRow + skipped) * hiddenSize * 4
          const logits = valuesOf(engine, config, output, hidden, positions.length - skipped)
          return { logits, memory: memories[s]! }
        })
      }),
  }
}

const modelTypes = ['xlnet']
export const xlnetEncoder: EncoderArchitecture = { modelTypes, encoder }
export const xlnetPermutationLm: PermutationArchitecture = { modelTypes, permutationLm }

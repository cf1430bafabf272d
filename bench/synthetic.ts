/** Checkpoints of any size with seeded random weights, for measurements where only the shapes matter. */

export interface Checkpoint {
  config: Record<string, unknown>
  /** A safetensors file. */
  weights: Uint8Array<ArrayBuffer>
}

/** Normally distributed floats by Box and Muller, from a linear congruential generator. */
function normal(seed: number): () => number {
  let state = seed
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state + 1) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}

/** Rows of int8 whose values spread like trained weights: the largest is about 3.5 standard deviations. */
function int8Rows(n: number, draw: () => number): Int8Array {
  // A table of draws is quick to copy from; its length shares no factor with a row's.
  const table = Int8Array.from({ length: 65_537 }, () =>
    Math.max(-127, Math.min(127, Math.round(36 * draw()))),
  )
  const rows = new Int8Array(n)
  for (let at = 0; at < n; at += table.length) rows.set(table.subarray(0, n - at), at)
  return rows
}

type Tensors = [name: string, shape: number[], kind: 'matrix' | 'ones' | 'zeros' | 'floats'][]

function safetensors(tensors: Tensors, seed: number): Uint8Array<ArrayBuffer> {
  const draw = normal(seed)
  const header: Record<string, unknown> = {}
  const parts: Uint8Array[] = []
  let offset = 0
  const add = (name: string, dtype: string, shape: number[], data: Int8Array | Float32Array) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] }
    parts.push(bytes)
    offset += bytes.length
  }
  for (const [name, shape, kind] of tensors) {
    const size = shape.reduce((a, b) => a * b, 1)
    if (kind === 'matrix') {
      // Outputs of unit variance for inputs of unit variance.
      const scale = 1 / (36 * Math.sqrt(shape[1]!))
      add(`${name}.scale`, 'F32', [shape[0]!], new Float32Array(shape[0]!).fill(scale))
      add(name, 'I8', shape, int8Rows(size, draw))
    } else if (kind === 'floats')
      add(
        name,
        'F32',
        shape,
        Float32Array.from({ length: size }, () => 0.1 * draw()),
      )
    else add(name, 'F32', shape, new Float32Array(size).fill(kind === 'ones' ? 1 : 0))
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const file = new Uint8Array(8 + text.length + offset)
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true)
  file.set(text, 8)
  let at = 8 + text.length
  for (const part of parts) {
    file.set(part, at)
    at += part.length
  }
  return file
}

export interface BertSize {
  layers: number
  hidden: number
  /** Absent: 64 values a head. */
  heads?: number
  vocabulary?: number
  positions?: number
  activation?: 'relu' | 'gelu'
}

/** A BERT classifier of three classes with mean pooling. */
export function syntheticBert({
  layers,
  hidden,
  heads = hidden / 64,
  vocabulary = 8192,
  positions = 1024,
  activation = 'relu',
}: BertSize): Checkpoint {
  const wide = 4 * hidden
  const norm = (name: string): Tensors => [
    [`${name}.weight`, [hidden], 'ones'],
    [`${name}.bias`, [hidden], 'zeros'],
  ]
  const linear = (name: string, rows: number, columns: number): Tensors => [
    [`${name}.weight`, [rows, columns], 'matrix'],
    [`${name}.bias`, [rows], 'zeros'],
  ]
  const embeddings = 'bert.embeddings'
  const tensors: Tensors = [
    [`${embeddings}.word_embeddings.weight`, [vocabulary, hidden], 'matrix'],
    [`${embeddings}.position_embeddings.weight`, [positions, hidden], 'floats'],
    [`${embeddings}.token_type_embeddings.weight`, [2, hidden], 'floats'],
    ...norm(`${embeddings}.LayerNorm`),
    ...Array.from({ length: layers }, (_, i) => {
      const layer = `bert.encoder.layer.${i}`
      return [
        ...['query', 'key', 'value'].flatMap((part) =>
          linear(`${layer}.attention.self.${part}`, hidden, hidden),
        ),
        ...linear(`${layer}.attention.output.dense`, hidden, hidden),
        ...norm(`${layer}.attention.output.LayerNorm`),
        ...linear(`${layer}.intermediate.dense`, wide, hidden),
        ...linear(`${layer}.output.dense`, hidden, wide),
        ...norm(`${layer}.output.LayerNorm`),
      ]
    }).flat(),
    ['classifier.weight', [3, hidden], 'floats'],
    ['classifier.bias', [3], 'zeros'],
  ]
  return {
    config: {
      model_type: 'bert',
      architectures: ['BertForSequenceClassification'],
      vocab_size: vocabulary,
      hidden_size: hidden,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      intermediate_size: wide,
      max_position_embeddings: positions,
      type_vocab_size: 2,
      hidden_act: activation,
      layer_norm_eps: 1e-12,
      classifier_pooling: 'mean',
      id2label: { 0: 'negative', 1: 'neutral', 2: 'positive' },
    },
    weights: safetensors(tensors, 1),
  }
}

export interface LlamaSize {
  layers: number
  hidden: number
  heads: number
  /** Absent: as many as heads. */
  keyValueHeads?: number
  /** Absent: 8/3 of hidden, rounded up to 64. */
  intermediate?: number
  vocabulary: number
  positions: number
}

/** A Llama decoder whose output is tied to its embeddings. */
export function syntheticLlama({
  layers,
  hidden,
  heads,
  keyValueHeads = heads,
  intermediate = Math.ceil((hidden * 8) / 3 / 64) * 64,
  vocabulary,
  positions,
}: LlamaSize): Checkpoint {
  const keyValueSize = (hidden / heads) * keyValueHeads
  const tensors: Tensors = [
    ['model.embed_tokens.weight', [vocabulary, hidden], 'matrix'],
    ...Array.from({ length: layers }, (_, i): Tensors => {
      const layer = `model.layers.${i}`
      return [
        [`${layer}.input_layernorm.weight`, [hidden], 'ones'],
        [`${layer}.self_attn.q_proj.weight`, [hidden, hidden], 'matrix'],
        [`${layer}.self_attn.k_proj.weight`, [keyValueSize, hidden], 'matrix'],
        [`${layer}.self_attn.v_proj.weight`, [keyValueSize, hidden], 'matrix'],
        [`${layer}.self_attn.o_proj.weight`, [hidden, hidden], 'matrix'],
        [`${layer}.post_attention_layernorm.weight`, [hidden], 'ones'],
        [`${layer}.mlp.gate_proj.weight`, [intermediate, hidden], 'matrix'],
        [`${layer}.mlp.up_proj.weight`, [intermediate, hidden], 'matrix'],
        [`${layer}.mlp.down_proj.weight`, [hidden, intermediate], 'matrix'],
      ]
    }).flat(),
    ['model.norm.weight', [hidden], 'ones'],
  ]
  return {
    config: {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      vocab_size: vocabulary,
      hidden_size: hidden,
      intermediate_size: intermediate,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: keyValueHeads,
      max_position_embeddings: positions,
      hidden_act: 'silu',
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      tie_word_embeddings: true,
    },
    weights: safetensors(tensors, 1),
  }
}

/**
 * A Llama checkpoint as a GGUF file, llama.cpp's format (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): int8
 * matrices as Q8_0 with the same integers, their scales rounded to f16; norms in f32; a tokenizer that makes each character
 * a token, see textOf.
 */
import type { LlamaConfig } from './onnx-llama.ts'
import { type Checkpoint, dequantized, type Tensor, tensorOf } from './onnx-weights.ts'

const ALIGNMENT = 32
/** ggml_type */
const [F32, Q8_0] = [0, 8]
/** Values that share a scale. */
const BLOCK = 32
/** gguf_metadata_value_type */
const METADATA = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const
/** Token types of llama.cpp's vocabulary. */
const [NORMAL, UNKNOWN, CONTROL] = [1, 2, 3]
const SPECIAL = ['<unk>', '<s>', '</s>']

/** Where the characters begin that tokens are made of, and how many follow: Chinese, then Korean. */
const CHARACTERS = [
  [0x4e00, 20_992],
  [0xac00, 11_172],
] as const

/** The text of a token, one character for all but the special ones; there are 32,164. */
export function textOf(id: number): string {
  const [[chinese, count], [korean]] = CHARACTERS
  return SPECIAL[id] ?? String.fromCodePoint(id < count ? chinese + id : korean + id - count)
}

export function exportGguf(checkpoint: Checkpoint<LlamaConfig>): Blob {
  const { config } = checkpoint
  const heads = config.num_attention_heads
  const keyValueHeads = config.num_key_value_heads
  const { uint32, int32, float32, bool, string } = METADATA
  const words = Array.from({ length: config.vocab_size }, (_, id) => textOf(id))
  const metadata = [
    entry('general.architecture', string, 'llama'),
    entry('general.alignment', uint32, ALIGNMENT),
    entry('general.quantization_version', uint32, 2),
    entry('llama.context_length', uint32, config.max_position_embeddings),
    entry('llama.embedding_length', uint32, config.hidden_size),
    entry('llama.block_count', uint32, config.num_hidden_layers),
    entry('llama.feed_forward_length', uint32, config.intermediate_size),
    entry('llama.attention.head_count', uint32, heads),
    entry('llama.attention.head_count_kv', uint32, keyValueHeads),
    entry('llama.attention.layer_norm_rms_epsilon', float32, config.rms_norm_eps),
    entry('llama.rope.dimension_count', uint32, config.hidden_size / heads),
    entry('llama.rope.freq_base', float32, config.rope_theta),
    entry('llama.vocab_size', uint32, config.vocab_size),
    entry('tokenizer.ggml.model', string, 'llama'),
    entries('tokenizer.ggml.tokens', string, words),
    entries(
      'tokenizer.ggml.scores',
      float32,
      words.map(() => 0),
    ),
    entries(
      'tokenizer.ggml.token_type',
      int32,
      words.map((_, id) => [UNKNOWN, CONTROL, CONTROL][id] ?? NORMAL),
    ),
    entry('tokenizer.ggml.bos_token_id', uint32, 1),
    entry('tokenizer.ggml.eos_token_id', uint32, 2),
    entry('tokenizer.ggml.unknown_token_id', uint32, 0),
    entry('tokenizer.ggml.add_bos_token', bool, false),
    entry('tokenizer.ggml.add_eos_token', bool, false),
    entry('tokenizer.ggml.add_space_prefix', bool, false),
  ]

  const get = (name: string) => tensorOf(checkpoint, `model.${name}.weight`)
  const tensors: [name: string, tensor: Tensor][] = [
    ['token_embd', get('embed_tokens')],
    ['output_norm', get('norm')],
    ...(config.tie_word_embeddings
      ? []
      : [['output', tensorOf(checkpoint, 'lm_head.weight')] as [string, Tensor]]),
    ...Array.from({ length: config.num_hidden_layers }, (_, i): [string, Tensor][] => {
      const part = (name: string) => get(`layers.${i}.${name}`)
      return [
        [`blk.${i}.attn_norm`, part('input_layernorm')],
        [`blk.${i}.attn_q`, interleaved(part('self_attn.q_proj'), heads)],
        [`blk.${i}.attn_k`, interleaved(part('self_attn.k_proj'), keyValueHeads)],
        [`blk.${i}.attn_v`, part('self_attn.v_proj')],
        [`blk.${i}.attn_output`, part('self_attn.o_proj')],
        [`blk.${i}.ffn_norm`, part('post_attention_layernorm')],
        [`blk.${i}.ffn_gate`, part('mlp.gate_proj')],
        [`blk.${i}.ffn_up`, part('mlp.up_proj')],
        [`blk.${i}.ffn_down`, part('mlp.down_proj')],
      ]
    }).flat(),
  ]
  const infos: Bytes[] = []
  const data: Bytes[] = []
  let offset = 0
  for (const [name, tensor] of tensors) {
    const bytes = tensor.int8 ? q8(tensor) : bytesOf(Float32Array.from(dequantized(tensor)))
    infos.push(
      text(`${name}.weight`),
      number32(tensor.shape.length),
      ...tensor.shape.toReversed().map(number64),
      number32(tensor.int8 ? Q8_0 : F32),
      number64(offset),
    )
    const padded = padding(bytes.length)
    data.push(bytes, padded)
    offset += bytes.length + padded.length
  }
  const header = [
    new TextEncoder().encode('GGUF'),
    number32(3),
    number64(tensors.length),
    number64(metadata.length),
    ...metadata.flat(),
    ...infos,
  ]
  return new Blob([...header, padding(header.reduce((sum, { length }) => sum + length, 0)), ...data])
}

/**
 * Rows of queries or keys in llama.cpp's order: it rotates neighbours, where Hugging Face rotates a head's first half with
 * its second.
 */
function interleaved({ shape, int8, scale }: Tensor, heads: number): Tensor {
  const [rows, columns] = shape as [number, number]
  const half = rows / heads / 2
  const from = (row: number) => {
    const [head, within] = [Math.floor(row / (2 * half)), row % (2 * half)]
    return head * 2 * half + (within % 2) * half + (within >> 1)
  }
  const result = { shape, int8: new Int8Array(rows * columns), scale: new Float32Array(rows) }
  for (let row = 0; row < rows; row++) {
    result.scale[row] = scale![from(row)]!
    result.int8.set(int8!.subarray(from(row) * columns, (from(row) + 1) * columns), row * columns)
  }
  return result
}

/** Q8_0: blocks of an f16 scale and 32 int8. */
function q8({ shape, int8, scale }: Tensor): Bytes {
  const [rows, columns] = shape as [number, number]
  const blocks = columns / BLOCK
  const result = new Uint8Array(rows * blocks * (2 + BLOCK))
  const values = new Uint8Array(int8!.buffer, int8!.byteOffset, int8!.length)
  let at = 0
  for (let row = 0; row < rows; row++) {
    const half = float16(scale![row]!)
    for (let block = 0; block < blocks; block++, at += 2 + BLOCK) {
      result[at] = half & 255
      result[at + 1] = half >> 8
      const start = row * columns + block * BLOCK
      result.set(values.subarray(start, start + BLOCK), at + 2)
    }
  }
  return result
}

/** Bits of a positive number as a normal f16. */
function float16(value: number): number {
  const exponent = Math.floor(Math.log2(value))
  if (exponent < -14 || exponent > 15) throw new Error(`The scale ${value} is no normal f16`)
  // A mantissa that rounds up to 2 carries into the exponent.
  return ((exponent + 15) << 10) + Math.round((value / 2 ** exponent - 1) * 1024)
}

// ------------------------------------------------------------------------------------------------------ bytes

type Bytes = Uint8Array<ArrayBuffer>
type Scalar = Exclude<keyof typeof METADATA, 'array'>
type ScalarType = (typeof METADATA)[Scalar]

const bytesOf = (
  values: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>,
) => new Uint8Array(values.buffer)
const number32 = (value: number) => bytesOf(Uint32Array.of(value))
const number64 = (value: number) => bytesOf(BigUint64Array.of(BigInt(value)))
const padding = (length: number): Bytes => new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT)

function text(value: string): Bytes {
  const encoded = new TextEncoder().encode(value)
  const result = new Uint8Array(8 + encoded.length)
  result.set(number64(encoded.length))
  result.set(encoded, 8)
  return result
}

function scalar(type: ScalarType, value: number | string | boolean): Bytes {
  if (type === METADATA.string) return text(String(value))
  if (type === METADATA.float32) return bytesOf(Float32Array.of(Number(value)))
  return type === METADATA.bool ? Uint8Array.of(Number(value)) : number32(Number(value))
}
const entry = (key: string, type: ScalarType, value: number | string | boolean): Bytes[] => [
  text(key),
  number32(type),
  scalar(type, value),
]
const entries = (key: string, type: ScalarType, values: (number | string)[]): Bytes[] => [
  text(key),
  number32(METADATA.array),
  number32(type),
  number64(values.length),
  ...values.map((value) => scalar(type, value)),
]

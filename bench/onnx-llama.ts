/**
 * A Llama decoder with a key-value cache as an ONNX model, in the operators that onnxruntime's own exporter of language
 * models writes (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md): GroupQueryAttention, which
 * rotates, appends to the cache and attends, and SkipSimplifiedLayerNormalization, which adds and normalizes. Not
 * MatMulNBits: in WebAssembly, with 8 bits, it is several times slower than MatMulInteger.
 */
import { attributeFloat, attributeInt, createGraph, type Value } from './onnx-graph.ts'
import { type Checkpoint, type OnnxPrecision, onnxWeights, stacked, tensorOf } from './onnx-weights.ts'

export interface LlamaConfig {
  vocab_size: number
  hidden_size: number
  intermediate_size: number
  num_hidden_layers: number
  num_attention_heads: number
  num_key_value_heads: number
  max_position_embeddings: number
  rms_norm_eps: number
  rope_theta: number
  tie_word_embeddings: boolean
}

/**
 * Inputs: input_ids [1, tokens], last_position [1] (tokens so far with these, less one), total_length [] (without the
 * less one), past.LAYER.keys and .values [1, keyValueHeads, past, headDim]. Outputs: logits [1, 1, vocabulary] of the
 * last token, present.LAYER.keys and .values.
 */
export function exportLlama(checkpoint: Checkpoint<LlamaConfig>, precision: OnnxPrecision): Uint8Array {
  const { config } = checkpoint
  const graph = createGraph('llama')
  const { node, nodes, floats, integers } = graph
  const weights = onnxWeights(graph, checkpoint, precision)
  const { hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: keyValueHeads } = config
  const headDim = hidden / heads
  const get = (name: string) => tensorOf(checkpoint, name)

  /** [positions, headDim / 2] */
  const rotations = (f: (angle: number) => number) =>
    floats(
      [config.max_position_embeddings, headDim / 2],
      Float32Array.from({ length: (config.max_position_embeddings * headDim) / 2 }, (_, i) => {
        const pair = i % (headDim / 2)
        return f(Math.floor((2 * i) / headDim) * config.rope_theta ** ((-2 * pair) / headDim))
      }),
    )
  const [cosines, sines] = [rotations(Math.cos), rotations(Math.sin)]

  const norm = (name: string) => weights.floats(`model.${name}.weight`)
  const epsilon = attributeFloat('epsilon', config.rms_norm_eps)
  /** The sum of x and what a block added, and its norm. */
  const addAndNormalize = (x: string, change: string, name: string) => {
    const [normed, , , sum] = nodes('SkipSimplifiedLayerNormalization', [x, change, norm(name)], {
      domain: 'com.microsoft',
      outputs: [`${name}.normed`, '', '', `${name}.sum`],
      attributes: [epsilon],
    })
    return [sum!, normed!] as const
  }

  // An embedding's row is dequantized when it is looked up.
  const words = get('model.embed_tokens.weight')
  let x =
    words.int8 && precision !== 'fp32'
      ? node('Mul', [
          node(
            'Cast',
            [node('Gather', [graph.constant(words.shape, 'int8', words.int8), 'input_ids'])],
            [attributeInt('to', 1)],
          ),
          node('Gather', [floats([words.shape[0]!, 1], words.scale!), 'input_ids']),
        ])
      : node('Gather', [weights.floats('model.embed_tokens.weight'), 'input_ids'])
  let normed = node(
    'SimplifiedLayerNormalization',
    [x, norm('layers.0.input_layernorm')],
    [epsilon, attributeInt('axis', -1)],
  )
  const cache = (i: number, time: 'past' | 'present'): Value[] =>
    ['keys', 'values'].map((part) => ({
      name: `${time}.${i}.${part}`,
      type: 'float',
      shape: [1, keyValueHeads, time, headDim],
    }))
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i) => i)
  for (const i of layers) {
    const layer = `model.layers.${i}`
    const parts = ['q', 'k', 'v'].map((part) => get(`${layer}.self_attn.${part}_proj.weight`))
    const [queriesKeysValues] = weights.products(normed, [stacked(parts)])
    const [past, present] = [cache(i, 'past'), cache(i, 'present')].map((values) =>
      values.map(({ name }) => name),
    )
    const [attended] = nodes(
      'GroupQueryAttention',
      [queriesKeysValues!, '', '', ...past!, 'last_position', 'total_length', cosines, sines],
      {
        domain: 'com.microsoft',
        outputs: [`${layer}.attended`, ...present!],
        attributes: [
          attributeInt('num_heads', heads),
          attributeInt('kv_num_heads', keyValueHeads),
          attributeInt('do_rotary', 1),
        ],
      },
    )
    const [attention] = weights.linear(attended!, [`${layer}.self_attn.o_proj`])
    ;[x, normed] = addAndNormalize(x, attention!, `layers.${i}.post_attention_layernorm`)
    const [gate, up] = weights.linear(normed, [`${layer}.mlp.gate_proj`, `${layer}.mlp.up_proj`])
    const gated = node('Mul', [node('Mul', [gate!, node('Sigmoid', [gate!])]), up!])
    const [change] = weights.linear(gated, [`${layer}.mlp.down_proj`])
    const next = i + 1 < layers.length ? `layers.${i + 1}.input_layernorm` : 'norm'
    ;[x, normed] = addAndNormalize(x, change!, next)
  }
  const last = node('Slice', [normed, integers([-1]), integers([2 ** 31]), integers([1])])
  const output = get(config.tie_word_embeddings ? 'model.embed_tokens.weight' : 'lm_head.weight')
  const [logits] = weights.products(last, [output])

  return graph.model(
    [
      { name: 'input_ids', type: 'int64', shape: [1, 'tokens'] },
      { name: 'last_position', type: 'int32', shape: [1] },
      { name: 'total_length', type: 'int32', shape: [] },
      ...layers.flatMap((i) => cache(i, 'past')),
    ],
    [
      { name: logits!, type: 'float', shape: [1, 1, config.vocab_size] },
      ...layers.flatMap((i) => cache(i, 'present')),
    ],
  )
}

/** A BERT sequence classifier as an ONNX model, from the same int8 weights that our engine runs. */
import { attributeFloat, attributeInt, attributeInts, createGraph } from './onnx-graph.ts'
import { type Checkpoint, dequantized, type OnnxPrecision, onnxWeights, tensorOf } from './onnx-weights.ts'

export interface BertConfig {
  hidden_size: number
  num_hidden_layers: number
  num_attention_heads: number
  layer_norm_eps: number
  hidden_act: string
}

export function exportOnnx(checkpoint: Checkpoint<BertConfig>, precision: OnnxPrecision): Uint8Array {
  const { config } = checkpoint
  const graph = createGraph('bert')
  const { node, constant, floats, integers } = graph
  const { linear, floats: table, floats: vector } = onnxWeights(graph, checkpoint, precision)
  const layerNorm = (x: string, name: string) =>
    node(
      'LayerNormalization',
      [x, vector(`${name}.weight`), vector(`${name}.bias`)],
      [attributeInt('axis', -1), attributeFloat('epsilon', config.layer_norm_eps)],
    )

  /** gelu as PyTorch exports it: the pattern that onnxruntime's optimizer fuses. */
  const activate = (x: string): string => {
    if (config.hidden_act === 'relu') return node('Relu', [x])
    if (config.hidden_act !== 'gelu')
      throw new Error(`The export writes relu and gelu, not ${config.hidden_act}`)
    const erf = node('Erf', [node('Div', [x, floats([], [Math.SQRT2])])])
    return node('Mul', [node('Mul', [x, node('Add', [erf, floats([], [1])])]), floats([], [0.5])])
  }

  const { hidden_size: hidden, num_attention_heads: heads } = config
  const headDim = hidden / heads
  const split = integers([0, 0, heads, headDim])
  const join = integers([0, 0, hidden])
  const permute = (x: string, order: number[]) => node('Transpose', [x], [attributeInts('perm', order)])

  // Positions 0..T-1: the shape of the ids, sliced to T.
  const length = node('Squeeze', [
    node('Slice', [node('Shape', ['input_ids']), integers([1]), integers([2])]),
    integers([0]),
  ])
  const zero = constant([], 'int64', BigInt64Array.of(0n))
  const step = constant([], 'int64', BigInt64Array.of(1n))
  const positions = node('Gather', [
    table('bert.embeddings.position_embeddings.weight'),
    node('Range', [zero, length, step]),
  ])
  const segments = dequantized(tensorOf(checkpoint, 'bert.embeddings.token_type_embeddings.weight')).slice(
    0,
    hidden,
  )
  const words = node('Gather', [table('bert.embeddings.word_embeddings.weight'), 'input_ids'])
  const embedded = node('Add', [node('Add', [words, positions]), floats([hidden], segments)])
  let x = layerNorm(embedded, 'bert.embeddings.LayerNorm')

  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `bert.encoder.layer.${i}`
    const projections = ['query', 'key', 'value'].map((part) => `${layer}.attention.self.${part}`)
    const [q, k, v] = linear(x, projections).map((y) => node('Reshape', [y, split])) as [
      string,
      string,
      string,
    ]
    const scores = node('MatMul', [permute(q, [0, 2, 1, 3]), permute(k, [0, 2, 3, 1])])
    const weights = node(
      'Softmax',
      [node('Mul', [scores, floats([], [headDim ** -0.5])])],
      [attributeInt('axis', -1)],
    )
    const mixed = permute(node('MatMul', [weights, permute(v, [0, 2, 1, 3])]), [0, 2, 1, 3])
    const [attended] = linear(node('Reshape', [mixed, join]), [`${layer}.attention.output.dense`])
    x = layerNorm(node('Add', [attended!, x]), `${layer}.attention.output.LayerNorm`)
    const [wide] = linear(x, [`${layer}.intermediate.dense`])
    const [narrow] = linear(activate(wide!), [`${layer}.output.dense`])
    x = layerNorm(node('Add', [narrow!, x]), `${layer}.output.LayerNorm`)
  }
  const pooled = node('ReduceMean', [x], [attributeInts('axes', [1]), attributeInt('keepdims', 0)])
  const [logits] = linear(pooled, ['classifier'])

  return graph.model(
    [{ name: 'input_ids', type: 'int64', shape: ['batch', 'tokens'] }],
    [{ name: logits!, type: 'float', shape: ['batch', tensorOf(checkpoint, 'classifier.weight').shape[0]!] }],
  )
}

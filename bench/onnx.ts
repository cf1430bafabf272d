/**
 * A BERT sequence classifier as an ONNX model (https://onnx.ai/onnx/repo-docs/IR.html), from the same int8 weights
 * that our engine runs: as fp32 (dequantized), and as onnxruntime's dynamic quantization writes it
 * (DynamicQuantizeLinear, MatMulInteger, Cast, Mul: the pattern that its optimizer fuses).
 */

export interface Checkpoint {
  config: {
    hidden_size: number
    num_hidden_layers: number
    num_attention_heads: number
    layer_norm_eps: number
    hidden_act: string
  }
  /** Float tensors, and int8 ones with their scale a row. */
  tensors: Map<string, { shape: number[]; floats?: Float32Array; int8?: Int8Array; scale?: Float32Array }>
}

/** Reads a whole safetensors file. */
export function readCheckpoint(config: Checkpoint['config'], file: Uint8Array): Checkpoint {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const headerLength = Number(view.getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerLength)))
  const tensors: Checkpoint['tensors'] = new Map()
  const data = (name: string) => {
    const [start, end] = header[name].data_offsets
    return new Uint8Array(file.subarray(8 + headerLength + start, 8 + headerLength + end))
  }
  const floats = (name: string) => new Float32Array(data(name).buffer)
  for (const [name, { dtype, shape }] of Object.entries<{ dtype: string; shape: number[] }>(header)) {
    if (name === '__metadata__' || name.endsWith('.scale')) continue
    tensors.set(
      name,
      dtype === 'I8'
        ? { shape, int8: new Int8Array(data(name).buffer), scale: floats(`${name}.scale`) }
        : { shape, floats: floats(name) },
    )
  }
  return { config, tensors }
}

/** ONNX's TensorProto.DataType. */
const TYPE = { float: 1, int8: 3, int64: 7 } as const

export function exportOnnx({ config, tensors }: Checkpoint, precision: 'fp32' | 'int8'): Uint8Array {
  const nodes: Uint8Array[] = []
  const initializers: Uint8Array[] = []
  let counter = 0

  const op = (type: string, inputs: string[], attributes: Uint8Array[] = [], outputs = 1): string[] => {
    const names = Array.from({ length: outputs }, () => `t${counter++}`)
    nodes.push(
      message(
        ...inputs.map((name) => text(1, name)),
        ...names.map((name) => text(2, name)),
        text(4, type),
        ...attributes.map((attribute) => bytes(5, attribute)),
      ),
    )
    return names
  }
  const one = (type: string, inputs: string[], attributes: Uint8Array[] = []): string =>
    op(type, inputs, attributes)[0]!
  const constant = (shape: number[], type: keyof typeof TYPE, data: ArrayBufferView): string => {
    const name = `c${counter++}`
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    initializers.push(
      message(...shape.map((size) => integer(1, size)), integer(2, TYPE[type]), text(8, name), bytes(9, raw)),
    )
    return name
  }
  const floats = (shape: number[], values: number[] | Float32Array) =>
    constant(shape, 'float', Float32Array.from(values))
  const integers = (values: number[]) =>
    constant([values.length], 'int64', BigInt64Array.from(values, BigInt))

  const get = (name: string) => {
    const tensor = tensors.get(name)
    if (!tensor) throw new Error(`The checkpoint has no ${name}`)
    return tensor
  }
  const dense = (name: string): Float32Array => {
    const { floats, int8, scale, shape } = get(name)
    if (floats) return floats
    return Float32Array.from(int8!, (value, i) => value * scale![Math.floor(i / shape[1]!)]!)
  }
  const vector = (name: string) => floats(get(name).shape, dense(name))
  const table = (name: string) => floats(get(name).shape, dense(name))

  /** y = x Wᵀ + b for each of the named layers, which share x and, in int8, its quantization. */
  const linear = (x: string, names: string[]): string[] => {
    const quantized =
      precision === 'int8' && get(`${names[0]}.weight`).int8
        ? op('DynamicQuantizeLinear', [x], [], 3)
        : undefined
    return names.map((name) => {
      const { shape, int8, scale } = get(`${name}.weight`)
      const [rows, columns] = shape as [number, number]
      const bias = vector(`${name}.bias`)
      if (quantized && int8 && scale) {
        const weight = constant([columns, rows], 'int8', transpose(int8, rows, columns))
        const zero = constant([rows], 'int8', new Int8Array(rows))
        const [values, step, offset] = quantized as [string, string, string]
        const sums = one('MatMulInteger', [values, weight, offset, zero])
        const scaled = one('Mul', [
          one('Cast', [sums], [attributeInt('to', TYPE.float)]),
          one('Mul', [step, floats([rows], scale)]),
        ])
        return one('Add', [scaled, bias])
      }
      const weight = floats([columns, rows], transpose(dense(`${name}.weight`), rows, columns))
      return one('Add', [one('MatMul', [x, weight]), bias])
    })
  }
  const layerNorm = (x: string, name: string) =>
    one(
      'LayerNormalization',
      [x, vector(`${name}.weight`), vector(`${name}.bias`)],
      [attributeInt('axis', -1), attributeFloat('epsilon', config.layer_norm_eps)],
    )

  /** gelu as PyTorch exports it: the pattern that onnxruntime's optimizer fuses. */
  const activate = (x: string): string => {
    if (config.hidden_act === 'relu') return one('Relu', [x])
    if (config.hidden_act !== 'gelu')
      throw new Error(`The export writes relu and gelu, not ${config.hidden_act}`)
    const erf = one('Erf', [one('Div', [x, floats([], [Math.SQRT2])])])
    return one('Mul', [one('Mul', [x, one('Add', [erf, floats([], [1])])]), floats([], [0.5])])
  }

  const { hidden_size: hidden, num_attention_heads: heads } = config
  const headDim = hidden / heads
  const split = integers([0, 0, heads, headDim])
  const join = integers([0, 0, hidden])
  const permute = (x: string, order: number[]) => one('Transpose', [x], [attributeInts('perm', order)])

  // Positions 0..T-1: the shape of the ids, sliced to T.
  const length = one('Squeeze', [
    one('Slice', [one('Shape', ['input_ids']), integers([1]), integers([2])]),
    integers([0]),
  ])
  const zero = constant([], 'int64', BigInt64Array.of(0n))
  const step = constant([], 'int64', BigInt64Array.of(1n))
  const positions = one('Gather', [
    table('bert.embeddings.position_embeddings.weight'),
    one('Range', [zero, length, step]),
  ])
  const segments = dense('bert.embeddings.token_type_embeddings.weight').slice(0, hidden)
  const words = one('Gather', [table('bert.embeddings.word_embeddings.weight'), 'input_ids'])
  const embedded = one('Add', [one('Add', [words, positions]), floats([hidden], segments)])
  let x = layerNorm(embedded, 'bert.embeddings.LayerNorm')

  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `bert.encoder.layer.${i}`
    const projections = ['query', 'key', 'value'].map((part) => `${layer}.attention.self.${part}`)
    const [q, k, v] = linear(x, projections).map((y) => one('Reshape', [y, split])) as [
      string,
      string,
      string,
    ]
    const scores = one('MatMul', [permute(q, [0, 2, 1, 3]), permute(k, [0, 2, 3, 1])])
    const weights = one(
      'Softmax',
      [one('Mul', [scores, floats([], [headDim ** -0.5])])],
      [attributeInt('axis', -1)],
    )
    const mixed = permute(one('MatMul', [weights, permute(v, [0, 2, 1, 3])]), [0, 2, 1, 3])
    const [attended] = linear(one('Reshape', [mixed, join]), [`${layer}.attention.output.dense`])
    x = layerNorm(one('Add', [attended!, x]), `${layer}.attention.output.LayerNorm`)
    const [wide] = linear(x, [`${layer}.intermediate.dense`])
    const [narrow] = linear(activate(wide!), [`${layer}.output.dense`])
    x = layerNorm(one('Add', [narrow!, x]), `${layer}.output.LayerNorm`)
  }
  const pooled = one('ReduceMean', [x], [attributeInts('axes', [1]), attributeInt('keepdims', 0)])
  const [logits] = linear(pooled, ['classifier'])

  const dimension = (size: number | string) =>
    bytes(1, typeof size === 'number' ? message(integer(1, size)) : message(text(2, size)))
  const value = (name: string, type: keyof typeof TYPE, shape: (number | string)[]) =>
    message(
      text(1, name),
      bytes(
        2,
        message(bytes(1, message(integer(1, TYPE[type]), bytes(2, message(...shape.map(dimension)))))),
      ),
    )
  const graph = message(
    ...nodes.map((node) => bytes(1, node)),
    text(2, 'bert'),
    ...initializers.map((tensor) => bytes(5, tensor)),
    bytes(11, value('input_ids', 'int64', ['batch', 'tokens'])),
    bytes(12, value(logits!, 'float', ['batch', get('classifier.weight').shape[0]!])),
  )
  return message(integer(1, 8), bytes(7, graph), bytes(8, message(text(1, ''), integer(2, 17))))
}

function transpose<T extends Int8Array | Float32Array>(source: T, rows: number, columns: number): T {
  const result = source.slice() as T
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result[c * rows + r] = source[r * columns + c]!
  return result
}

// ------------------------------------------- protocol buffers (https://protobuf.dev/programming-guides/encoding)

function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value))
  const result: number[] = []
  while (rest > 127n) {
    result.push(Number(rest & 127n) | 128)
    rest >>= 7n
  }
  return [...result, Number(rest)]
}
const integer = (field: number, value: number) => Uint8Array.from([...varint(field << 3), ...varint(value)])
const bytes = (field: number, value: Uint8Array) =>
  message(Uint8Array.from([...varint((field << 3) | 2), ...varint(value.length)]), value)
const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value))

function message(...parts: Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    result.set(part, at)
    at += part.length
  }
  return result
}

/** AttributeProto.type: 1 float, 2 int, 7 ints. */
const attribute = (name: string, type: number, ...value: Uint8Array[]) =>
  message(text(1, name), ...value, integer(20, type))
const attributeInt = (name: string, value: number) => attribute(name, 2, integer(3, value))
const attributeInts = (name: string, values: number[]) =>
  attribute(name, 7, ...values.map((value) => integer(8, value)))
const attributeFloat = (name: string, value: number) =>
  attribute(name, 1, message(Uint8Array.of((2 << 3) | 5), new Uint8Array(Float32Array.of(value).buffer)))

/** Writes ONNX models (https://onnx.ai/onnx/repo-docs/IR.html): nodes and constants in, the file's bytes out. */

/** TensorProto.DataType. */
export const TYPE = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const
export type ElementType = keyof typeof TYPE

/** A graph's input or output; dimensions that vary have names. */
export interface Value {
  name: string
  type: ElementType
  shape: (number | string)[]
}

export interface Node {
  attributes?: Uint8Array[]
  /** Absent: ONNX's own operators. */
  domain?: 'com.microsoft'
  /** Names of the outputs, or how many there are; absent means one. */
  outputs?: string[] | number
}

export interface Graph {
  /** Adds a node; the names of its outputs. An empty input is one that is left out. */
  nodes(type: string, inputs: string[], node?: Node): string[]
  /** Adds a node of one output; its name. */
  node(type: string, inputs: string[], attributes?: Uint8Array[]): string
  constant(shape: number[], type: ElementType, data: ArrayBufferView): string
  floats(shape: number[], values: number[] | Float32Array): string
  /** An int64 vector. */
  integers(values: number[]): string
  /** The model's file. */
  model(inputs: Value[], outputs: Value[]): Uint8Array
}

export function createGraph(name: string): Graph {
  const nodes: Uint8Array[] = []
  const initializers: Uint8Array[] = []
  let counter = 0

  const graph: Graph = {
    nodes(type, inputs, { attributes = [], domain, outputs = 1 } = {}) {
      const names =
        typeof outputs === 'number' ? Array.from({ length: outputs }, () => `t${counter++}`) : outputs
      nodes.push(
        message(
          ...inputs.map((input) => text(1, input)),
          ...names.map((output) => text(2, output)),
          text(4, type),
          ...attributes.map((attribute) => bytes(5, attribute)),
          ...(domain ? [text(7, domain)] : []),
        ),
      )
      return names
    },
    node: (type, inputs, attributes = []) => graph.nodes(type, inputs, { attributes })[0]!,
    constant(shape, type, data) {
      const constant = `c${counter++}`
      const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      initializers.push(
        message(
          ...shape.map((size) => integer(1, size)),
          integer(2, TYPE[type]),
          text(8, constant),
          bytes(9, raw),
        ),
      )
      return constant
    },
    floats: (shape, values) => graph.constant(shape, 'float', Float32Array.from(values)),
    integers: (values) => graph.constant([values.length], 'int64', BigInt64Array.from(values, BigInt)),
    model(inputs, outputs) {
      const body = message(
        ...nodes.map((node) => bytes(1, node)),
        text(2, name),
        ...initializers.map((tensor) => bytes(5, tensor)),
        ...inputs.map((input) => bytes(11, valueInfo(input))),
        ...outputs.map((output) => bytes(12, valueInfo(output))),
      )
      const operators = (domain: string, version: number) =>
        bytes(8, message(text(1, domain), integer(2, version)))
      return message(integer(1, 8), bytes(7, body), operators('', 17), operators('com.microsoft', 1))
    },
  }
  return graph
}

function valueInfo({ name, type, shape }: Value): Uint8Array {
  const dimension = (size: number | string) =>
    bytes(1, typeof size === 'number' ? message(integer(1, size)) : message(text(2, size)))
  const tensor = message(integer(1, TYPE[type]), bytes(2, message(...shape.map(dimension))))
  return message(text(1, name), bytes(2, message(bytes(1, tensor))))
}

/** AttributeProto.type: 1 float, 2 int, 7 ints. */
const attribute = (name: string, type: number, ...value: Uint8Array[]) =>
  message(text(1, name), ...value, integer(20, type))
export const attributeInt = (name: string, value: number) => attribute(name, 2, integer(3, value))
export const attributeInts = (name: string, values: number[]) =>
  attribute(name, 7, ...values.map((value) => integer(8, value)))
export const attributeFloat = (name: string, value: number) =>
  attribute(name, 1, message(Uint8Array.of((2 << 3) | 5), new Uint8Array(Float32Array.of(value).buffer)))

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

/**
 * A checkpoint's weights in an ONNX graph: as fp32 (dequantized), or as onnxruntime's dynamic quantization writes int8
 * (DynamicQuantizeLinear, MatMulInteger, Cast, Mul: the pattern that its optimizer fuses).
 */
import { attributeInt, type Graph, TYPE } from './onnx-graph.ts'

export interface Tensor {
  shape: number[]
  floats?: Float32Array
  /** With one scale a row. */
  int8?: Int8Array
  scale?: Float32Array
}

export interface Checkpoint<Config> {
  config: Config
  tensors: Map<string, Tensor>
}

export type OnnxPrecision = 'fp32' | 'int8'

/** Reads a whole safetensors file. */
export function readCheckpoint<Config>(config: Config, file: Uint8Array): Checkpoint<Config> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const headerLength = Number(view.getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerLength)))
  const tensors = new Map<string, Tensor>()
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

/** @throws Error where the checkpoint has no tensor of the name */
export function tensorOf({ tensors }: Checkpoint<unknown>, name: string): Tensor {
  const tensor = tensors.get(name)
  if (!tensor) throw new Error(`The checkpoint has no ${name}`)
  return tensor
}

/** A tensor's values in floating point. */
export function dequantized({ shape, floats, int8, scale }: Tensor): Float32Array {
  if (floats) return floats
  const result = new Float32Array(int8!.length)
  const columns = shape[1]!
  for (let row = 0; row < shape[0]!; row++)
    for (let i = row * columns; i < (row + 1) * columns; i++) result[i] = int8![i]! * scale![row]!
  return result
}

/** Several matrices as one, one below another. */
export function stacked(tensors: Tensor[]): Tensor {
  const shape = [tensors.reduce((sum, tensor) => sum + tensor.shape[0]!, 0), tensors[0]!.shape[1]!]
  const [rows, columns] = shape as [number, number]
  const whole = { int8: new Int8Array(rows * columns), scale: new Float32Array(rows) }
  let row = 0
  for (const { shape: own, int8, scale } of tensors) {
    whole.int8.set(int8!, row * columns)
    whole.scale.set(scale!, row)
    row += own[0]!
  }
  return { shape, ...whole }
}

export interface OnnxWeights {
  /** A tensor in floating point. */
  floats(name: string): string
  /** y = x Wᵀ + b for each of the named layers, which share x and, in int8, its quantization; b where there is one. */
  linear(x: string, names: string[]): string[]
  /** y = x Wᵀ for each matrix. */
  products(x: string, matrices: Tensor[]): string[]
}

export function onnxWeights(
  graph: Graph,
  checkpoint: Checkpoint<unknown>,
  precision: OnnxPrecision,
): OnnxWeights {
  const { node, nodes, constant, floats } = graph
  const weights: OnnxWeights = {
    floats: (name) => floats(tensorOf(checkpoint, name).shape, dequantized(tensorOf(checkpoint, name))),
    linear: (x, names) =>
      weights
        .products(
          x,
          names.map((name) => tensorOf(checkpoint, `${name}.weight`)),
        )
        .map((y, i) =>
          checkpoint.tensors.has(`${names[i]}.bias`)
            ? node('Add', [y, weights.floats(`${names[i]}.bias`)])
            : y,
        ),
    products(x, matrices) {
      const quantized =
        precision === 'int8' && matrices[0]!.int8
          ? nodes('DynamicQuantizeLinear', [x], { outputs: 3 })
          : undefined
      return matrices.map((matrix) => {
        const { shape, int8, scale } = matrix
        const [rows, columns] = shape as [number, number]
        if (quantized && int8 && scale) {
          const weight = constant([columns, rows], 'int8', transpose(int8, rows, columns))
          const zero = constant([rows], 'int8', new Int8Array(rows))
          const [values, step, offset] = quantized as [string, string, string]
          const sums = node('MatMulInteger', [values, weight, offset, zero])
          return node('Mul', [
            node('Cast', [sums], [attributeInt('to', TYPE.float)]),
            node('Mul', [step, floats([rows], scale)]),
          ])
        }
        const weight = floats([columns, rows], transpose(dequantized(matrix), rows, columns))
        return node('MatMul', [x, weight])
      })
    },
  }
  return weights
}

function transpose<T extends Int8Array | Float32Array>(source: T, rows: number, columns: number): T {
  const result = source.slice() as T
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result[c * rows + r] = source[r * columns + c]!
  return result
}

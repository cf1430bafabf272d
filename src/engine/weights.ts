/**
 * Weights: an architecture declares what it needs by the checkpoint's own names, which fixes the memory layout; the
 * checkpoint's tensors are then converted and packed into it block by block as they stream in, and held nowhere else.
 */
import { EdgewiseError } from '../errors.ts'
import type { Kernels } from './kernels.ts'
import { align16, type ModelMemory, WEIGHTS_START } from './memory.ts'
import type { SafetensorsFile, TensorBlock } from './safetensors.ts'

/**
 * What matrices are kept in: 4 bits with a scale for each 32 columns of a row, int8 with one scale a row, or f32. Tables
 * that aren't a layer's rows are int8 where layers have 4 bits.
 */
export type Precision = 'int4' | 'int8' | 'fp32'

/** y = x Wᵀ + b, packed for the matrix kernels. */
export interface Linear {
  precision: Precision
  /** Outputs. */
  rows: number
  /** Inputs. */
  columns: number
  weight: number
  /** f32 [rows], int8 only; scales of 4-bit weights lie among them. */
  scale: number
  /** i32 [rows], int8 only: 64 * row sum. */
  zero: number
  /** f32 [rows / 8], int8 only: the largest norm of a panel's groups, see matmulInt8. */
  norm: number
  /** f32 [rows], zeros where the checkpoint has no bias. */
  bias: number
}

/** Rows looked up by id. */
export interface Table {
  precision: Precision
  /** Whether the rows lie in a linear layer's panels; else they are row-major. */
  packed: boolean
  rows: number
  columns: number
  weight: number
  /** f32 [rows], int8 only. */
  scale: number
}

/** Where the rows of a tensor go: into which weight and at which of its rows. */
type Destination = { firstRow: number; rows: number; columns: number } & (
  | { kind: 'linear'; linear: Linear; transposed: boolean }
  | { kind: 'table'; table: Table }
  /** An f32 array: a bias, a norm's weight, the scales of an int8 matrix. */
  | { kind: 'vector'; address: number }
)

export interface LinearOptions {
  /** What the matrix is kept in; absent means the plan's precision. */
  precision?: Precision
  /** Name of the bias, where it is not that of the weight; not for several layers fused. */
  bias?: string
  /** The checkpoint stores [columns, rows] in floating point, as GPT-2's Conv1D does. */
  transposed?: boolean
  /** What follows the layer's name in the weight's; absent means '.weight'. */
  suffix?: string
}

export interface WeightPlan {
  /** Whether the checkpoint has a tensor of this name. */
  has(tensor: string): boolean
  /**
   * A linear layer `name.weight` [rows, columns] with `name.bias` where there is one. Several names are fused into
   * one matrix, one after another, so that one product computes them all; `rows` is that of each, or a list of theirs.
   */
  linear(names: string | string[], rows: number | number[], columns: number, options?: LinearOptions): Linear
  /** The rows of a linear layer as a lookup table: embeddings that are tied to the output, held once. */
  rowsOf(linear: Linear): Table
  /** A lookup table `name` [rows, columns]. */
  table(name: string, rows: number, columns: number, precision?: Precision): Table
  /** An f32 vector `name` [size]; its address. */
  vector(name: string, size: number): number
  /** Bytes that all of it takes. */
  bytes(): number
  destinations: ReadonlyMap<string, Destination[]>
}

/**
 * @param tensorNames names in the checkpoint, from its headers
 * @param precision what matrices are kept in, unless the architecture asks otherwise
 */
export function planWeights(tensorNames: Iterable<string>, precision: Precision): WeightPlan {
  const names = new Set([...tensorNames].map(currentName))
  const destinations = new Map<string, Destination[]>()
  let top = WEIGHTS_START

  const reserve = (bytes: number): number => {
    const address = top
    top += align16(bytes)
    return address
  }
  const expect = (tensor: string, destination: Destination): void => {
    destinations.set(tensor, [...(destinations.get(tensor) ?? []), destination])
  }
  const expectScale = (tensor: string, address: number, rows: number): void => {
    // An int8 checkpoint brings scales; from floats they are computed at loading.
    if (names.has(`${tensor}.scale`))
      expect(`${tensor}.scale`, { kind: 'vector', address, firstRow: 0, rows, columns: 1 })
  }

  return {
    has: (tensor) => names.has(tensor),
    linear(layers, rows, columns, options = {}) {
      const { precision: own = precision, bias, transposed = false, suffix = '.weight' } = options
      const parts = typeof layers === 'string' ? [layers] : layers
      const rowsOfParts = typeof rows === 'number' ? parts.map(() => rows) : rows
      const total = rowsOfParts.reduce((sum, ofPart) => sum + ofPart)
      const padded = (total + 15) & ~15 // Panels have 8 rows; those of 4 bits come in pairs.
      const linear: Linear = {
        precision: own,
        rows: total,
        columns,
        weight: reserve(padded * bytesOfRow(own, columns)),
        // Scales are kept for the others too: an int8 checkpoint is dequantized with them.
        scale: reserve(padded * 4),
        zero: reserve(padded * 4),
        norm: reserve((padded / 8) * 4),
        bias: reserve(padded * 4),
      }
      let firstRow = 0
      parts.forEach((name, i) => {
        const rows = rowsOfParts[i]!
        const weight = `${name}${suffix}`
        expect(weight, { kind: 'linear', linear, firstRow, rows, columns, transposed })
        if (!transposed) expectScale(weight, linear.scale + firstRow * 4, rows)
        const biasName = parts.length === 1 && bias ? bias : `${name}.bias`
        if (names.has(biasName)) {
          const address = linear.bias + firstRow * 4
          expect(biasName, { kind: 'vector', address, firstRow: 0, rows, columns: 1 })
        }
        firstRow += rows
      })
      return linear
    },
    table(name, rows, columns, own = precision === 'int4' ? 'int8' : precision) {
      const weight = reserve(rows * columns * (own === 'int8' ? 1 : 4))
      const table: Table = { precision: own, rows, columns, packed: false, weight, scale: reserve(rows * 4) }
      expect(name, { kind: 'table', table, firstRow: 0, rows, columns })
      expectScale(name, table.scale, rows)
      return table
    },
    rowsOf: ({ precision, rows, columns, weight, scale }) => ({
      ...{ precision, rows, columns, weight, scale },
      packed: true,
    }),
    vector(name, size) {
      const address = reserve(size * 4)
      expect(name, { kind: 'vector', address, firstRow: 0, rows: size, columns: 1 })
      return address
    },
    bytes: () => top,
    destinations,
  }
}

/** Bytes of one row in the panels. */
function bytesOfRow(precision: Precision, columns: number): number {
  if (precision === 'fp32') return columns * 4
  // 32 columns of 4 bits take 16 bytes, their scale 2.
  return precision === 'int8' ? paddedColumns(columns) : (paddedColumns(columns) / 32) * 18
}

/** Columns of a packed int8 or 4-bit matrix: kernels step over 32 at a time. */
export const paddedColumns = (columns: number): number => (columns + 31) & ~31

/** Checkpoints converted from TensorFlow call a norm's weight gamma and its bias beta. */
function currentName(tensor: string): string {
  return tensor.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias')
}

/**
 * Streams checkpoint files into the memory that was planned for them.
 * @throws EdgewiseError `tensor_missing`, `tensor_invalid` (shape, type, or a scale that is not there), and what the
 *   files themselves throw
 */
export async function loadWeights(
  files: Iterable<SafetensorsFile> | AsyncIterable<SafetensorsFile>,
  plan: WeightPlan,
  memory: ModelMemory,
  kernels: Kernels,
): Promise<void> {
  const loaded = new Set<string>()
  for await (const file of files) {
    for (const tensor of file.tensors) checkShape(currentName(tensor.name), tensor.shape, plan)
    let parts: Uint8Array[] = []
    for await (const block of file.blocks()) {
      const name = currentName(block.name)
      const destinations = plan.destinations.get(name)
      if (!destinations) continue
      const last = block.firstRow + block.rows === (block.shape[0] ?? 1)
      let complete: TensorBlock | undefined = block
      if (destinations.some((to) => to.kind === 'linear' && to.transposed)) {
        // A row of the layer is a column here: all of it must be there before the first can be packed.
        parts.push(block.bytes.slice())
        complete = last ? { ...block, firstRow: 0, rows: block.shape[0]!, bytes: joined(parts) } : undefined
        if (last) parts = []
      } else if (block.dtype === 'I8' && !loaded.has(`${name}.scale`)) throw scaleMissing(name)
      if (complete)
        memory.scratch.scope(() => {
          for (const to of destinations) storeBlock(complete, to, memory, kernels)
        })
      if (last) loaded.add(name)
    }
  }
  const missing = [...plan.destinations.keys()].filter((name) => !loaded.has(name))
  if (missing.length > 0)
    throw new EdgewiseError(
      'tensor_missing',
      `The checkpoint lacks ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ` and ${missing.length - 3} more` : ''}.`,
      'Check that config.json belongs to these weights and names their architecture.',
    )
}

function joined(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** A tensor of more than two dimensions is taken as a matrix of its first. */
function checkShape(name: string, shape: number[], plan: WeightPlan): void {
  for (const destination of plan.destinations.get(name) ?? []) {
    const { kind, rows, columns } = destination
    const matrix = kind === 'linear' && destination.transposed ? [columns, rows] : [rows, columns]
    const expected = kind === 'vector' ? [rows] : matrix
    const actual =
      kind === 'vector' || shape.length < 2 ? shape : [shape[0], shape.slice(1).reduce((a, b) => a * b)]
    if (actual.join() !== expected.join())
      throw new EdgewiseError(
        'tensor_invalid',
        `Tensor "${name}" has the shape [${shape}], config.json asks for [${expected}].`,
        'Check that config.json belongs to these weights.',
      )
  }
}

function scaleMissing(name: string): EdgewiseError {
  return new EdgewiseError(
    'tensor_invalid',
    `Tensor "${name}" is int8, but "${name}.scale" does not precede it.`,
    'Store one f32 scale a row in front of each int8 matrix.',
  )
}

/** Converts one block of rows to what its destination holds and packs it there. */
function storeBlock(block: TensorBlock, to: Destination, memory: ModelMemory, kernels: Kernels): void {
  if (to.kind === 'linear' && to.transposed) {
    const upright = transposedBlock(block, memory, kernels)
    storeBlock(upright, { ...to, transposed: false }, memory, kernels)
    return
  }
  const { rows, columns } = block
  if (to.kind === 'table' && to.table.precision === 'int8' && block.dtype === 'I8') {
    const at = to.table.weight + (to.firstRow + block.firstRow) * columns
    memory.u8(at, rows * columns).set(block.bytes)
    return
  }
  const source = memory.scratch.bytes(block.bytes.length)
  memory.u8(source, block.bytes.length).set(block.bytes)

  if (to.kind === 'vector') {
    const address = to.address + block.firstRow * 4
    memory.u8(address, rows * 4).set(memory.u8(toFloats(block, source, 0, memory, kernels), rows * 4))
    return
  }
  const weight = to.kind === 'linear' ? to.linear : to.table
  const firstRow = to.firstRow + block.firstRow
  const scale = weight.scale + firstRow * 4

  if (weight.precision !== 'int8') {
    const floats = toFloats(block, source, scale, memory, kernels)
    if (weight.precision === 'int4')
      kernels.packInt4(
        floats,
        weight.weight,
        firstRow,
        rows,
        columns,
        paddedColumns(columns),
        memory.scratch.floats(32),
      )
    else if (to.kind === 'linear') kernels.packF32(floats, weight.weight, firstRow, rows, columns)
    else
      memory
        .u8(weight.weight + firstRow * columns * 4, rows * columns * 4)
        .set(memory.u8(floats, rows * columns * 4))
    return
  }
  let quantized = source
  if (block.dtype !== 'I8') {
    quantized = memory.scratch.bytes(rows * columns)
    const floats = toFloats(block, source, 0, memory, kernels)
    kernels.quantizeWeights(floats, quantized, scale, rows, columns)
  }
  if (to.kind === 'linear')
    kernels.packInt8(
      quantized,
      weight.weight,
      to.linear.zero,
      to.linear.norm,
      firstRow,
      rows,
      columns,
      paddedColumns(columns),
    )
  else memory.u8(weight.weight + firstRow * columns, rows * columns).set(memory.u8(quantized, rows * columns))
}

/** A whole tensor with rows and columns exchanged, as f32. */
function transposedBlock(block: TensorBlock, memory: ModelMemory, kernels: Kernels): TensorBlock {
  const { rows, columns } = block
  return memory.scratch.scope(() => {
    const source = memory.scratch.bytes(block.bytes.length)
    memory.u8(source, block.bytes.length).set(block.bytes)
    const floats = toFloats(block, source, 0, memory, kernels)
    const upright = memory.scratch.floats(rows * columns)
    kernels.transpose(floats, upright, rows, columns)
    const bytes = memory.u8(upright, rows * columns * 4).slice()
    return { ...block, dtype: 'F32', rows: columns, columns: rows, bytes }
  })
}

/** Address of the block's values as f32. */
function toFloats(
  block: TensorBlock,
  source: number,
  scale: number,
  memory: ModelMemory,
  kernels: Kernels,
): number {
  const n = block.rows * block.columns
  if (block.dtype === 'F32') return source
  const floats = memory.scratch.floats(n)
  if (block.dtype === 'F16') kernels.decodeF16(source, floats, n)
  else if (block.dtype === 'BF16') kernels.decodeBf16(source, floats, n)
  else if (block.dtype === 'I8' && scale)
    kernels.dequantizeRows(source, scale, floats, block.rows, block.columns)
  else
    throw new EdgewiseError(
      'tensor_invalid',
      `Tensor "${block.name}" has the type ${block.dtype}, but floating point is needed.`,
      'Convert it to F32, F16 or BF16.',
    )
  return floats
}

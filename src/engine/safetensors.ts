/**
 * Streaming reader of safetensors (https://huggingface.co/docs/safetensors): 8 bytes of header length, a JSON header,
 * then the tensors' bytes in the order of their offsets. Tensors are handed on in blocks of whole rows as they come,
 * so a file is never held in memory.
 */
import { EdgewiseError } from '../errors.ts'

const DTYPE_BYTES = {
  F32: 4,
  F16: 2,
  BF16: 2,
  I8: 1,
  F64: 8,
  I64: 8,
  I32: 4,
  I16: 2,
  U8: 1,
  BOOL: 1,
} as const
export type Dtype = keyof typeof DTYPE_BYTES

export interface TensorInfo {
  name: string
  dtype: Dtype
  shape: number[]
}

/** Consecutive rows of a tensor, seen as a matrix [shape[0], product of the rest]; a vector is a matrix of one column. */
export interface TensorBlock extends TensorInfo {
  firstRow: number
  rows: number
  /** Values a row. */
  columns: number
  /** Little-endian values; valid until the next block is asked for. */
  bytes: Uint8Array
}

/** A hundred megabytes of header would be an attack, not a model (the reference implementation's own limit). */
const MAX_HEADER = 100_000_000
const BLOCK_BYTES = 65_536

export interface SafetensorsFile {
  tensors: TensorInfo[]
  /** The tensors' data in file order; to be consumed once. */
  blocks(): AsyncGenerator<TensorBlock, void>
}

/**
 * Reads the header of a file.
 * @throws EdgewiseError `weights_malformed` (not safetensors), `file_truncated` (ends early, also from blocks())
 */
export async function openSafetensors(
  stream: ReadableStream<Uint8Array>,
  path: string,
): Promise<SafetensorsFile> {
  const bytes = byteReader(stream, path)
  const prefix = await bytes.take(8)
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true))
  if (length > MAX_HEADER || length < 2) throw malformed(path, `its header would be ${length} bytes long`)
  const tensors = parseHeader(await bytes.take(length), path)

  return {
    tensors,
    async *blocks() {
      for (const tensor of tensors) {
        const rows = tensor.shape[0] ?? 1
        const columns = tensor.shape.slice(1).reduce((a, b) => a * b, 1)
        const rowBytes = columns * DTYPE_BYTES[tensor.dtype]
        const step = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes))
        for (let firstRow = 0; firstRow < rows && rowBytes > 0; firstRow += step) {
          const count = Math.min(step, rows - firstRow)
          const block = await bytes.take(count * rowBytes)
          yield { ...tensor, firstRow, rows: count, columns, bytes: block }
        }
      }
      await bytes.end()
    },
  }
}

/** Parses and checks the JSON header: known dtypes, sizes that match shapes, offsets without gaps or overlaps. */
export function parseHeader(bytes: Uint8Array, path: string): TensorInfo[] {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw malformed(path, 'its header is not JSON')
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw malformed(path, 'its header is not an object')

  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => parseEntry(name, entry, path))
    .sort((a, b) => a.begin - b.begin || a.end - b.end)

  let offset = 0
  for (const { name, begin, end } of entries) {
    if (begin !== offset) throw malformed(path, `tensor "${name}" starts at ${begin}, not at ${offset}`)
    offset = end
  }
  return entries.map(({ name, dtype, shape }) => ({ name, dtype, shape }))
}

function parseEntry(name: string, entry: unknown, path: string): TensorInfo & { begin: number; end: number } {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0
  if (!Array.isArray(shape) || !shape.every(isCount))
    throw malformed(path, `tensor "${name}" has no valid shape`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw malformed(path, `tensor "${name}" has no valid data_offsets`)
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BYTES, dtype))
    throw new EdgewiseError(
      'tensor_invalid',
      `Tensor "${name}" in ${path} has the type ${String(dtype)}, which is not supported.`,
      `Convert it to one of ${Object.keys(DTYPE_BYTES).join(', ')}.`,
    )
  const [begin, end] = offsets as [number, number]
  const size = shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype as Dtype])
  if (end - begin !== size)
    throw malformed(path, `tensor "${name}" spans ${end - begin} bytes, its shape needs ${size}`)
  return { name, dtype: dtype as Dtype, shape, begin, end }
}

function malformed(path: string, what: string): EdgewiseError {
  return new EdgewiseError(
    'weights_malformed',
    `${path} is not a valid safetensors file: ${what}.`,
    'Store the file again as it was published.',
  )
}

/** Exact reads from a stream of chunks; a read inside one chunk is not copied. */
function byteReader(stream: ReadableStream<Uint8Array>, path: string) {
  const reader = stream.getReader()
  let chunk = new Uint8Array(0)
  let position = 0

  const next = async (): Promise<boolean> => {
    const { done, value } = await reader.read()
    if (done) return false
    chunk = value as Uint8Array<ArrayBuffer>
    position = 0
    return true
  }
  return {
    async take(n: number): Promise<Uint8Array> {
      if (chunk.length - position >= n) {
        position += n
        return chunk.subarray(position - n, position)
      }
      const result = new Uint8Array(n)
      let filled = 0
      while (filled < n) {
        if (position === chunk.length && !(await next()))
          throw new EdgewiseError(
            'file_truncated',
            `${path} ends ${n - filled} bytes early.`,
            'Store the file again: it was cut off.',
          )
        const part = chunk.subarray(position, position + n - filled)
        result.set(part, filled)
        filled += part.length
        position += part.length
      }
      return result
    },
    /** Reads to the end, so that whoever hashes the stream has seen all of it; more bytes are an error. */
    async end(): Promise<void> {
      let rest = chunk.length - position
      while (await next()) rest += chunk.length
      if (rest > 0) throw malformed(path, `${rest} bytes follow its last tensor`)
    },
  }
}

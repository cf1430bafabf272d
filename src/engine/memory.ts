/**
 * One linear memory a model: weights first, laid out before they are read, then the scratch arena of the forward
 * pass. Dropping the model drops the memory, so models never fragment one another.
 */
import { EdgewiseError } from '../errors.ts'

const PAGE = 65_536
/** Kernels read up to one 8-wide panel beyond a matrix; nothing may trap there. */
const SLACK = 256

/** Rounds up to 16 bytes, the width of a vector. */
export const align16 = (bytes: number): number => (bytes + 15) & ~15

/** Stack of temporary arrays: everything allocated within `scope` is freed when it returns. */
export interface Arena {
  /** Address of n uninitialised f32, 16-byte aligned and padded. */
  floats(n: number): number
  /** Address of n uninitialised bytes, 16-byte aligned and padded. */
  bytes(n: number): number
  scope<T>(body: () => T): T
}

export interface ModelMemory {
  memory: WebAssembly.Memory
  scratch: Arena
  f32(address: number, n: number): Float32Array
  i32(address: number, n: number): Int32Array
  u8(address: number, n: number): Uint8Array
}

/**
 * @param weightBytes size of the weights region, which starts at address 0
 * @throws EdgewiseError `memory_exceeded` when the host cannot give the memory
 */
export function createModelMemory(weightBytes: number): ModelMemory {
  const start = align16(weightBytes)
  const memory = allocate(start + PAGE)
  let top = start

  const reserve = (bytes: number): number => {
    const address = top
    top += align16(bytes)
    const missing = top + SLACK - memory.buffer.byteLength
    if (missing > 0) grow(memory, Math.ceil(missing / PAGE))
    return address
  }
  return {
    memory,
    scratch: {
      floats: (n) => reserve(n * 4),
      bytes: reserve,
      scope(body) {
        const before = top
        try {
          return body()
        } finally {
          top = before
        }
      },
    },
    f32: (address, n) => new Float32Array(memory.buffer, address, n),
    i32: (address, n) => new Int32Array(memory.buffer, address, n),
    u8: (address, n) => new Uint8Array(memory.buffer, address, n),
  }
}

function allocate(bytes: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE) })
  } catch (cause) {
    throw memoryExceeded(bytes, cause)
  }
}

function grow(memory: WebAssembly.Memory, pages: number): void {
  try {
    memory.grow(pages)
  } catch (cause) {
    throw memoryExceeded(memory.buffer.byteLength + pages * PAGE, cause)
  }
}

function memoryExceeded(bytes: number, cause: unknown): EdgewiseError {
  return new EdgewiseError(
    'memory_exceeded',
    `The host refused ${Math.ceil(bytes / 2 ** 20)} MB of WebAssembly memory.`,
    'Use a smaller model, a shorter text or a smaller batch.',
    { cause },
  )
}

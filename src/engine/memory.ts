/**
 * One linear memory a model: weights first, laid out before they are read; then the heap, which holds the keys and values
 * of texts being decoded; then the scratch arena, which lives as long as one forward pass. Dropping the model drops the
 * memory, so models never fragment one another.
 */
import { EdgewiseError } from '../errors.ts'

const PAGE = 65_536
/** Kernels read up to one 8-wide panel beyond a matrix; nothing may trap there. */
const SLACK = 256

/** Below it are the kernels' constants; address 0 stands for "none" in kernel arguments. */
export const WEIGHTS_START = 1024

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

/** Blocks that outlive a forward pass. */
export interface Heap {
  /** Address of uninitialised bytes, 16-byte aligned; not while scratch is in use. */
  allocate(bytes: number): number
  free(address: number): void
}

export interface ModelMemory {
  memory: WebAssembly.Memory
  heap: Heap
  scratch: Arena
  f32(address: number, n: number): Float32Array
  i32(address: number, n: number): Int32Array
  u8(address: number, n: number): Uint8Array
}

/**
 * @param weightBytes where the weights region ends; it begins at WEIGHTS_START
 * @throws EdgewiseError `memory_exceeded` when the host cannot give the memory
 */
export function createModelMemory(weightBytes: number): ModelMemory {
  const start = Math.max(align16(weightBytes), WEIGHTS_START)
  const memory = allocate(start + PAGE)
  /** Where the heap ends and scratch begins. */
  let heapTop = start
  let top = start
  /** Blocks of the heap by address, all of them, in order: the space between is free. */
  let blocks: { address: number; end: number }[] = []

  const ensure = (end: number): void => {
    const missing = end + SLACK - memory.buffer.byteLength
    if (missing > 0) grow(memory, Math.ceil(missing / PAGE))
  }
  const reserve = (bytes: number): number => {
    const address = top
    top += align16(bytes)
    ensure(top)
    return address
  }
  return {
    memory,
    heap: {
      allocate(bytes) {
        if (top !== heapTop) throw new Error('heap allocation during a forward pass')
        const size = align16(bytes)
        let address = start
        let index = 0
        // The first gap that is large enough; after the last block there is always room.
        while (index < blocks.length && blocks[index]!.address - address < size)
          address = blocks[index++]!.end
        ensure(address + size)
        blocks.splice(index, 0, { address, end: address + size })
        heapTop = top = blocks.at(-1)!.end
        return address
      },
      free(address) {
        if (top !== heapTop) throw new Error('heap release during a forward pass')
        blocks = blocks.filter((block) => block.address !== address)
        heapTop = top = blocks.at(-1)?.end ?? start
      },
    },
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

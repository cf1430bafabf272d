/**
 * The bounds of this machine in WebAssembly on one thread: what the arithmetic of each kind reaches from registers and the
 * first-level cache, and what reading reaches from each level of memory. Loops are in bound.kernel.ts.
 */
import { readFile } from 'node:fs/promises'
import asc from 'assemblyscript/asc'

export interface Bounds {
  /** int8 dot products with accumulation in 32 bits, i32x4.relaxed_dot_i8x16_i7x16_add_s: GOP/s, 2 a multiply-add. */
  dotAdd: number
  /** The same in the three instructions that it is made of on x86-64: GOP/s. */
  dotWiden: number
  /** int8 dot products added in 16 bits, i16x8.relaxed_dot_i8x16_i7x16_s and i16x8.add: GOP/s. */
  dot16: number
  /** f32x4.relaxed_madd: GFLOP/s. */
  multiplyAdd: number
  /** Reading, GB/s: from so many bytes again and again, the last far beyond any cache. */
  read: { name: string; bytes: number; rate: number }[]
}

/** Exports of bound.kernel.ts; each writes what it summed to `to`, 16 bytes. */
export interface BoundKernels {
  dotAdd(p: number, to: number, steps: number): void
  dotWiden(p: number, to: number, steps: number): void
  dot16(p: number, to: number, steps: number): void
  multiplyAdd(p: number, to: number, steps: number): void
  /** @param bytes a multiple of 128 */
  read(p: number, to: number, bytes: number): void
}

const LEVELS = [
  { name: 'L1 cache', bytes: 2 ** 14 },
  { name: 'L2 cache', bytes: 2 ** 19 },
  { name: 'L3 cache', bytes: 2 ** 22 },
  { name: 'memory', bytes: 2 ** 28 },
]
const STEPS = 20_000
/** Bytes that are read in a measurement: few enough that many are not interrupted. */
const READ_BYTES = 2 ** 22
const ROUNDS = 64
/** Of a step, 2 a multiply-add: 16 products of 16 pairs of int8, or of four of f32. */
const [INT8_OPERATIONS, F32_OPERATIONS] = [2 * 16 * 16, 2 * 16 * 4]
const [OUT, BUFFER] = [0, 65_536]

export async function openBoundKernels(memory: WebAssembly.Memory): Promise<BoundKernels> {
  const outFile = 'dist/bound.wasm'
  const { error, stderr } = await asc.main([
    'bench/bound.kernel.ts',
    ...['--outFile', outFile, '--enable', 'simd,relaxed-simd'],
    ...['-O1', '--noAssert', '--runtime', 'stub', '--importMemory', '--use', 'abort='],
  ])
  if (error) throw new Error(stderr.toString())
  const module = await WebAssembly.compile(new Uint8Array(await readFile(outFile)))
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as BoundKernels
}

/** Seconds of the fastest call: a bound is what others on the machine don't slow down. */
function fastest(body: () => void): number {
  let least = Infinity
  // The first calls run what the baseline compiler made.
  for (let round = -20; round < ROUNDS; round++) {
    const start = performance.now()
    body()
    if (round >= 0) least = Math.min(least, (performance.now() - start) / 1000)
  }
  return least
}

export async function measureBounds(): Promise<Bounds> {
  const most = LEVELS.at(-1)!.bytes
  const memory = new WebAssembly.Memory({ initial: (BUFFER + most) / 65_536 })
  const kernels = await openBoundKernels(memory)
  // Written, or the system gives one and the same page of zeros for all; f32 of it are small and never denormal.
  new Float32Array(memory.buffer, BUFFER).fill(1 / 1024)
  const arithmetic = (kind: Exclude<keyof BoundKernels, 'read'>, operations: number) =>
    (operations * STEPS) / fastest(() => kernels[kind](BUFFER, OUT, STEPS)) / 1e9
  return {
    dotAdd: arithmetic('dotAdd', INT8_OPERATIONS),
    dotWiden: arithmetic('dotWiden', INT8_OPERATIONS),
    dot16: arithmetic('dot16', INT8_OPERATIONS),
    multiplyAdd: arithmetic('multiplyAdd', F32_OPERATIONS),
    read: LEVELS.map(({ name, bytes }) => {
      const part = Math.min(bytes, READ_BYTES)
      // Round after round through all of it.
      let at = 0
      const seconds = fastest(() => {
        for (let i = 0; i < READ_BYTES / part; i++, at = (at + part) % bytes)
          kernels.read(BUFFER + at, OUT, part)
      })
      return { name, bytes, rate: READ_BYTES / seconds / 1e9 }
    }),
  }
}

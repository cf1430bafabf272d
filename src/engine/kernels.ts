/** The compiled kernels and the choice between their two builds. */

declare global {
  // Node's types have no WebAssembly: who imports this package's types there needs the two names that they mention.
  namespace WebAssembly {
    interface Module {}
    interface Memory {}
  }
}

/** Compiled kernels; relaxed SIMD runs where there is a choice. A Worker imports both, others compile the one they run. */
export type KernelModules =
  | { relaxed: WebAssembly.Module; simd?: WebAssembly.Module }
  | { relaxed?: undefined; simd: WebAssembly.Module }

export type KernelBuild = 'relaxed-simd' | 'simd'

/** Exports of src/engine/kernels/index.kernel.ts; every argument is a byte address, a count or a stride in elements. */
export interface Kernels {
  quantizeRows(x: number, q: number, scale: number, norm: number, M: number, K: number, Kp: number): void
  matmulInt8(
    q: number,
    scale: number,
    norm: number,
    w: number,
    wNorm: number,
    wScale: number,
    wZero: number,
    bias: number,
    c: number,
    ldc: number,
    M: number,
    N: number,
    Kp: number,
    centre: number,
    tile: number,
  ): void
  quantizeGroups(x: number, q: number, M: number, K: number, Kp: number, tile: number): void
  matmulInt4(
    q: number,
    w: number,
    bias: number,
    c: number,
    ldc: number,
    M: number,
    N: number,
    Kp: number,
    tile: number,
  ): void
  matmulF32(
    a: number,
    lda: number,
    b: number,
    panelStride: number,
    rowStride: number,
    bias: number,
    c: number,
    ldc: number,
    M: number,
    N: number,
    K: number,
    tile: number,
  ): void
  packKeys(from: number, ldFrom: number, to: number, first: number, T: number, D: number): void
  copyRows(from: number, ldFrom: number, to: number, ldTo: number, M: number, N: number): void
  transpose(from: number, to: number, rows: number, columns: number): void
  add(x: number, y: number, n: number): void
  addMatrix(x: number, ldx: number, y: number, ldy: number, M: number, N: number): void
  scale(x: number, factor: number, n: number): void
  multiplyRows(x: number, y: number, ldy: number, M: number, N: number): void
  rotate(x: number, ldx: number, M: number, heads: number, headDim: number, D: number, table: number): void
  gelu(x: number, n: number): void
  geluTanh(x: number, n: number): void
  relu(x: number, n: number): void
  silu(x: number, n: number): void
  tanh(x: number, n: number): void
  layerNorm(
    x: number,
    residual: number,
    out: number,
    weight: number,
    bias: number,
    M: number,
    N: number,
    eps: number,
  ): void
  rmsNorm(x: number, residual: number, out: number, weight: number, M: number, N: number, eps: number): void
  attention(
    queries: number,
    ldq: number,
    T: number,
    heads: number,
    D: number,
    keys: number,
    keyStride: number,
    keyHeads: number,
    values: number,
    ldv: number,
    valueStride: number,
    N: number,
    bias: number,
    ldb: number,
    biasStride: number,
    scale: number,
    past: number,
    window: number,
    block: number,
    scores: number,
    out: number,
    tile: number,
  ): void
  attentionInt8(
    queries: number,
    keys: number,
    values: number,
    ld: number,
    T: number,
    heads: number,
    D: number,
    scale: number,
    block: number,
    scratch: number,
    out: number,
  ): void
  attentionInt8Bytes(T: number, D: number, block: number): number
  softmax(x: number, M: number, N: number, stride: number, scale: number, past: number, window: number): void
  addRowsF32(table: number, ids: number, out: number, count: number, N: number): void
  addRowsInt8(table: number, scale: number, ids: number, out: number, count: number, N: number): void
  addRowsPackedF32(w: number, ids: number, out: number, count: number, N: number): void
  addRowsPackedInt8(
    w: number,
    scale: number,
    ids: number,
    out: number,
    count: number,
    N: number,
    Np: number,
  ): void
  addRowsPackedInt4(w: number, ids: number, out: number, count: number, N: number, Np: number): void
  meanRows(x: number, out: number, M: number, N: number): void
  decodeBf16(from: number, to: number, n: number): void
  decodeF16(from: number, to: number, n: number): void
  dequantizeRows(from: number, scale: number, to: number, M: number, K: number): void
  quantizeWeights(from: number, to: number, scale: number, M: number, K: number): void
  packInt8(
    from: number,
    to: number,
    zero: number,
    norm: number,
    firstRow: number,
    M: number,
    K: number,
    Kp: number,
  ): void
  packInt4(from: number, to: number, firstRow: number, M: number, K: number, Kp: number, tile: number): void
  packF32(from: number, to: number, firstRow: number, M: number, K: number): void
}

/** The fastest build that the host could compile. */
export function chooseBuild(modules: KernelModules): KernelBuild {
  return modules.relaxed ? 'relaxed-simd' : 'simd'
}

/** Instantiates the kernels on a memory; synchronous, because a Worker hands modules over compiled. */
export function instantiateKernels(modules: KernelModules, memory: WebAssembly.Memory): Kernels {
  const instance = new WebAssembly.Instance(modules.relaxed ?? modules.simd, { env: { memory } })
  return instance.exports as unknown as Kernels
}

/**
 * Compiles the kernels from their bytes (Node, browsers): those with relaxed SIMD, or the others where the host rejects
 * them. A Worker must import them statically instead, since it may not compile at run time.
 * @param read gives the bytes of dist/kernels.{relaxed,simd}.wasm
 */
export async function compileKernels(
  read: (build: 'relaxed' | 'simd') => Promise<Uint8Array<ArrayBuffer>>,
): Promise<KernelModules> {
  const relaxed = await read('relaxed')
  if (WebAssembly.validate(relaxed)) return { relaxed: await WebAssembly.compile(relaxed) }
  return { simd: await WebAssembly.compile(await read('simd')) }
}

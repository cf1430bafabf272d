/**
 * int8 matrix product. Weights are int8 with one scale a row; activations are quantized a row at a time to unsigned 7 bit
 * with zero point 64, the range in which the relaxed dot product gives the same result on every machine
 * (https://github.com/WebAssembly/relaxed-simd).
 *
 * A dot product that adds to 32 bits costs two multiplications on x86-64: one of bytes to 16 bits, one with ones to 32.
 * The second is saved for 15 of 16 columns by adding in 16 bits, modulo 2^16, within a chunk of 32 columns. The centred
 * sum of a chunk, Σ w (q - 64) over the 16 columns that share a lane, is exact wherever it fits 16 bits, whatever the
 * sums on the way to it are. By Cauchy and Schwarz it does where the norms of both sides' groups allow it, which is
 * checked for each tile: `norm` of the weights at packing, `norm` of the activations at quantizing. A tile that may not
 * fit takes the plain dot product. Results are the same either way.
 */
import { float, integer } from './constants.kernel'
import { fma4 } from './fma.kernel'

/** Weight rows in a panel; N is padded to it. */
const ROWS: i32 = 8
/** Columns whose products are added in 16 bits. */
export const CHUNK: i32 = 32
/** Bytes of weights that share the first-level cache with the activations. */
const GROUP: i32 = 16384
/** Norms whose product is at most this keep a chunk's sum within 16 bits: (2^15 - 1)². */
const LARGEST: f32 = 32767.0 * 32767.0

/**
 * q[m][k] = round(x[m][k] / scale[m]) + 64 with scale[m] = max|x[m]| / 63; columns K..Kp are filled with the zero
 * point (their weights are zero). Rows lie in tiles of four, [M/4][Kp/4][4][4]; a last row alone is [Kp], of two or
 * three the last is repeated.
 * @param x f32 [M][K]  @param q u8 [M to 4][Kp]  @param scale f32 [M to 4]  @param Kp K rounded up to 32
 * @param norm f32 [M/4]: at least Σ (q - 64)² of each of a tile's groups of 16 columns (see chunkSquares)
 */
export function quantizeRows(x: usize, q: usize, scale: usize, norm: usize, M: i32, K: i32, Kp: i32): void {
  for (let m = 0; m < M; m += 4) {
    const rows = min(4, M - m)
    store<f32>(norm, quantizeTile(x, K, rows, 63, f32.MAX_VALUE, float(44), integer(2), q, rows == 1 ? 4 : 16, scale, K, Kp))
    x += <usize>(4 * K) << 2
    q += <usize>(4 * Kp)
    scale += 16
    norm += 4
  }
}

/**
 * Four rows as bytes round(x / scale) + zero point, with scale = max|x| / levels, or more, so that the norm of no group of
 * 16 columns exceeds `most`. Each four columns of all rows lie together, `step` bytes apart; with a step of 4 only the
 * first row is written. Rows beyond `rows` repeat the last one.
 * @param shift ROUND plus the zero point  @param zero the zero point in each byte  @param scale f32 [4]
 * @returns at least Σ (q - zero point)² of each group
 */
export function quantizeTile(
  x: usize, ld: i32, rows: i32, levels: f32, most: f32, shift: v128, zero: v128, q: usize, step: usize, scale: usize,
  K: i32, Kp: i32,
): f32 {
  const x1 = x + (<usize>(min(1, rows - 1) * ld) << 2)
  const x2 = x + (<usize>(min(2, rows - 1) * ld) << 2)
  const x3 = x + (<usize>(min(3, rows - 1) * ld) << 2)
  let norm = scaleOf(x, K, levels, most, scale)
  if (rows > 1) norm = Mathf.max(norm, scaleOf(x1, K, levels, most, scale + 4))
  else store<f32>(scale, load<f32>(scale), 4)
  if (rows > 2) norm = Mathf.max(norm, scaleOf(x2, K, levels, most, scale + 8))
  else store<f32>(scale, load<f32>(scale, 4), 8)
  if (rows > 3) norm = Mathf.max(norm, scaleOf(x3, K, levels, most, scale + 12))
  else store<f32>(scale, load<f32>(scale, 8), 12)
  writeTile(x, x1, x2, x3, inverse(scale), inverse(scale + 4), inverse(scale + 8), inverse(scale + 12), shift, zero, q, step, K, Kp)
  return norm
}

/** 1 / scale, or 0 of 0. */
// @ts-ignore: decorator
@inline
function inverse(scale: usize): v128 {
  const s = load<f32>(scale)
  return f32x4.splat(s > 0 ? 1 / s : 0)
}

/** The scale of a row, written, and what it returns as quantizeTile. */
function scaleOf(x: usize, K: i32, levels: f32, most: f32, scale: usize): f32 {
  let max0 = f32x4.splat(0)
  let max1 = max0
  let norms = max0
  const K32 = K & ~31
  let k = 0
  for (; k < K32; k += CHUNK) {
    const p = x + (<usize>k << 2)
    const a = v128.load(p)
    max0 = f32x4.pmax(max0, f32x4.abs(a))
    let s0 = f32x4.mul(a, a)
    const b = v128.load(p, 16)
    max1 = f32x4.pmax(max1, f32x4.abs(b))
    let s1 = f32x4.mul(b, b)
    const c = v128.load(p, 32)
    max0 = f32x4.pmax(max0, f32x4.abs(c))
    s0 = fma4(c, c, s0)
    const d = v128.load(p, 48)
    max1 = f32x4.pmax(max1, f32x4.abs(d))
    s1 = fma4(d, d, s1)
    const e = v128.load(p, 64)
    max0 = f32x4.pmax(max0, f32x4.abs(e))
    s0 = fma4(e, e, s0)
    const f = v128.load(p, 80)
    max1 = f32x4.pmax(max1, f32x4.abs(f))
    s1 = fma4(f, f, s1)
    const g = v128.load(p, 96)
    max0 = f32x4.pmax(max0, f32x4.abs(g))
    s0 = fma4(g, g, s0)
    const h = v128.load(p, 112)
    max1 = f32x4.pmax(max1, f32x4.abs(h))
    s1 = fma4(h, h, s1)
    s0 = f32x4.add(s0, s1)
    norms = f32x4.pmax(norms, f32x4.add(s0, i32x4.shuffle(s0, s0, 1, 0, 3, 2)))
  }
  let rest = f32x4.splat(0)
  for (; k < (K & ~3); k += 4) {
    const a = v128.load(x + (<usize>k << 2))
    max0 = f32x4.pmax(max0, f32x4.abs(a))
    rest = fma4(a, a, rest)
  }
  for (; k < K; k++) {
    const a = f32x4.splat(load<f32>(x + (<usize>k << 2)))
    max0 = f32x4.pmax(max0, f32x4.abs(a))
    rest = fma4(a, a, rest)
  }
  norms = f32x4.pmax(norms, f32x4.add(rest, i32x4.shuffle(rest, rest, 1, 0, 3, 2)))
  max0 = f32x4.pmax(max0, max1)
  const largest: f32 = Mathf.max(
    Mathf.max(f32x4.extract_lane(max0, 0), f32x4.extract_lane(max0, 1)),
    Mathf.max(f32x4.extract_lane(max0, 2), f32x4.extract_lane(max0, 3)),
  )
  const norm: f32 = Mathf.sqrt(Mathf.max(f32x4.extract_lane(norms, 0), f32x4.extract_lane(norms, 2)))
  const s: f32 = Mathf.max(largest / levels, norm / most)
  store<f32>(scale, s)
  // Rounding adds at most half a step to each of 16 columns: 2 to their norm.
  const bound: f32 = s > 0 ? norm / s + 2.01 : 0
  return bound * bound
}

/** The bytes of quantizeTile. */
export function writeTile(
  x: usize, x1: usize, x2: usize, x3: usize, i0: v128, i1: v128, i2: v128, i3: v128, shift: v128, zero: v128,
  q: usize, step: usize, K: i32, Kp: i32,
): void {
  const single = step == 4
  for (let k = 0; k < Kp; k += 16) {
    const p = <usize>k << 2
    const a = quantize16(x + p, i0, i0, i0, i0, shift, zero, K - k)
    if (single) {
      v128.store(q, a)
      q += 16
      continue
    }
    const b = quantize16(x1 + p, i1, i1, i1, i1, shift, zero, K - k)
    const c = quantize16(x2 + p, i2, i2, i2, i2, shift, zero, K - k)
    const d = quantize16(x3 + p, i3, i3, i3, i3, shift, zero, K - k)
    const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5)
    const ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7)
    const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5)
    const cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7)
    v128.store(q, i64x2.shuffle(ab0, cd0, 0, 2))
    v128.store(q + step, i64x2.shuffle(ab0, cd0, 1, 3))
    v128.store(q + 2 * step, i64x2.shuffle(ab1, cd1, 0, 2))
    v128.store(q + 3 * step, i64x2.shuffle(ab1, cd1, 1, 3))
    q += 4 * step
  }
}

/**
 * 16 values as bytes, or the first n of them and the zero point behind; reads 16 in any case where n > 0. Of ROUND the
 * lowest byte is zero, so that of the sum is the value, in two's complement.
 */
// @ts-ignore: decorator
@inline
export function quantize16(
  p: usize, i0: v128, i1: v128, i2: v128, i3: v128, shift: v128, zero: v128, n: i32,
): v128 {
  if (n <= 0) return zero
  return bytes16(
    fma4(v128.load(p), i0, shift), fma4(v128.load(p, 16), i1, shift), fma4(v128.load(p, 32), i2, shift),
    fma4(v128.load(p, 48), i3, shift), zero, n,
  )
}

/** The lowest bytes, of the first n. */
// @ts-ignore: decorator
@inline
export function bytes16(a: v128, b: v128, c: v128, d: v128, zero: v128, n: i32): v128 {
  const low = integer(1)
  // Values are in [0, 255], so the saturating narrows never saturate.
  const all = i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(v128.and(a, low), v128.and(b, low)), i16x8.narrow_i32x4_s(v128.and(c, low), v128.and(d, low)),
  )
  if (n >= 16) return all
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  return v128.bitselect(all, zero, i8x16.lt_s(lanes, i8x16.splat(<i8>max(0, n))))
}

/**
 * Sums of squares of a chunk's two groups, in lanes 0 and 1: the columns whose products share a lane of 16 bits are the
 * first and second, or the third and fourth, of each four.
 */
// @ts-ignore: decorator
@inline
export function chunkSquares(a: v128, b: v128): v128 {
  const a0 = i16x8.extend_low_i8x16_s(a)
  const a1 = i16x8.extend_high_i8x16_s(a)
  const b0 = i16x8.extend_low_i8x16_s(b)
  const b1 = i16x8.extend_high_i8x16_s(b)
  const sums = i32x4.add(
    i32x4.add(i32x4.dot_i16x8_s(a0, a0), i32x4.dot_i16x8_s(a1, a1)),
    i32x4.add(i32x4.dot_i16x8_s(b0, b0), i32x4.dot_i16x8_s(b1, b1)),
  )
  return i32x4.add(sums, i32x4.shuffle(sums, sums, 2, 3, 0, 1))
}

/**
 * c[m][n] = scale[m] * wScale[n] * (Σk q[m][k] w[n][k] - wZero[n]) + bias[n]
 * @param q, scale, norm as quantizeRows makes them
 * @param w int8, packed [N/8][Kp/4][8 rows][4 columns]; wScale and bias f32, wZero i32 (64 * row sum), all [N to 8]
 * @param wNorm f32 [N/8], as packInt8 makes it
 * @param c f32 [M][N] with row stride ldc
 * @param centre max(2048, Kp) bytes of scratch  @param tile 128 bytes of scratch
 */
export function matmulInt8(
  q: usize, scale: usize, norm: usize, w: usize, wNorm: usize, wScale: usize, wZero: usize, bias: usize,
  c: usize, ldc: i32, M: i32, N: i32, Kp: i32, centre: usize, tile: usize,
): void {
  multiplyInt8(q, scale, norm, w, wNorm, wScale, wZero, bias, c, ldc, M, N, Kp, M > 1, centre, tile)
}

/** As matmulInt8; if not `centred`, centre is given, for a zero point of 0 zeros. */
export function multiplyInt8(
  q: usize, scale: usize, norm: usize, w: usize, wNorm: usize, wScale: usize, wZero: usize, bias: usize,
  c: usize, ldc: i32, M: i32, N: i32, Kp: i32, centred: bool, centre: usize, tile: usize,
): void {
  const panel = <usize>(ROWS * Kp)
  // Panels that stay in the first-level cache while all tokens pass.
  const group = max(1, GROUP / <i32>panel) * ROWS
  for (let first = 0; first < N; first += group) {
    const rows = min(group, N - first)
    if (ASC_FEATURE_RELAXED_SIMD && centred) centres(w, centre, (rows + ROWS - 1) / ROWS * Kp / CHUNK)
    let qm = q
    let sm = scale
    let nm = norm
    let cm = c
    for (let m = 0; m < M; m += 4) {
      const tokens = min(4, M - m)
      tileRow(qm, sm, load<f32>(nm), tokens, w, wNorm, centre, wScale, wZero, bias, cm, ldc, rows, Kp, tile)
      cm += <usize>(4 * ldc) << 2
      qm += <usize>(4 * Kp)
      sm += 16
      nm += 4
    }
    w += <usize>(group * Kp)
    wNorm += <usize>(group / ROWS) << 2
    wScale += <usize>group << 2
    wZero += <usize>group << 2
    bias += <usize>group << 2
    c += <usize>group << 2
  }
}

/**
 * What centres the sums of each chunk: -64 times the sums of its two groups, modulo 2^16, i16 [chunks][8 rows][2]. Made
 * anew for each product, since to keep it would take an eighth of the weights' memory.
 */
function centres(w: usize, centre: usize, chunks: i32): void {
  const x = integer(2)
  for (; chunks > 0; chunks--) {
    let a = i16x8.splat(0)
    let b = a
    for (const end = w + CHUNK * ROWS; w < end; w += 32) {
      a = i16x8.sub(a, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w), x))
      b = i16x8.sub(b, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load(w, 16), x))
    }
    v128.store(centre, a)
    v128.store(centre, b, 16)
    centre += 32
  }
}

/** Up to four tokens by `rows` weight rows. */
function tileRow(
  q: usize, scale: usize, norm: f32, tokens: i32, w: usize, wNorm: usize, centre: usize, wScale: usize, wZero: usize,
  bias: usize, c: usize, ldc: i32, rows: i32, Kp: i32, tile: usize,
): void {
  const panel = <usize>(ROWS * Kp)
  const ones = i16x8.splat(<i16>min(1, tokens))
  for (; rows > 0; rows -= ROWS) {
    // Of two or three tokens the last is computed again, and not kept.
    const direct = rows >= ROWS && (tokens == 4 || tokens == 1)
    const out = direct ? c : tile
    const ld = direct ? ldc : ROWS
    if (tokens == 1) tile1(q, scale, w, panel, ones, wScale, wZero, bias, out)
    else if (ASC_FEATURE_RELAXED_SIMD && norm * load<f32>(wNorm) <= LARGEST)
      tile4Chunks(q, scale, w, panel, centre, ones, wScale, bias, out, ld)
    else tile4(q, scale, w, panel, ones, wScale, wZero, bias, out, ld)
    if (!direct) copyTile(tile, c, ldc, tokens, min(ROWS, rows))
    w += panel
    wNorm += 4
    centre += Kp
    wScale += ROWS * 4
    wZero += ROWS * 4
    bias += ROWS * 4
    c += ROWS * 4
  }
}

export function copyTile(tile: usize, c: usize, ldc: i32, rows: i32, columns: i32): void {
  for (let m = 0; m < rows; m++)
    for (let n = 0; n < columns; n++)
      store<f32>(c + (<usize>(m * ldc + n) << 2), load<f32>(tile + (<usize>(m * ROWS + n) << 2)))
}

// @ts-ignore: decorator
@inline
function writeOut(out: usize, sums: v128, wScale: v128, scale: v128, bias: v128): void {
  v128.store(out, fma4(f32x4.convert_i32x4_s(sums), f32x4.mul(wScale, scale), bias))
}

/** acc + w · x of four columns in 32 bits: V8 makes more of relaxed_dot_i8x16_i7x16_add_s. */
// @ts-ignore: decorator
@inline
function addDot(acc: v128, w: v128, x: v128, ones: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), ones))
}

/** acc + w · x of four columns in 16 bits. */
// @ts-ignore: decorator
@inline
function addPairs16(acc: v128, w: v128, x: v128): v128 {
  return i16x8.add(acc, i16x8.relaxed_dot_i8x16_i7x16_s(w, x))
}

/**
 * Four tokens by eight rows, a chunk at a time. The steps of a chunk are written out: as a loop they take an eighth longer.
 * `ones` are in a register, because V8 would fetch a constant from memory at each use.
 */
// @ts-ignore: decorator
@inline
function tile4Chunks(
  q: usize, scale: usize, w: usize, panel: usize, centre: usize, ones: v128, wScale: usize, bias: usize, out: usize,
  ldc: i32,
): void {
  const end = w + panel
  let a0 = i32x4.splat(0)
  let a1 = i32x4.splat(0)
  let a2 = i32x4.splat(0)
  let a3 = i32x4.splat(0)
  let b0 = i32x4.splat(0)
  let b1 = i32x4.splat(0)
  let b2 = i32x4.splat(0)
  let b3 = i32x4.splat(0)
  while (w < end) {
    let p0 = v128.load(centre)
    let r0 = v128.load(centre, 16)
    let p1 = p0
    let p2 = p0
    let p3 = p0
    let r1 = r0
    let r2 = r0
    let r3 = r0
    const a0w = v128.load(w)
    const b0w = v128.load(w, 16)
    const x00 = v128.load32_splat(q)
    p0 = addPairs16(p0, a0w, x00)
    r0 = addPairs16(r0, b0w, x00)
    const x01 = v128.load32_splat(q, 4)
    p1 = addPairs16(p1, a0w, x01)
    r1 = addPairs16(r1, b0w, x01)
    const x02 = v128.load32_splat(q, 8)
    p2 = addPairs16(p2, a0w, x02)
    r2 = addPairs16(r2, b0w, x02)
    const x03 = v128.load32_splat(q, 12)
    p3 = addPairs16(p3, a0w, x03)
    r3 = addPairs16(r3, b0w, x03)
    const q1 = q + 16
    const a1w = v128.load(w, 32)
    const b1w = v128.load(w, 48)
    const x10 = v128.load32_splat(q1)
    p0 = addPairs16(p0, a1w, x10)
    r0 = addPairs16(r0, b1w, x10)
    const x11 = v128.load32_splat(q1, 4)
    p1 = addPairs16(p1, a1w, x11)
    r1 = addPairs16(r1, b1w, x11)
    const x12 = v128.load32_splat(q1, 8)
    p2 = addPairs16(p2, a1w, x12)
    r2 = addPairs16(r2, b1w, x12)
    const x13 = v128.load32_splat(q1, 12)
    p3 = addPairs16(p3, a1w, x13)
    r3 = addPairs16(r3, b1w, x13)
    const q2 = q + 32
    const a2w = v128.load(w, 64)
    const b2w = v128.load(w, 80)
    const x20 = v128.load32_splat(q2)
    p0 = addPairs16(p0, a2w, x20)
    r0 = addPairs16(r0, b2w, x20)
    const x21 = v128.load32_splat(q2, 4)
    p1 = addPairs16(p1, a2w, x21)
    r1 = addPairs16(r1, b2w, x21)
    const x22 = v128.load32_splat(q2, 8)
    p2 = addPairs16(p2, a2w, x22)
    r2 = addPairs16(r2, b2w, x22)
    const x23 = v128.load32_splat(q2, 12)
    p3 = addPairs16(p3, a2w, x23)
    r3 = addPairs16(r3, b2w, x23)
    const q3 = q + 48
    const a3w = v128.load(w, 96)
    const b3w = v128.load(w, 112)
    const x30 = v128.load32_splat(q3)
    p0 = addPairs16(p0, a3w, x30)
    r0 = addPairs16(r0, b3w, x30)
    const x31 = v128.load32_splat(q3, 4)
    p1 = addPairs16(p1, a3w, x31)
    r1 = addPairs16(r1, b3w, x31)
    const x32 = v128.load32_splat(q3, 8)
    p2 = addPairs16(p2, a3w, x32)
    r2 = addPairs16(r2, b3w, x32)
    const x33 = v128.load32_splat(q3, 12)
    p3 = addPairs16(p3, a3w, x33)
    r3 = addPairs16(r3, b3w, x33)
    const q4 = q + 64
    const a4w = v128.load(w, 128)
    const b4w = v128.load(w, 144)
    const x40 = v128.load32_splat(q4)
    p0 = addPairs16(p0, a4w, x40)
    r0 = addPairs16(r0, b4w, x40)
    const x41 = v128.load32_splat(q4, 4)
    p1 = addPairs16(p1, a4w, x41)
    r1 = addPairs16(r1, b4w, x41)
    const x42 = v128.load32_splat(q4, 8)
    p2 = addPairs16(p2, a4w, x42)
    r2 = addPairs16(r2, b4w, x42)
    const x43 = v128.load32_splat(q4, 12)
    p3 = addPairs16(p3, a4w, x43)
    r3 = addPairs16(r3, b4w, x43)
    const q5 = q + 80
    const a5w = v128.load(w, 160)
    const b5w = v128.load(w, 176)
    const x50 = v128.load32_splat(q5)
    p0 = addPairs16(p0, a5w, x50)
    r0 = addPairs16(r0, b5w, x50)
    const x51 = v128.load32_splat(q5, 4)
    p1 = addPairs16(p1, a5w, x51)
    r1 = addPairs16(r1, b5w, x51)
    const x52 = v128.load32_splat(q5, 8)
    p2 = addPairs16(p2, a5w, x52)
    r2 = addPairs16(r2, b5w, x52)
    const x53 = v128.load32_splat(q5, 12)
    p3 = addPairs16(p3, a5w, x53)
    r3 = addPairs16(r3, b5w, x53)
    const q6 = q + 96
    const a6w = v128.load(w, 192)
    const b6w = v128.load(w, 208)
    const x60 = v128.load32_splat(q6)
    p0 = addPairs16(p0, a6w, x60)
    r0 = addPairs16(r0, b6w, x60)
    const x61 = v128.load32_splat(q6, 4)
    p1 = addPairs16(p1, a6w, x61)
    r1 = addPairs16(r1, b6w, x61)
    const x62 = v128.load32_splat(q6, 8)
    p2 = addPairs16(p2, a6w, x62)
    r2 = addPairs16(r2, b6w, x62)
    const x63 = v128.load32_splat(q6, 12)
    p3 = addPairs16(p3, a6w, x63)
    r3 = addPairs16(r3, b6w, x63)
    const q7 = q + 112
    const a7w = v128.load(w, 224)
    const b7w = v128.load(w, 240)
    const x70 = v128.load32_splat(q7)
    p0 = addPairs16(p0, a7w, x70)
    r0 = addPairs16(r0, b7w, x70)
    const x71 = v128.load32_splat(q7, 4)
    p1 = addPairs16(p1, a7w, x71)
    r1 = addPairs16(r1, b7w, x71)
    const x72 = v128.load32_splat(q7, 8)
    p2 = addPairs16(p2, a7w, x72)
    r2 = addPairs16(r2, b7w, x72)
    const x73 = v128.load32_splat(q7, 12)
    p3 = addPairs16(p3, a7w, x73)
    r3 = addPairs16(r3, b7w, x73)
    a0 = i32x4.add(a0, i32x4.dot_i16x8_s(p0, ones))
    b0 = i32x4.add(b0, i32x4.dot_i16x8_s(r0, ones))
    a1 = i32x4.add(a1, i32x4.dot_i16x8_s(p1, ones))
    b1 = i32x4.add(b1, i32x4.dot_i16x8_s(r1, ones))
    a2 = i32x4.add(a2, i32x4.dot_i16x8_s(p2, ones))
    b2 = i32x4.add(b2, i32x4.dot_i16x8_s(r2, ones))
    a3 = i32x4.add(a3, i32x4.dot_i16x8_s(p3, ones))
    b3 = i32x4.add(b3, i32x4.dot_i16x8_s(r3, ones))
    w += CHUNK * ROWS
    q += CHUNK * 4
    centre += 32
  }
  write4(a0, a1, a2, a3, b0, b1, b2, b3, scale, wScale, bias, out, ldc)
}

// @ts-ignore: decorator
@inline
function write4(
  a0: v128, a1: v128, a2: v128, a3: v128, b0: v128, b1: v128, b2: v128, b3: v128,
  scale: usize, wScale: usize, bias: usize, out: usize, ldc: i32,
): void {
  const scaleA = v128.load(wScale)
  const scaleB = v128.load(wScale, 16)
  const biasA = v128.load(bias)
  const biasB = v128.load(bias, 16)
  const row = <usize>ldc << 2
  const s0 = v128.load32_splat(scale)
  writeOut(out, a0, scaleA, s0, biasA)
  writeOut(out + 16, b0, scaleB, s0, biasB)
  const s1 = v128.load32_splat(scale, 4)
  out += row
  writeOut(out, a1, scaleA, s1, biasA)
  writeOut(out + 16, b1, scaleB, s1, biasB)
  const s2 = v128.load32_splat(scale, 8)
  out += row
  writeOut(out, a2, scaleA, s2, biasA)
  writeOut(out + 16, b2, scaleB, s2, biasB)
  const s3 = v128.load32_splat(scale, 12)
  out += row
  writeOut(out, a3, scaleA, s3, biasA)
  writeOut(out + 16, b3, scaleB, s3, biasB)
}

/** Four tokens by eight rows in 32 bits. */
function tile4(
  q: usize, scale: usize, w: usize, panel: usize, ones: v128, wScale: usize, wZero: usize, bias: usize, out: usize,
  ldc: i32,
): void {
  const end = w + panel
  let a0 = i32x4.splat(0)
  let a1 = i32x4.splat(0)
  let a2 = i32x4.splat(0)
  let a3 = i32x4.splat(0)
  let b0 = i32x4.splat(0)
  let b1 = i32x4.splat(0)
  let b2 = i32x4.splat(0)
  let b3 = i32x4.splat(0)
  if (ASC_FEATURE_RELAXED_SIMD) {
    while (w < end) {
      const wa = v128.load(w)
      const wb = v128.load(w, 16)
      const x0 = v128.load32_splat(q)
      a0 = addDot(a0, wa, x0, ones)
      b0 = addDot(b0, wb, x0, ones)
      const x1 = v128.load32_splat(q, 4)
      a1 = addDot(a1, wa, x1, ones)
      b1 = addDot(b1, wb, x1, ones)
      const x2 = v128.load32_splat(q, 8)
      a2 = addDot(a2, wa, x2, ones)
      b2 = addDot(b2, wb, x2, ones)
      const x3 = v128.load32_splat(q, 12)
      a3 = addDot(a3, wa, x3, ones)
      b3 = addDot(b3, wb, x3, ones)
      w += 32
      q += 16
    }
  } else {
    // Without relaxed SIMD: widened to i16, four rows at a time. A dot of i16 pairs leaves two partial sums a row,
    // which are added at the end.
    for (let half = 0; half < 2; half++) {
      let p0 = i32x4.splat(0)
      let p1 = i32x4.splat(0)
      let p2 = i32x4.splat(0)
      let p3 = i32x4.splat(0)
      let r0 = i32x4.splat(0)
      let r1 = i32x4.splat(0)
      let r2 = i32x4.splat(0)
      let r3 = i32x4.splat(0)
      let x = q
      for (let wp = w + 16 * half; wp < end; wp += 32) {
        const weights = v128.load(wp)
        const low = i16x8.extend_low_i8x16_s(weights)
        const high = i16x8.extend_high_i8x16_s(weights)
        const x0 = i16x8.extend_low_i8x16_s(v128.load32_splat(x))
        p0 = i32x4.add(p0, i32x4.dot_i16x8_s(low, x0))
        r0 = i32x4.add(r0, i32x4.dot_i16x8_s(high, x0))
        const x1 = i16x8.extend_low_i8x16_s(v128.load32_splat(x, 4))
        p1 = i32x4.add(p1, i32x4.dot_i16x8_s(low, x1))
        r1 = i32x4.add(r1, i32x4.dot_i16x8_s(high, x1))
        const x2 = i16x8.extend_low_i8x16_s(v128.load32_splat(x, 8))
        p2 = i32x4.add(p2, i32x4.dot_i16x8_s(low, x2))
        r2 = i32x4.add(r2, i32x4.dot_i16x8_s(high, x2))
        const x3 = i16x8.extend_low_i8x16_s(v128.load32_splat(x, 12))
        p3 = i32x4.add(p3, i32x4.dot_i16x8_s(low, x3))
        r3 = i32x4.add(r3, i32x4.dot_i16x8_s(high, x3))
        x += 16
      }
      if (half == 0) {
        a0 = addPairs(p0, r0)
        a1 = addPairs(p1, r1)
        a2 = addPairs(p2, r2)
        a3 = addPairs(p3, r3)
      } else {
        b0 = addPairs(p0, r0)
        b1 = addPairs(p1, r1)
        b2 = addPairs(p2, r2)
        b3 = addPairs(p3, r3)
      }
    }
  }
  const zeroA = v128.load(wZero)
  const zeroB = v128.load(wZero, 16)
  write4(
    i32x4.sub(a0, zeroA), i32x4.sub(a1, zeroA), i32x4.sub(a2, zeroA), i32x4.sub(a3, zeroA),
    i32x4.sub(b0, zeroB), i32x4.sub(b1, zeroB), i32x4.sub(b2, zeroB), i32x4.sub(b3, zeroB),
    scale, wScale, bias, out, ldc,
  )
}

/** One token: bound by reading the weights, so two columns of four are in flight. Kp is a multiple of 16. */
function tile1(
  q: usize, scale: usize, w: usize, panel: usize, ones: v128, wScale: usize, wZero: usize, bias: usize, out: usize,
): void {
  const end = w + panel
  let a = i32x4.splat(0)
  let b = i32x4.splat(0)
  if (ASC_FEATURE_RELAXED_SIMD) {
    let a1 = i32x4.splat(0)
    let b1 = i32x4.splat(0)
    while (w < end) {
      const x0 = v128.load32_splat(q)
      const x1 = v128.load32_splat(q, 4)
      a = addDot(a, v128.load(w), x0, ones)
      b = addDot(b, v128.load(w, 16), x0, ones)
      a1 = addDot(a1, v128.load(w, 32), x1, ones)
      b1 = addDot(b1, v128.load(w, 48), x1, ones)
      w += 64
      q += 8
    }
    a = i32x4.add(a, a1)
    b = i32x4.add(b, b1)
  } else {
    let aLow = i32x4.splat(0)
    let aHigh = i32x4.splat(0)
    let bLow = i32x4.splat(0)
    let bHigh = i32x4.splat(0)
    while (w < end) {
      const x = i16x8.extend_low_i8x16_s(v128.load32_splat(q))
      const wa = v128.load(w)
      const wb = v128.load(w, 16)
      aLow = i32x4.add(aLow, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(wa), x))
      aHigh = i32x4.add(aHigh, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(wa), x))
      bLow = i32x4.add(bLow, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(wb), x))
      bHigh = i32x4.add(bHigh, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(wb), x))
      w += 32
      q += 4
    }
    a = addPairs(aLow, aHigh)
    b = addPairs(bLow, bHigh)
  }
  const s = v128.load32_splat(scale)
  writeOut(out, i32x4.sub(a, v128.load(wZero)), v128.load(wScale), s, v128.load(bias))
  writeOut(out + 16, i32x4.sub(b, v128.load(wZero, 16)), v128.load(wScale, 16), s, v128.load(bias, 16))
}

/** [l0+l1, l2+l3, h0+h1, h2+h3] */
// @ts-ignore: decorator
@inline
function addPairs(low: v128, high: v128): v128 {
  return i32x4.add(i32x4.shuffle(low, high, 0, 2, 4, 6), i32x4.shuffle(low, high, 1, 3, 5, 7))
}

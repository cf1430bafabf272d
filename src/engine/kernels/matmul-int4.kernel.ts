/**
 * Matrix product of 4-bit weights, for models whose step is bound by reading them. Groups of 32 columns share a scale, on
 * both sides: a row's group of weights is w = scale * (u - 8) with u in 0..15, a token's group of activations is int8.
 *
 * u is the operand of the relaxed dot product that must fit 7 bits, so activations keep 8, and what centres the sums is
 * -8 times the sum of the activations alone: it is made with them, once a token. A group fits 16 bits whatever it holds,
 * |Σ x (u - 8)| <= 16 columns a lane * 127 * 8, so the second multiplication is paid once a group.
 *
 * Memory, bytes:
 *     weights, two panels of 8 rows    [Kp/32][2] of: scales 16, u [8 steps][4 rows][4 columns] 128
 *     activations, a tile of t tokens  [Kp/32] of: centres [t] 4, scales f32 [t] 4, x [8 steps][t][4 columns]
 * A scale is the upper half of an f32; the 32 bits of lane i have those of rows i and, above, 4 + i, as each byte of u
 * has their columns in its lower and upper half. A centre is an i16 for each two of the four columns of a step.
 */
import { float, integer } from './constants.kernel'
import { fma4 } from './fma.kernel'
import { copyTile } from './matmul-int8.kernel'

const ROWS: i32 = 8
/** Columns that share a scale. */
const COLUMNS: i32 = 32
/** Bytes of them in a panel, and in a tile for each token. */
const PANEL: i32 = 144
const TOKEN: i32 = 40
/** Bytes of weights that share the first-level cache with the activations. */
const CACHED: i32 = 16384

/**
 * x[m][k] as int8 with scale max|x| / 127 of its group, in tiles of four tokens, or of one where it is the last alone; of
 * two or three the last is repeated. Columns K..Kp are 0.
 * @param x f32 [M][K]  @param q [M to 4][Kp/32][TOKEN]  @param Kp K rounded up to 32  @param tile 128 bytes of scratch
 */
export function quantizeGroups(x: usize, q: usize, M: i32, K: i32, Kp: i32, tile: usize): void {
  for (let m = 0; m < M; m += 4) {
    const rows = min(4, M - m)
    const tokens = rows == 1 ? 1 : 4
    for (let i = 0; i < tokens; i++) {
      const row = x + (<usize>(min(i, rows - 1) * K) << 2)
      let to = q + (<usize>i << 2)
      for (let k = 0; k < K; k += COLUMNS) {
        quantizeGroup(wholeGroup(row + (<usize>k << 2), K - k, tile), to, <usize>(4 * tokens))
        to += <usize>(TOKEN * tokens)
      }
    }
    x += <usize>(4 * K) << 2
    q += <usize>(tokens * TOKEN * (Kp / COLUMNS))
  }
}

/** Address of 32 values, or of n values and zeros behind them in `tile`. */
function wholeGroup(x: usize, n: i32, tile: usize): usize {
  if (n >= COLUMNS) return x
  memory.fill(tile, 0, COLUMNS * 4)
  memory.copy(tile, x, <usize>n << 2)
  return tile
}

// @ts-ignore: decorator
@inline
function largestOf(x: v128): f32 {
  const pairs = f32x4.pmax(x, i32x4.shuffle(x, x, 2, 3, 0, 1))
  return Mathf.max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1))
}

/** What belongs to one token is written `step` bytes apart. */
function quantizeGroup(x: usize, to: usize, step: usize): void {
  let max4 = f32x4.abs(v128.load(x))
  for (let i = 16; i < COLUMNS * 4; i += 16) max4 = f32x4.pmax(max4, f32x4.abs(v128.load(x + i)))
  const largest = largestOf(max4)
  const inverse4 = f32x4.splat(largest > 0 ? 127 / largest : 0)
  const a = quantize16(x, inverse4)
  const b = quantize16(x + 64, inverse4)
  let sums = i16x8.add(i16x8.extadd_pairwise_i8x16_s(a), i16x8.extadd_pairwise_i8x16_s(b))
  sums = i16x8.add(sums, i32x4.shuffle(sums, sums, 2, 3, 0, 1))
  sums = i16x8.add(sums, i32x4.shuffle(sums, sums, 1, 0, 3, 2))
  v128.store32_lane(to, i16x8.neg(i16x8.shl(sums, 3)), 0)
  store<f32>(to + step, largest / 127)
  to += 2 * step
  v128.store32_lane(to, a, 0)
  v128.store32_lane(to + step, a, 1)
  v128.store32_lane(to + 2 * step, a, 2)
  v128.store32_lane(to + 3 * step, a, 3)
  to += 4 * step
  v128.store32_lane(to, b, 0)
  v128.store32_lane(to + step, b, 1)
  v128.store32_lane(to + 2 * step, b, 2)
  v128.store32_lane(to + 3 * step, b, 3)
}

/** 16 values as int8. */
// @ts-ignore: decorator
@inline
function quantize16(x: usize, inverse4: v128): v128 {
  const round = float(3)
  const low = integer(1)
  const a = v128.and(fma4(v128.load(x), inverse4, round), low)
  const b = v128.and(fma4(v128.load(x, 16), inverse4, round), low)
  const c = v128.and(fma4(v128.load(x, 32), inverse4, round), low)
  const d = v128.and(fma4(v128.load(x, 48), inverse4, round), low)
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
}

/**
 * c[m][n] = Σk x[m][k] w[n][k] + bias[n]
 * @param q x as quantizeGroups makes it  @param w as packInt4 makes it  @param bias f32 [N to 16]
 * @param c f32 [M][N] with row stride ldc  @param tile 128 bytes of scratch
 */
export function matmulInt4(
  q: usize, w: usize, bias: usize, c: usize, ldc: i32, M: i32, N: i32, Kp: i32, tile: usize,
): void {
  const groups = Kp / COLUMNS
  const pair = <usize>(2 * PANEL * groups)
  // Panels that stay in the first-level cache while all tokens pass.
  const rows = max(1, CACHED / <i32>pair) * 2 * ROWS
  for (let first = 0; first < N; first += rows) {
    const last = min(N, first + rows)
    let qm = q
    for (let m = 0; m < M; m += 4) {
      const tokens = min(4, M - m)
      const width = tokens == 1 ? 2 * ROWS : ROWS
      for (let n = first; n < last; n += width) {
        const wn = w + <usize>((n - first) >> 4) * pair + <usize>(n & 8) * (PANEL / 8)
        const end = wn + pair
        const bn = bias + (<usize>n << 2)
        const to = c + (<usize>(m * ldc + n) << 2)
        // Of two or three tokens the last is computed again, and not kept.
        const direct = n + width <= N && (tokens == 4 || tokens == 1)
        const out = direct ? to : tile
        if (tokens == 1) tile1(qm, wn, end, bn, out)
        else tile4(qm, wn, end, bn, out, direct ? ldc : ROWS)
        if (!direct) copyTile(tile, to, ldc, tokens, min(width, N - n))
      }
      qm += <usize>(4 * TOKEN * groups)
    }
    w += <usize>(rows / (2 * ROWS)) * pair
  }
}

/** acc + x · u of two columns in each 16 bits, x int8, u at most 15. */
// @ts-ignore: decorator
@inline
function addPairs(acc: v128, x: v128, u: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.add(acc, i16x8.relaxed_dot_i8x16_i7x16_s(x, u))
  const even = i16x8.mul(i16x8.shr_s(i16x8.shl(x, 8), 8), i16x8.shr_u(i16x8.shl(u, 8), 8))
  return i16x8.add(i16x8.add(acc, even), i16x8.mul(i16x8.shr_s(x, 8), i16x8.shr_u(u, 8)))
}

/** acc + a group's sums times both its scales. */
// @ts-ignore: decorator
@inline
function addGroup(acc: v128, sums: v128, ones: v128, wScale: v128, xScale: v128): v128 {
  return fma4(f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(sums, ones)), f32x4.mul(wScale, xScale), acc)
}

/** One token by two panels. */
function tile1(q: usize, w: usize, end: usize, bias: usize, out: usize): void {
  const ones = i16x8.splat(<i16>min(1, <i32>end))
  const low = integer(3)
  let a4 = v128.load(bias)
  let b4 = v128.load(bias, 16)
  let c4 = v128.load(bias, 32)
  let d4 = v128.load(bias, 48)
  while (w < end) {
    let a = v128.load32_splat(q)
    let b = a
    let c = a
    let d = a
    const scale = v128.load32_splat(q, 4)
    const x0 = v128.load32_splat(q, 8)
    const u0 = v128.load(w, 16)
    a = addPairs(a, x0, v128.and(u0, low))
    b = addPairs(b, x0, v128.and(i16x8.shr_u(u0, 4), low))
    const v0 = v128.load(w, 160)
    c = addPairs(c, x0, v128.and(v0, low))
    d = addPairs(d, x0, v128.and(i16x8.shr_u(v0, 4), low))
    const x1 = v128.load32_splat(q, 12)
    const u1 = v128.load(w, 32)
    a = addPairs(a, x1, v128.and(u1, low))
    b = addPairs(b, x1, v128.and(i16x8.shr_u(u1, 4), low))
    const v1 = v128.load(w, 176)
    c = addPairs(c, x1, v128.and(v1, low))
    d = addPairs(d, x1, v128.and(i16x8.shr_u(v1, 4), low))
    const x2 = v128.load32_splat(q, 16)
    const u2 = v128.load(w, 48)
    a = addPairs(a, x2, v128.and(u2, low))
    b = addPairs(b, x2, v128.and(i16x8.shr_u(u2, 4), low))
    const v2 = v128.load(w, 192)
    c = addPairs(c, x2, v128.and(v2, low))
    d = addPairs(d, x2, v128.and(i16x8.shr_u(v2, 4), low))
    const x3 = v128.load32_splat(q, 20)
    const u3 = v128.load(w, 64)
    a = addPairs(a, x3, v128.and(u3, low))
    b = addPairs(b, x3, v128.and(i16x8.shr_u(u3, 4), low))
    const v3 = v128.load(w, 208)
    c = addPairs(c, x3, v128.and(v3, low))
    d = addPairs(d, x3, v128.and(i16x8.shr_u(v3, 4), low))
    const x4 = v128.load32_splat(q, 24)
    const u4 = v128.load(w, 80)
    a = addPairs(a, x4, v128.and(u4, low))
    b = addPairs(b, x4, v128.and(i16x8.shr_u(u4, 4), low))
    const v4 = v128.load(w, 224)
    c = addPairs(c, x4, v128.and(v4, low))
    d = addPairs(d, x4, v128.and(i16x8.shr_u(v4, 4), low))
    const x5 = v128.load32_splat(q, 28)
    const u5 = v128.load(w, 96)
    a = addPairs(a, x5, v128.and(u5, low))
    b = addPairs(b, x5, v128.and(i16x8.shr_u(u5, 4), low))
    const v5 = v128.load(w, 240)
    c = addPairs(c, x5, v128.and(v5, low))
    d = addPairs(d, x5, v128.and(i16x8.shr_u(v5, 4), low))
    const x6 = v128.load32_splat(q, 32)
    const u6 = v128.load(w, 112)
    a = addPairs(a, x6, v128.and(u6, low))
    b = addPairs(b, x6, v128.and(i16x8.shr_u(u6, 4), low))
    const v6 = v128.load(w, 256)
    c = addPairs(c, x6, v128.and(v6, low))
    d = addPairs(d, x6, v128.and(i16x8.shr_u(v6, 4), low))
    const x7 = v128.load32_splat(q, 36)
    const u7 = v128.load(w, 128)
    a = addPairs(a, x7, v128.and(u7, low))
    b = addPairs(b, x7, v128.and(i16x8.shr_u(u7, 4), low))
    const v7 = v128.load(w, 272)
    c = addPairs(c, x7, v128.and(v7, low))
    d = addPairs(d, x7, v128.and(i16x8.shr_u(v7, 4), low))
    const ab = v128.load(w)
    a4 = addGroup(a4, a, ones, i32x4.shl(ab, 16), scale)
    b4 = addGroup(b4, b, ones, i32x4.shl(i32x4.shr_u(ab, 16), 16), scale)
    const cd = v128.load(w, PANEL)
    c4 = addGroup(c4, c, ones, i32x4.shl(cd, 16), scale)
    d4 = addGroup(d4, d, ones, i32x4.shl(i32x4.shr_u(cd, 16), 16), scale)
    w += 2 * PANEL
    q += TOKEN
  }
  v128.store(out, a4)
  v128.store(out, b4, 16)
  v128.store(out, c4, 32)
  v128.store(out, d4, 48)
}

/** Four tokens by eight rows. */
function tile4(q: usize, w: usize, end: usize, bias: usize, out: usize, ldc: i32): void {
  const ones = i16x8.splat(<i16>min(1, <i32>end))
  const low = integer(3)
  let a0 = v128.load(bias)
  let a1 = a0
  let a2 = a0
  let a3 = a0
  let b0 = v128.load(bias, 16)
  let b1 = b0
  let b2 = b0
  let b3 = b0
  while (w < end) {
    let p0 = v128.load32_splat(q)
    let p1 = v128.load32_splat(q, 4)
    let p2 = v128.load32_splat(q, 8)
    let p3 = v128.load32_splat(q, 12)
    let r0 = p0
    let r1 = p1
    let r2 = p2
    let r3 = p3
    const u0 = v128.load(w, 16)
    const a0u = v128.and(u0, low)
    const b0u = v128.and(i16x8.shr_u(u0, 4), low)
    const x00 = v128.load32_splat(q, 32)
    p0 = addPairs(p0, x00, a0u)
    r0 = addPairs(r0, x00, b0u)
    const x01 = v128.load32_splat(q, 36)
    p1 = addPairs(p1, x01, a0u)
    r1 = addPairs(r1, x01, b0u)
    const x02 = v128.load32_splat(q, 40)
    p2 = addPairs(p2, x02, a0u)
    r2 = addPairs(r2, x02, b0u)
    const x03 = v128.load32_splat(q, 44)
    p3 = addPairs(p3, x03, a0u)
    r3 = addPairs(r3, x03, b0u)
    const u1 = v128.load(w, 32)
    const a1u = v128.and(u1, low)
    const b1u = v128.and(i16x8.shr_u(u1, 4), low)
    const x10 = v128.load32_splat(q, 48)
    p0 = addPairs(p0, x10, a1u)
    r0 = addPairs(r0, x10, b1u)
    const x11 = v128.load32_splat(q, 52)
    p1 = addPairs(p1, x11, a1u)
    r1 = addPairs(r1, x11, b1u)
    const x12 = v128.load32_splat(q, 56)
    p2 = addPairs(p2, x12, a1u)
    r2 = addPairs(r2, x12, b1u)
    const x13 = v128.load32_splat(q, 60)
    p3 = addPairs(p3, x13, a1u)
    r3 = addPairs(r3, x13, b1u)
    const u2 = v128.load(w, 48)
    const a2u = v128.and(u2, low)
    const b2u = v128.and(i16x8.shr_u(u2, 4), low)
    const x20 = v128.load32_splat(q, 64)
    p0 = addPairs(p0, x20, a2u)
    r0 = addPairs(r0, x20, b2u)
    const x21 = v128.load32_splat(q, 68)
    p1 = addPairs(p1, x21, a2u)
    r1 = addPairs(r1, x21, b2u)
    const x22 = v128.load32_splat(q, 72)
    p2 = addPairs(p2, x22, a2u)
    r2 = addPairs(r2, x22, b2u)
    const x23 = v128.load32_splat(q, 76)
    p3 = addPairs(p3, x23, a2u)
    r3 = addPairs(r3, x23, b2u)
    const u3 = v128.load(w, 64)
    const a3u = v128.and(u3, low)
    const b3u = v128.and(i16x8.shr_u(u3, 4), low)
    const x30 = v128.load32_splat(q, 80)
    p0 = addPairs(p0, x30, a3u)
    r0 = addPairs(r0, x30, b3u)
    const x31 = v128.load32_splat(q, 84)
    p1 = addPairs(p1, x31, a3u)
    r1 = addPairs(r1, x31, b3u)
    const x32 = v128.load32_splat(q, 88)
    p2 = addPairs(p2, x32, a3u)
    r2 = addPairs(r2, x32, b3u)
    const x33 = v128.load32_splat(q, 92)
    p3 = addPairs(p3, x33, a3u)
    r3 = addPairs(r3, x33, b3u)
    const u4 = v128.load(w, 80)
    const a4u = v128.and(u4, low)
    const b4u = v128.and(i16x8.shr_u(u4, 4), low)
    const x40 = v128.load32_splat(q, 96)
    p0 = addPairs(p0, x40, a4u)
    r0 = addPairs(r0, x40, b4u)
    const x41 = v128.load32_splat(q, 100)
    p1 = addPairs(p1, x41, a4u)
    r1 = addPairs(r1, x41, b4u)
    const x42 = v128.load32_splat(q, 104)
    p2 = addPairs(p2, x42, a4u)
    r2 = addPairs(r2, x42, b4u)
    const x43 = v128.load32_splat(q, 108)
    p3 = addPairs(p3, x43, a4u)
    r3 = addPairs(r3, x43, b4u)
    const u5 = v128.load(w, 96)
    const a5u = v128.and(u5, low)
    const b5u = v128.and(i16x8.shr_u(u5, 4), low)
    const x50 = v128.load32_splat(q, 112)
    p0 = addPairs(p0, x50, a5u)
    r0 = addPairs(r0, x50, b5u)
    const x51 = v128.load32_splat(q, 116)
    p1 = addPairs(p1, x51, a5u)
    r1 = addPairs(r1, x51, b5u)
    const x52 = v128.load32_splat(q, 120)
    p2 = addPairs(p2, x52, a5u)
    r2 = addPairs(r2, x52, b5u)
    const x53 = v128.load32_splat(q, 124)
    p3 = addPairs(p3, x53, a5u)
    r3 = addPairs(r3, x53, b5u)
    const u6 = v128.load(w, 112)
    const a6u = v128.and(u6, low)
    const b6u = v128.and(i16x8.shr_u(u6, 4), low)
    const x60 = v128.load32_splat(q, 128)
    p0 = addPairs(p0, x60, a6u)
    r0 = addPairs(r0, x60, b6u)
    const x61 = v128.load32_splat(q, 132)
    p1 = addPairs(p1, x61, a6u)
    r1 = addPairs(r1, x61, b6u)
    const x62 = v128.load32_splat(q, 136)
    p2 = addPairs(p2, x62, a6u)
    r2 = addPairs(r2, x62, b6u)
    const x63 = v128.load32_splat(q, 140)
    p3 = addPairs(p3, x63, a6u)
    r3 = addPairs(r3, x63, b6u)
    const u7 = v128.load(w, 128)
    const a7u = v128.and(u7, low)
    const b7u = v128.and(i16x8.shr_u(u7, 4), low)
    const x70 = v128.load32_splat(q, 144)
    p0 = addPairs(p0, x70, a7u)
    r0 = addPairs(r0, x70, b7u)
    const x71 = v128.load32_splat(q, 148)
    p1 = addPairs(p1, x71, a7u)
    r1 = addPairs(r1, x71, b7u)
    const x72 = v128.load32_splat(q, 152)
    p2 = addPairs(p2, x72, a7u)
    r2 = addPairs(r2, x72, b7u)
    const x73 = v128.load32_splat(q, 156)
    p3 = addPairs(p3, x73, a7u)
    r3 = addPairs(r3, x73, b7u)
    const scales = v128.load(w)
    const scaleA = i32x4.shl(scales, 16)
    const scaleB = i32x4.shl(i32x4.shr_u(scales, 16), 16)
    const s0 = v128.load32_splat(q, 16)
    a0 = addGroup(a0, p0, ones, scaleA, s0)
    b0 = addGroup(b0, r0, ones, scaleB, s0)
    const s1 = v128.load32_splat(q, 20)
    a1 = addGroup(a1, p1, ones, scaleA, s1)
    b1 = addGroup(b1, r1, ones, scaleB, s1)
    const s2 = v128.load32_splat(q, 24)
    a2 = addGroup(a2, p2, ones, scaleA, s2)
    b2 = addGroup(b2, r2, ones, scaleB, s2)
    const s3 = v128.load32_splat(q, 28)
    a3 = addGroup(a3, p3, ones, scaleA, s3)
    b3 = addGroup(b3, r3, ones, scaleB, s3)
    w += 2 * PANEL
    q += 4 * TOKEN
  }
  const row = <usize>ldc << 2
  v128.store(out, a0)
  v128.store(out, b0, 16)
  out += row
  v128.store(out, a1)
  v128.store(out, b1, 16)
  out += row
  v128.store(out, a2)
  v128.store(out, b2, 16)
  out += row
  v128.store(out, a3)
  v128.store(out, b3, 16)
}

/**
 * Rows of f32 into panels: scale = -extreme / 8, so that the value furthest from 0 is -8 of them. All was zeroed.
 * @param from f32 [M][K]  @param to [N/16][Kp/32][2][PANEL]  @param tile 128 bytes of scratch
 */
export function packInt4(from: usize, to: usize, firstRow: i32, M: i32, K: i32, Kp: i32, tile: usize): void {
  for (let m = firstRow; m < firstRow + M; m++) {
    let p = panelOf(to, m, Kp)
    for (let k = 0; k < K; k += COLUMNS) {
      const x = wholeGroup(from + (<usize>k << 2), K - k, tile)
      let max4 = v128.load(x)
      let min4 = max4
      for (let i = 16; i < COLUMNS * 4; i += 16) {
        max4 = f32x4.pmax(max4, v128.load(x + i))
        min4 = f32x4.pmin(min4, v128.load(x + i))
      }
      const most = largestOf(max4)
      const least = -largestOf(f32x4.neg(min4))
      const extreme = most > -least ? most : least
      const scale = upperHalf(extreme / -8)
      store<u16>(p + <usize>((m & 4) >> 1), <u16>(scale >> 16))
      // What is too small to divide by is 0.
      const inverse4 = f32x4.splat(Mathf.abs(extreme) < 1e-30 ? 0 : 1 / reinterpret<f32>(scale))
      for (let i = 0; i < 2; i++) {
        const w = i8x16.add(quantize16(x + (i << 6), inverse4), i8x16.splat(8))
        const u = i16x8.shl(i8x16.min_u(w, i8x16.splat(15)), m & 4)
        const at = p + 16 + (i << 6)
        store<u32>(at, load<u32>(at) | i32x4.extract_lane(u, 0))
        store<u32>(at, load<u32>(at, 16) | i32x4.extract_lane(u, 1), 16)
        store<u32>(at, load<u32>(at, 32) | i32x4.extract_lane(u, 2), 32)
        store<u32>(at, load<u32>(at, 48) | i32x4.extract_lane(u, 3), 48)
      }
      p += 2 * PANEL
    }
    from += <usize>K << 2
  }
}

/** Where row n's columns begin: their scale's 32 bits, and 16 bytes behind it u. */
// @ts-ignore: decorator
@inline
function panelOf(w: usize, n: i32, Kp: i32): usize {
  return w + <usize>(n >> 4) * <usize>(2 * PANEL * (Kp / COLUMNS)) + <usize>((n & 8) * (PANEL / 8) + ((n & 3) << 2))
}

/** Bits of x rounded to the upper half of an f32, halves to even. */
// @ts-ignore: decorator
@inline
function upperHalf(x: f32): u32 {
  const bits = reinterpret<u32>(x)
  return (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000
}

/** out[i] += row ids[i] of packInt4's panels, w; ids i32 [count], out f32 [count][N]. */
export function addRowsPackedInt4(w: usize, ids: usize, out: usize, count: i32, N: i32, Np: i32): void {
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + (<usize>i << 2))
    const p = panelOf(w, id, Np)
    for (let n = 0; n < N; n++) {
      const group = p + <usize>((n / COLUMNS) * 2 * PANEL)
      const scale = reinterpret<f32>(<u32>load<u16>(group + <usize>((id & 4) >> 1)) << 16)
      const byte = load<u8>(group + <usize>(16 + (((n & 31) >> 2) << 4) + (n & 3)))
      store<f32>(out, load<f32>(out) + scale * <f32>(<i32>((byte >> <u8>(id & 4)) & 15) - 8))
      out += 4
    }
  }
}

/**
 * Attention of a sequence to itself with both products in int8. Queries become 7 bits and keys 8 with a scale for each token
 * and head, values 8 bits with a scale for each column; the weights of a query become 7 bits before they are divided by
 * their sum. Scales are chosen so that every chunk's sum fits 16 bits (see matmul-int8.kernel.ts): norms of queries and keys
 * are held to their shares of 2^15, and so is the sum of 16 weights.
 */
import { float, integer } from './constants.kernel'
import { fma4 } from './fma.kernel'
import { bytes16, CHUNK, multiplyInt8, quantizeTile, writeTile } from './matmul-int8.kernel'

/** With 2 of rounding added to each, their product is less than 2^15. */
const QUERY_NORM: f32 = 126
const KEY_NORM: f32 = 252
/** The largest sum in 16 bits. */
const LARGEST: f32 = 32767

/** Bytes of scratch that attentionInt8 needs. */
export function attentionInt8Bytes(T: i32, D: i32, block: i32): i32 {
  const Tp = (T + 31) & ~31
  const Dp = (D + 31) & ~31
  return Tp * (2 * Dp + 12) + block * (Dp + 5 * Tp + 8) + 12 * Dp + max(2048, max(Dp, Tp)) + 512
}

/**
 * out[t][head] = softmax(queries[t][head] keysᵀ scale) values
 * @param queries, keys, values f32 [T][heads][D], rows `ld` apart
 * @param block queries at a time, a multiple of 4  @param out f32 [T][heads * D]
 */
export function attentionInt8(
  queries: usize, keys: usize, values: usize, ld: i32, T: i32, heads: i32, D: i32,
  scale: f32, block: i32, scratch: usize, out: usize,
): void {
  const Tp = (T + 31) & ~31
  const T8 = (T + 7) & ~7
  const Dp = (D + 31) & ~31
  const k = scratch // i8 [T8/8][Dp/4][8][4]
  const kScale = k + <usize>(T8 * Dp) // f32 [T8]
  const kZero = kScale + <usize>(4 * T8) // i32 [T8]
  const v = kZero + <usize>(4 * T8) // i8 [Dp/8][Tp/4][8][4]
  const vScale = v + <usize>(Dp * Tp) // f32 [Dp]
  const q = vScale + <usize>(4 * Dp) // u8 [block/4][Dp/4][4][4]
  const qScale = q + <usize>(block * Dp) // f32 [block]
  const scores = qScale + <usize>(4 * block) // f32 [block][Tp]
  const p = scores + <usize>(4 * block * Tp) // u8 [block/4][Tp/4][4][4]
  const pScale = p + <usize>(block * Tp) // f32 [block]
  const zeros = pScale + <usize>(4 * block) // f32 [max(Tp, Dp)]
  const centre = zeros + <usize>(4 * max(Tp, Dp)) // max(2048, Dp, Tp) bytes
  const tile = centre + <usize>max(2048, max(Dp, Tp)) // 128 bytes
  const vMean = tile + 128 // f32 [Dp]
  memory.fill(zeros, 0, <usize>(4 * max(Tp, Dp)))
  for (let head = 0; head < heads; head++) {
    const column = <usize>(head * D) << 2
    quantizeKeys(keys + column, ld, T, D, Dp, k, kScale)
    if (!ASC_FEATURE_RELAXED_SIMD) zeroPoints(k, kZero, T8, Dp)
    const vNorm = quantizeValues(values + column, ld, T, D, Dp, Tp, v, vScale, vMean)
    for (let first = 0; first < T; first += block) {
      const rows = min(block, T - first)
      // Rows and keys beyond the last repeat it, so that every tile is whole.
      const rows4 = (rows + 3) & ~3
      for (let m = 0; m < rows; m += 4) {
        const x = queries + (<usize>((first + m) * ld) << 2) + column
        quantizeTile(
          x, ld, min(4, rows - m), 63, QUERY_NORM, float(44), integer(2), q + <usize>(m * Dp), 16, qScale + <usize>(4 * m), D, Dp,
        )
      }
      multiplyInt8(q, qScale, zeros, k, zeros, kScale, kZero, zeros, scores, Tp, rows4, T8, Dp, true, centre, tile)
      quantizeWeights(scores, rows, T, Tp, scale, vNorm, p, pScale)
      memory.fill(centre, 0, <usize>max(2048, Tp))
      const o = out + (<usize>(first * heads * D) << 2) + column
      multiplyInt8(p, pScale, zeros, v, zeros, vScale, zeros, vMean, o, heads * D, rows, D, Tp, false, centre, tile)
    }
  }
}

/** Keys to int8 in the panels that multiplyInt8 reads. */
function quantizeKeys(x: usize, ld: i32, T: i32, D: i32, Dp: i32, to: usize, scale: usize): void {
  for (let t = 0; t < ((T + 7) & ~7); t += 4) {
    const from = min(t, T - 1)
    quantizeTile(
      x + (<usize>(from * ld) << 2), ld, min(4, T - from), 127, KEY_NORM, float(3), i32x4.splat(0),
      to + <usize>((t >> 3) * 8 * Dp + (t & 4) * 4), 32, scale + (<usize>t << 2), D, Dp,
    )
  }
}

/** 64 times the sum of each row. */
function zeroPoints(w: usize, zero: usize, rows: i32, Kp: i32): void {
  for (; rows > 0; rows -= 8) {
    let a = i32x4.splat(0)
    let b = a
    for (const end = w + <usize>(8 * Kp); w < end; w += 32) {
      a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(w))))
      b = i32x4.add(b, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(w, 16))))
    }
    v128.store(zero, i32x4.shl(a, 6))
    v128.store(zero, i32x4.shl(b, 6), 16)
    zero += 32
  }
}

/**
 * Values less their mean to int8, rows and columns exchanged: [Dp/8][Tp/4][8][4]. Columns D..Dp are 0; tokens T..Tp are
 * left as they are, their weights are 0.
 * @param mean f32 [Dp]  @returns the largest norm of 16 values that are multiplied in one lane of 16 bits
 */
function quantizeValues(x: usize, ld: i32, T: i32, D: i32, Dp: i32, Tp: i32, to: usize, scale: usize, mean: usize): f32 {
  const row = <usize>ld << 2
  const zero = i32x4.splat(0)
  let norms = zero
  for (let d = 0; d < Dp; d += 16) {
    for (let i = 0; i < 4; i++) columnRange(x + 16 * i, row, T, scale + 16 * i, mean + 16 * i)
    const levels = f32x4.splat(1)
    const i0 = f32x4.div(levels, v128.load(scale))
    const i1 = f32x4.div(levels, v128.load(scale, 16))
    const i2 = f32x4.div(levels, v128.load(scale, 32))
    const i3 = f32x4.div(levels, v128.load(scale, 48))
    const round = float(3)
    const s0 = f32x4.sub(zero, f32x4.mul(v128.load(mean), i0))
    const s1 = f32x4.sub(zero, f32x4.mul(v128.load(mean, 16), i1))
    const s2 = f32x4.sub(zero, f32x4.mul(v128.load(mean, 32), i2))
    const s3 = f32x4.sub(zero, f32x4.mul(v128.load(mean, 48), i3))
    let from = x
    let low = to
    let high = to + <usize>(8 * Tp)
    const n = D - d
    for (let first = 0; first < T; first += CHUNK) {
      let n0 = zero
      let n1 = zero
      let n2 = zero
      let n3 = zero
      let n4 = zero
      let n5 = zero
      let n6 = zero
      let n7 = zero
      for (let t = first; t < min(T, first + CHUNK); t += 4) {
        const rows = T - t
        const a = shifted16(from, i0, i1, i2, i3, s0, s1, s2, s3, round, n)
        const b = rows > 1 ? shifted16(from + row, i0, i1, i2, i3, s0, s1, s2, s3, round, n) : zero
        const c = rows > 2 ? shifted16(from + 2 * row, i0, i1, i2, i3, s0, s1, s2, s3, round, n) : zero
        const e = rows > 3 ? shifted16(from + 3 * row, i0, i1, i2, i3, s0, s1, s2, s3, round, n) : zero
        const ab0 = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
        const ab1 = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
        const ce0 = i8x16.shuffle(c, e, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
        const ce1 = i8x16.shuffle(c, e, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
        const v0 = i16x8.shuffle(ab0, ce0, 0, 8, 1, 9, 2, 10, 3, 11)
        const v1 = i16x8.shuffle(ab0, ce0, 4, 12, 5, 13, 6, 14, 7, 15)
        const v2 = i16x8.shuffle(ab1, ce1, 0, 8, 1, 9, 2, 10, 3, 11)
        const v3 = i16x8.shuffle(ab1, ce1, 4, 12, 5, 13, 6, 14, 7, 15)
        v128.store(low, v0)
        v128.store(low, v1, 16)
        v128.store(high, v2)
        v128.store(high, v3, 16)
        n0 = i32x4.add(n0, lowSquares(v0))
        n1 = i32x4.add(n1, highSquares(v0))
        n2 = i32x4.add(n2, lowSquares(v1))
        n3 = i32x4.add(n3, highSquares(v1))
        n4 = i32x4.add(n4, lowSquares(v2))
        n5 = i32x4.add(n5, highSquares(v2))
        n6 = i32x4.add(n6, lowSquares(v3))
        n7 = i32x4.add(n7, highSquares(v3))
        from += 4 * row
        low += 32
        high += 32
      }
      norms = i32x4.max_s(norms, i32x4.max_s(i32x4.max_s(n0, n1), i32x4.max_s(n2, n3)))
      norms = i32x4.max_s(norms, i32x4.max_s(i32x4.max_s(n4, n5), i32x4.max_s(n6, n7)))
    }
    x += 64
    scale += 64
    mean += 64
    to += <usize>(16 * Tp)
  }
  const most = max(
    max(i32x4.extract_lane(norms, 0), i32x4.extract_lane(norms, 1)),
    max(i32x4.extract_lane(norms, 2), i32x4.extract_lane(norms, 3)),
  )
  return Mathf.sqrt(<f32>most)
}

/** Means of four columns, and the scales that make 127 of what is farthest from them. */
function columnRange(x: usize, row: usize, T: i32, scale: usize, mean: usize): void {
  let sum = f32x4.splat(0)
  let most = v128.load(x)
  let least = most
  for (let t = 0; t < T; t++) {
    const v = v128.load(x)
    sum = f32x4.add(sum, v)
    most = f32x4.pmax(most, v)
    least = f32x4.pmin(least, v)
    x += row
  }
  sum = f32x4.div(sum, f32x4.splat(<f32>T))
  v128.store(mean, sum)
  const farthest = f32x4.pmax(f32x4.sub(most, sum), f32x4.sub(sum, least))
  v128.store(scale, f32x4.pmax(f32x4.div(farthest, f32x4.splat(127)), f32x4.splat(1e-30)))
}

/** 16 values as bytes round(x / scale - mean / scale), 0 from the nth on. */
// @ts-ignore: decorator
@inline
function shifted16(
  p: usize, i0: v128, i1: v128, i2: v128, i3: v128, s0: v128, s1: v128, s2: v128, s3: v128, round: v128, n: i32,
): v128 {
  return bytes16(
    f32x4.add(fma4(v128.load(p), i0, s0), round), f32x4.add(fma4(v128.load(p, 16), i1, s1), round),
    f32x4.add(fma4(v128.load(p, 32), i2, s2), round), f32x4.add(fma4(v128.load(p, 48), i3, s3), round), i32x4.splat(0), n,
  )
}

/** Σ of squares of the first and second, and of the third and fourth, of each four bytes. */
// @ts-ignore: decorator
@inline
function lowSquares(v: v128): v128 {
  const w = i16x8.extend_low_i8x16_s(v)
  return i32x4.dot_i16x8_s(w, w)
}

// @ts-ignore: decorator
@inline
function highSquares(v: v128): v128 {
  const w = i16x8.extend_high_i8x16_s(v)
  return i32x4.dot_i16x8_s(w, w)
}

/** 2^x for x up to 0, within 8e-5 of it: much less than a step of 7 bits. */
// @ts-ignore: decorator
@inline
function power4(x: v128): v128 {
  x = f32x4.pmax(x, float(45))
  const round = float(3)
  const shifted = f32x4.add(x, round)
  const r = f32x4.sub(x, f32x4.sub(shifted, round))
  const p = fma4(fma4(fma4(float(46), r, float(47)), r, float(48)), r, float(49))
  return i32x4.add(p, i32x4.shl(shifted, 23))
}

/** e^(scale (x - max)) of each row as p * scale of 7 bits, in tiles as quantizeRows makes them; x is written over. */
function quantizeWeights(x: usize, M: i32, N: i32, Np: i32, scale: f32, vNorm: f32, p: usize, pScale: usize): void {
  // The exponential is a power of 2.
  const scale4 = f32x4.splat(scale * 1.44269504088896341)
  const row = <usize>Np << 2
  for (let m = 0; m < M; m += 4) {
    const rows = min(4, M - m)
    const x1 = x + <usize>min(1, rows - 1) * row
    const x2 = x + <usize>min(2, rows - 1) * row
    const x3 = x + <usize>min(3, rows - 1) * row
    const f0 = exponentials(x, N, Np, scale4, vNorm, pScale)
    const f1 = rows > 1 ? exponentials(x1, N, Np, scale4, vNorm, pScale + 4) : f0
    const f2 = rows > 2 ? exponentials(x2, N, Np, scale4, vNorm, pScale + 8) : f1
    const f3 = rows > 3 ? exponentials(x3, N, Np, scale4, vNorm, pScale + 12) : f2
    writeTile(
      x, x1, x2, x3, f32x4.splat(f0), f32x4.splat(f1), f32x4.splat(f2), f32x4.splat(f3), float(3), i32x4.splat(0),
      p, rows == 1 ? 4 : 16, Np, Np,
    )
    x += 4 * row
    p += <usize>(4 * Np)
    pScale += 16
  }
}

/** A row to e^(scale (x - max)), 0 behind N; the factor that makes weights of it, and 1 / (factor * sum) into pScale. */
function exponentials(x: usize, N: i32, Np: i32, scale4: v128, vNorm: f32, pScale: usize): f32 {
  const N8 = (N + 7) & ~7
  const lowest = -f32.MAX_VALUE
  for (let n = N; n < N8; n++) store<f32>(x + (<usize>n << 2), lowest)
  let max0 = f32x4.splat(lowest)
  let max1 = max0
  const end = x + (<usize>N8 << 2)
  for (let at = x; at < end; at += 32) {
    max0 = f32x4.pmax(max0, v128.load(at))
    max1 = f32x4.pmax(max1, v128.load(at, 16))
  }
  max0 = f32x4.pmax(max0, max1)
  max0 = f32x4.pmax(max0, i32x4.shuffle(max0, max0, 2, 3, 0, 1))
  max0 = f32x4.pmax(max0, i32x4.shuffle(max0, max0, 1, 0, 3, 2))
  let sums = f32x4.splat(0)
  let groups = sums
  let norms = sums
  for (let at = x; at < end; ) {
    let chunk = f32x4.splat(0)
    let squares = chunk
    for (const stop = min(end, at + 128); at < stop; at += 32) {
      const e = power4(f32x4.mul(f32x4.sub(v128.load(at), max0), scale4))
      const f = power4(f32x4.mul(f32x4.sub(v128.load(at, 16), max0), scale4))
      v128.store(at, e)
      v128.store(at, f, 16)
      chunk = f32x4.add(chunk, f32x4.add(e, f))
      squares = fma4(f, f, fma4(e, e, squares))
    }
    sums = f32x4.add(sums, chunk)
    groups = f32x4.pmax(groups, f32x4.add(chunk, i32x4.shuffle(chunk, chunk, 1, 0, 3, 2)))
    norms = f32x4.pmax(norms, f32x4.add(squares, i32x4.shuffle(squares, squares, 1, 0, 3, 2)))
  }
  memory.fill(end, 0, <usize>(Np - N8) << 2)
  const sum: f32 =
    f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3)
  const group: f32 = Mathf.max(f32x4.extract_lane(groups, 0), f32x4.extract_lane(groups, 2))
  const norm: f32 = Mathf.sqrt(Mathf.max(f32x4.extract_lane(norms, 0), f32x4.extract_lane(norms, 2)))
  // Rounding adds at most half a step to each of 16 weights, 8 to their sum and 2 to their norm.
  const bySum: f32 = (LARGEST / 127 - 8.01) / group
  const byNorm: f32 = (LARGEST / vNorm - 2.01) / norm
  const factor: f32 = Mathf.min(127, Mathf.max(bySum, byNorm))
  store<f32>(pScale, 1 / (factor * sum))
  return factor
}

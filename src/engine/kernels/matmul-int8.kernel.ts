/**
 * int8 matrix product. Weights are int8 with one scale a row; activations are quantized a row at a time to
 * unsigned 7 bit with zero point 64, the range in which the relaxed dot product gives the same result on every
 * machine (https://github.com/WebAssembly/relaxed-simd). A tile is 4 tokens by 8 weight rows: 8 accumulators, two
 * weight registers and one activation register fit the 16 vector registers of x86-64.
 */
import { ROUND } from './activation.kernel'
import { fma4 } from './fma.kernel'

/** Weight rows in a panel; N is padded to it. */
const ROWS: i32 = 8
/** Activation zero point: the middle of 0..127. */
const ZERO: f32 = 64

/**
 * q[m][k] = round(x[m][k] / scale[m]) + 64 with scale[m] = max|x[m]| / 63; columns K..Kp are filled with the zero
 * point (their weights are zero).
 * @param x f32 [M][K]  @param q u8 [M][Kp]  @param scale f32 [M]  @param Kp K rounded up to 16
 */
export function quantizeRows(x: usize, q: usize, scale: usize, M: i32, K: i32, Kp: i32): void {
  const whole = K & ~15
  for (let m = 0; m < M; m++) {
    let max4 = f32x4.splat(0)
    let k = 0
    for (; k < (K & ~3); k += 4) max4 = f32x4.pmax(max4, f32x4.abs(v128.load(x + (<usize>k << 2))))
    let max: f32 = Mathf.max(
      Mathf.max(f32x4.extract_lane(max4, 0), f32x4.extract_lane(max4, 1)),
      Mathf.max(f32x4.extract_lane(max4, 2), f32x4.extract_lane(max4, 3)),
    )
    for (; k < K; k++) max = Mathf.max(max, Mathf.abs(load<f32>(x + (<usize>k << 2))))
    store<f32>(scale + (<usize>m << 2), max / 63)
    const inverse: f32 = max > 0 ? 63 / max : 0
    const inverse4 = f32x4.splat(inverse)
    const shift4 = f32x4.splat(ROUND + ZERO)
    const low = i32x4.splat(255)
    for (k = 0; k < whole; k += 16) {
      const p = x + (<usize>k << 2)
      // Values are in [1, 127], so the saturating narrows never saturate.
      const a = v128.and(fma4(v128.load(p), inverse4, shift4), low)
      const b = v128.and(fma4(v128.load(p, 16), inverse4, shift4), low)
      const c = v128.and(fma4(v128.load(p, 32), inverse4, shift4), low)
      const d = v128.and(fma4(v128.load(p, 48), inverse4, shift4), low)
      v128.store(q + k, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)))
    }
    for (; k < K; k++) store<u8>(q + k, <u8>nearest<f32>(load<f32>(x + (<usize>k << 2)) * inverse + ZERO))
    for (; k < Kp; k++) store<u8>(q + k, <u8>ZERO)
    x += <usize>K << 2
    q += Kp
  }
}

/**
 * c[m][n] = scale[m] * wScale[n] * (Σk q[m][k] w[n][k] - wZero[n]) + bias[n]
 * @param q u8 [M][Kp] and scale f32 [M], as quantizeRows makes them
 * @param w int8, packed [N/8][Kp/4][8 rows][4 columns]; wScale and bias f32, wZero i32 (64 * row sum), all [N to 8]
 * @param wide u8 [N/8]: 1 where groups of weights may overflow 16 bits (see packInt8)
 * @param c f32 [M][N] with row stride ldc
 * @param tile 128 bytes of scratch
 */
export function matmulInt8(
  q: usize, scale: usize, w: usize, wide: usize, wScale: usize, wZero: usize, bias: usize,
  c: usize, ldc: i32, M: i32, N: i32, Kp: i32, tile: usize,
): void {
  const panel = <usize>(ROWS * Kp)
  for (let n = 0; n < N; n += ROWS) {
    const whole = n + ROWS <= N
    let qm = q
    let sm = scale
    let m = 0
    for (; m + 4 <= M; m += 4) {
      const out = whole ? c + (<usize>(m * ldc + n) << 2) : tile
      tile4(qm, Kp, sm, w, panel, load<u8>(wide) != 0, wScale, wZero, bias, out, whole ? ldc : ROWS)
      if (!whole) copyTile(tile, c + (<usize>(m * ldc + n) << 2), ldc, 4, N - n)
      qm += <usize>(4 * Kp)
      sm += 16
    }
    for (; m < M; m++) {
      const out = whole ? c + (<usize>(m * ldc + n) << 2) : tile
      tile1(qm, sm, w, panel, wScale, wZero, bias, out)
      if (!whole) copyTile(tile, c + (<usize>(m * ldc + n) << 2), ldc, 1, N - n)
      qm += Kp
      sm += 4
    }
    w += panel
    wide++
    wScale += ROWS * 4
    wZero += ROWS * 4
    bias += ROWS * 4
  }
}

function copyTile(tile: usize, c: usize, ldc: i32, rows: i32, columns: i32): void {
  for (let m = 0; m < rows; m++)
    for (let n = 0; n < columns; n++)
      store<f32>(c + (<usize>(m * ldc + n) << 2), load<f32>(tile + (<usize>(m * ROWS + n) << 2)))
}

// @ts-ignore: decorator
@inline
function writeOut(out: usize, sums: v128, wZero: v128, wScale: v128, scale: v128, bias: v128): void {
  v128.store(out, fma4(f32x4.convert_i32x4_s(i32x4.sub(sums, wZero)), f32x4.mul(wScale, scale), bias))
}

// @ts-ignore: decorator
@inline
function addDots(w0: v128, w1: v128, x0: v128, x1: v128, ones: v128, sums: v128): v128 {
  const pairs = i16x8.add(i16x8.relaxed_dot_i8x16_i7x16_s(w0, x0), i16x8.relaxed_dot_i8x16_i7x16_s(w1, x1))
  return i32x4.add(sums, i32x4.dot_i16x8_s(pairs, ones))
}

function tile4(
  q: usize, Kp: i32, scale: usize, w: usize, panel: usize, wide: bool, wScale: usize, wZero: usize, bias: usize,
  out: usize, ldc: i32,
): void {
  const end = w + panel
  const k1 = <usize>Kp
  const k2 = <usize>(2 * Kp)
  const k3 = <usize>(3 * Kp)
  let a0 = i32x4.splat(0)
  let a1 = i32x4.splat(0)
  let a2 = i32x4.splat(0)
  let a3 = i32x4.splat(0)
  let b0 = i32x4.splat(0)
  let b1 = i32x4.splat(0)
  let b2 = i32x4.splat(0)
  let b3 = i32x4.splat(0)
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (wide) {
      while (w < end) {
        const wa = v128.load(w)
        const wb = v128.load(w, 16)
        const x0 = v128.load32_splat(q)
        a0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wa, x0, a0)
        b0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wb, x0, b0)
        const x1 = v128.load32_splat(q + k1)
        a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wa, x1, a1)
        b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wb, x1, b1)
        const x2 = v128.load32_splat(q + k2)
        a2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wa, x2, a2)
        b2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wb, x2, b2)
        const x3 = v128.load32_splat(q + k3)
        a3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wa, x3, a3)
        b3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wb, x3, b3)
        w += 32
        q += 4
      }
    } else {
      // Products of eight columns: pairs in 16 bits, two of them added there, then widened by a product with ones:
      // three multiplications instead of four.
      const ones = i16x8.splat(1)
      while (w < end) {
        const wa0 = v128.load(w)
        const wb0 = v128.load(w, 16)
        const wa1 = v128.load(w, 32)
        const wb1 = v128.load(w, 48)
        const x0 = v128.load32_splat(q)
        const y0 = v128.load32_splat(q, 4)
        a0 = addDots(wa0, wa1, x0, y0, ones, a0)
        b0 = addDots(wb0, wb1, x0, y0, ones, b0)
        const x1 = v128.load32_splat(q + k1)
        const y1 = v128.load32_splat(q + k1, 4)
        a1 = addDots(wa0, wa1, x1, y1, ones, a1)
        b1 = addDots(wb0, wb1, x1, y1, ones, b1)
        const x2 = v128.load32_splat(q + k2)
        const y2 = v128.load32_splat(q + k2, 4)
        a2 = addDots(wa0, wa1, x2, y2, ones, a2)
        b2 = addDots(wb0, wb1, x2, y2, ones, b2)
        const x3 = v128.load32_splat(q + k3)
        const y3 = v128.load32_splat(q + k3, 4)
        a3 = addDots(wa0, wa1, x3, y3, ones, a3)
        b3 = addDots(wb0, wb1, x3, y3, ones, b3)
        w += 64
        q += 8
      }
    }
  } else {
    // Twin without relaxed SIMD: 4 tokens by 4 rows at a time, widened to i16. A dot of i16 pairs leaves two partial
    // sums a row, which are added at the end.
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
        const x1 = i16x8.extend_low_i8x16_s(v128.load32_splat(x + k1))
        p1 = i32x4.add(p1, i32x4.dot_i16x8_s(low, x1))
        r1 = i32x4.add(r1, i32x4.dot_i16x8_s(high, x1))
        const x2 = i16x8.extend_low_i8x16_s(v128.load32_splat(x + k2))
        p2 = i32x4.add(p2, i32x4.dot_i16x8_s(low, x2))
        r2 = i32x4.add(r2, i32x4.dot_i16x8_s(high, x2))
        const x3 = i16x8.extend_low_i8x16_s(v128.load32_splat(x + k3))
        p3 = i32x4.add(p3, i32x4.dot_i16x8_s(low, x3))
        r3 = i32x4.add(r3, i32x4.dot_i16x8_s(high, x3))
        x += 4
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
  const scaleA = v128.load(wScale)
  const scaleB = v128.load(wScale, 16)
  const biasA = v128.load(bias)
  const biasB = v128.load(bias, 16)
  const row = <usize>ldc << 2
  const s0 = v128.load32_splat(scale)
  writeOut(out, a0, zeroA, scaleA, s0, biasA)
  writeOut(out + 16, b0, zeroB, scaleB, s0, biasB)
  const s1 = v128.load32_splat(scale, 4)
  out += row
  writeOut(out, a1, zeroA, scaleA, s1, biasA)
  writeOut(out + 16, b1, zeroB, scaleB, s1, biasB)
  const s2 = v128.load32_splat(scale, 8)
  out += row
  writeOut(out, a2, zeroA, scaleA, s2, biasA)
  writeOut(out + 16, b2, zeroB, scaleB, s2, biasB)
  const s3 = v128.load32_splat(scale, 12)
  out += row
  writeOut(out, a3, zeroA, scaleA, s3, biasA)
  writeOut(out + 16, b3, zeroB, scaleB, s3, biasB)
}

/** One token: bound by reading the weights, so two columns of four are in flight. Kp is a multiple of 16. */
function tile1(
  q: usize, scale: usize, w: usize, panel: usize, wScale: usize, wZero: usize, bias: usize, out: usize,
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
      a = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w), x0, a)
      b = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 16), x0, b)
      a1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 32), x1, a1)
      b1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 48), x1, b1)
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
  writeOut(out, a, v128.load(wZero), v128.load(wScale), s, v128.load(bias))
  writeOut(out + 16, b, v128.load(wZero, 16), v128.load(wScale, 16), s, v128.load(bias, 16))
}

/** [l0+l1, l2+l3, h0+h1, h2+h3] */
// @ts-ignore: decorator
@inline
function addPairs(low: v128, high: v128): v128 {
  return i32x4.add(i32x4.shuffle(low, high, 0, 2, 4, 6), i32x4.shuffle(low, high, 1, 3, 5, 7))
}

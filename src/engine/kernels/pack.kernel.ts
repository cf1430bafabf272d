/**
 * Loading: rows of a checkpoint's tensor are decoded to f32 or taken as int8, quantized if need be, and written in
 * the order in which the matrix products read them. A block holds whole rows and starts anywhere in the tensor.
 */

import { CHUNK, chunkSquares } from './matmul-int8.kernel'

/** f32[i] = bf16[i] */
export function decodeBf16(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i++) store<u32>(to + (<usize>i << 2), <u32>load<u16>(from + (<usize>i << 1)) << 16)
}

/** f32[i] = f16[i] (IEEE 754 binary16, subnormals and infinities included) */
export function decodeF16(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const h = <u32>load<u16>(from + (<usize>i << 1))
    const sign = (h & 0x8000) << 16
    const exponent = (h >> 10) & 31
    const fraction = h & 1023
    let bits: u32
    if (exponent == 31) bits = 0x7f800000 | (fraction << 13)
    else if (exponent) bits = ((exponent + 112) << 23) | (fraction << 13)
    else bits = reinterpret<u32>(<f32>fraction * <f32>5.960464477539063e-8)
    store<u32>(to + (<usize>i << 2), sign | bits)
  }
}

/** f32[m][k] = int8[m][k] * scale[m] */
export function dequantizeRows(from: usize, scale: usize, to: usize, M: i32, K: i32): void {
  for (let m = 0; m < M; m++) {
    const s = load<f32>(scale + (<usize>m << 2))
    for (let k = 0; k < K; k++) {
      store<f32>(to, s * <f32>load<i8>(from++))
      to += 4
    }
  }
}

/** Symmetric int8 a row: scale[m] = max|x[m]| / 127, q[m][k] = round(x[m][k] / scale[m]). */
export function quantizeWeights(from: usize, to: usize, scale: usize, M: i32, K: i32): void {
  for (let m = 0; m < M; m++) {
    let max: f32 = 0
    for (let k = 0; k < K; k++) max = Mathf.max(max, Mathf.abs(load<f32>(from + (<usize>k << 2))))
    store<f32>(scale + (<usize>m << 2), max / 127)
    const inverse: f32 = max > 0 ? 127 / max : 0
    for (let k = 0; k < K; k++) {
      store<i8>(to++, <i8>nearest<f32>(load<f32>(from) * inverse))
      from += 4
    }
  }
}

/**
 * Rows of int8 into matmulInt8's panels [N/8][Kp/4][8][4]; 64 times each row's sum into zero (i32 [N to 8]); the largest
 * Σ w² of a panel's groups into norm (f32 [N/8]). All were zeroed, so the padding needs no writing. Reads up to 31 bytes
 * beyond the last row.
 */
export function packInt8(
  from: usize, to: usize, zero: usize, norm: usize, firstRow: i32, M: i32, K: i32, Kp: i32,
): void {
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  for (let m = firstRow; m < firstRow + M; m++) {
    let p = to + <usize>((m >> 3) * 8) * <usize>Kp + <usize>((m & 7) << 2)
    let sums = i32x4.splat(0)
    let norms = i32x4.splat(0)
    for (let k = 0; k < K; k += CHUNK) {
      const w0 = upTo(v128.load(from + k), lanes, K - k)
      const w1 = upTo(v128.load(from + k, 16), lanes, K - k - 16)
      v128.store32_lane(p, w0, 0)
      v128.store32_lane(p, w0, 1, 32)
      v128.store32_lane(p, w0, 2, 64)
      v128.store32_lane(p, w0, 3, 96)
      v128.store32_lane(p, w1, 0, 128)
      v128.store32_lane(p, w1, 1, 160)
      v128.store32_lane(p, w1, 2, 192)
      v128.store32_lane(p, w1, 3, 224)
      p += 256
      const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_s(w0), i16x8.extadd_pairwise_i8x16_s(w1))
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(pairs))
      norms = i32x4.max_s(norms, chunkSquares(w0, w1))
    }
    from += K
    const panelNorm = norm + (<usize>(m >> 3) << 2)
    const own = max(i32x4.extract_lane(norms, 0), i32x4.extract_lane(norms, 1))
    store<f32>(panelNorm, Mathf.max(load<f32>(panelNorm), <f32>own))
    const sum =
      i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3)
    store<i32>(zero + (<usize>m << 2), 64 * sum)
  }
}

/** The first n bytes of w, 0 behind them. */
// @ts-ignore: decorator
@inline
function upTo(w: v128, lanes: v128, n: i32): v128 {
  return n >= 16 ? w : v128.and(w, i8x16.lt_s(lanes, i8x16.splat(<i8>n)))
}

/** Rows of f32 into matmulF32's panels [N/8][K][8]. */
export function packF32(from: usize, to: usize, firstRow: i32, M: i32, K: i32): void {
  for (let m = firstRow; m < firstRow + M; m++) {
    let p = to + ((<usize>((m >> 3) * 8) * <usize>K + <usize>(m & 7)) << 2)
    for (let k = 0; k < K; k++) {
      store<f32>(p, load<f32>(from))
      p += 32
      from += 4
    }
  }
}

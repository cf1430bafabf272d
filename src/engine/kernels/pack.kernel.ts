/**
 * Loading: rows of a checkpoint's tensor are decoded to f32 or taken as int8, quantized if need be, and written in
 * the order in which the matrix products read them. A block holds whole rows and starts anywhere in the tensor.
 */

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
 * The largest sum of one sign's weights in a group of four that matmulInt8 may add in 16 bits: 127 * 258 < 2^15.
 * A group is columns k, k+1, k+4 and k+5 of eight.
 */
const GROUP_LIMIT: i32 = 258

// @ts-ignore: decorator
@inline
function groupSums(w: v128): v128 {
  const pairs = i16x8.extadd_pairwise_i8x16_s(w)
  return i16x8.add(pairs, i16x8.shuffle(pairs, pairs, 2, 3, 0, 1, 6, 7, 4, 5))
}

/**
 * Rows of int8 into matmulInt8's panels [N/8][Kp/4][8][4], and 64 times each row's sum into zero (i32 [N to 8]);
 * wide (u8 [N/8]) becomes 1 where a panel has a group beyond GROUP_LIMIT. All were zeroed, so the padding needs no
 * writing. Reads up to 15 bytes beyond the last row.
 */
export function packInt8(
  from: usize, to: usize, zero: usize, wide: usize, firstRow: i32, M: i32, K: i32, Kp: i32,
): void {
  const none = i8x16.splat(0)
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  for (let m = firstRow; m < firstRow + M; m++) {
    let p = to + <usize>((m >> 3) * 8) * <usize>Kp + <usize>((m & 7) << 2)
    let sums = i32x4.splat(0)
    let most = i16x8.splat(0)
    let least = i16x8.splat(0)
    for (let k = 0; k < K; k += 16) {
      let w = v128.load(from + k)
      if (k + 16 > K) w = v128.and(w, i8x16.lt_s(lanes, i8x16.splat(<i8>(K - k))))
      v128.store32_lane(p, w, 0)
      v128.store32_lane(p, w, 1, 32)
      v128.store32_lane(p, w, 2, 64)
      v128.store32_lane(p, w, 3, 96)
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(w)))
      most = i16x8.max_s(most, groupSums(i8x16.max_s(w, none)))
      least = i16x8.min_s(least, groupSums(i8x16.min_s(w, none)))
      p += 128
    }
    from += K
    const limit = i16x8.splat(<i16>GROUP_LIMIT)
    const beyond = v128.or(i16x8.gt_s(most, limit), i16x8.lt_s(least, i16x8.neg(limit)))
    if (v128.any_true(beyond)) store<u8>(wide + <usize>(m >> 3), 1)
    const sum =
      i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3)
    store<i32>(zero + (<usize>m << 2), 64 * sum)
  }
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

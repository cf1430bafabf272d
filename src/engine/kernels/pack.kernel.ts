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
 * Rows of int8 into matmulInt8's panels [N/8][Kp/4][8][4], and 64 times each row's sum into zero (i32 [N to 8]).
 * The destination was zeroed, so the padding needs no writing.
 */
export function packInt8(from: usize, to: usize, zero: usize, firstRow: i32, M: i32, K: i32, Kp: i32): void {
  for (let m = firstRow; m < firstRow + M; m++) {
    let p = to + <usize>((m >> 3) * 8) * <usize>Kp + <usize>((m & 7) << 2)
    let sum = 0
    let k = 0
    for (; k + 4 <= K; k += 4) {
      store<u32>(p, load<u32>(from))
      sum += <i32>load<i8>(from) + <i32>load<i8>(from, 1) + <i32>load<i8>(from, 2) + <i32>load<i8>(from, 3)
      p += 32
      from += 4
    }
    for (; k < K; k++) {
      const w = load<i8>(from++)
      store<i8>(p + <usize>(k & 3), w)
      sum += w
    }
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

/**
 * Constants of the inner loops. V8 makes a vector constant anew at each use, in three instructions, and does not move it
 * out of a loop; from memory it is one load. They lie below the weights (see planWeights).
 */

/** 1.5 * 2^23: a float added to it is rounded to a whole number, which is then in its low bits. */
export const ROUND: f32 = 12582912

const FLOATS = memory.data<f32>([
  // exp4
  -87.33, 88.0, 1.44269504088896341, ROUND, -0.693359375, 2.1219444e-4,
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1.0,
  // 13: gelu
  0.70710678118654752, 0.3275911, 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0.5,
  // 21: geluTanh, tanh
  0.79788456080286536, 0.044715, 2.0,
  // 24: quantize
  ROUND + 64.0,
], 16)
const INTEGERS = memory.data<u32>([127, 0x80000000, 255, 0x40404040], 16)

// @ts-ignore: decorator
@inline
export function float(index: i32): v128 {
  return v128.load32_splat(FLOATS + (<usize>index << 2))
}

// @ts-ignore: decorator
@inline
export function integer(index: i32): v128 {
  return v128.load32_splat(INTEGERS + (<usize>index << 2))
}

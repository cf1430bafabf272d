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
  0.70710678118654752, 0.5, -4.0, 4.0,
  -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5, -7.34990630326855e-4,
  -2.954599808540250e-3, -1.60960333262415e-2,
  // 24: gelu's denominator
  -1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2,
  // 29: tanh
  -7.90531110763549805, 7.90531110763549805,
  -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8, 1.48572235717979e-5,
  6.37261928875436e-4, 4.89352455891786e-3,
  // 38: tanh's denominator
  1.19825839466702e-6, 1.18534705686654e-4, 2.26843463243900e-3, 4.89352518554385e-3,
  // 42: geluTanh
  0.79788456080286536, 0.044715,
  // 44: quantize
  ROUND + 64.0,
  // 45: power4's least argument and coefficients
  -125.0, 0.055171672254800797, 0.2426111400127411, 0.6932609677314758, 0.9999280571937561,
], 16)
const INTEGERS = memory.data<u32>([127, 255, 0x40404040, 0x0f0f0f0f], 16)

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

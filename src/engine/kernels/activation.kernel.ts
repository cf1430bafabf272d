/**
 * Activation functions, in place over n values (n is rounded up to 4: the arena pads every array to 16 bytes).
 * pmin and pmax are one instruction on x86-64, where min and max are several.
 */
import { fma4 } from './fma.kernel'

/** 1.5 * 2^23: a float added to it is rounded to a whole number, which is then in its low bits. */
export const ROUND: f32 = 12582912

/**
 * e^x by 2^n * p(r): Cephes' single-precision polynomial (https://www.netlib.org/cephes, expf), about 1e-7 relative.
 * Below -87 the result is 0 or denormal-sized; above 88 it stays finite.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  x = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-87.33)), f32x4.splat(88.0))
  const shifted = fma4(x, f32x4.splat(1.44269504088896341), f32x4.splat(ROUND))
  const n = f32x4.sub(shifted, f32x4.splat(ROUND))
  let r = fma4(n, f32x4.splat(-0.693359375), x)
  r = fma4(n, f32x4.splat(2.12194440e-4), r)
  let p = fma4(f32x4.splat(1.9875691500e-4), r, f32x4.splat(1.3981999507e-3))
  p = fma4(p, r, f32x4.splat(8.3334519073e-3))
  p = fma4(p, r, f32x4.splat(4.1665795894e-2))
  p = fma4(p, r, f32x4.splat(1.6666665459e-1))
  p = fma4(p, r, f32x4.splat(5.0000001201e-1))
  p = f32x4.add(fma4(p, f32x4.mul(r, r), r), f32x4.splat(1))
  // ROUND's own low bits are zero: those of the sum are n.
  const power = i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23)
  return f32x4.mul(p, power)
}

/** tanh x = sign(x) (1 - 2 / (e^2|x| + 1)). */
// @ts-ignore: decorator
@inline
function tanh4(x: v128): v128 {
  const one = f32x4.splat(1)
  const e = exp4(f32x4.mul(f32x4.abs(x), f32x4.splat(2)))
  const y = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(e, one)))
  return v128.bitselect(x, y, i32x4.splat(0x80000000))
}

/** 0.5 x (1 + erf(x / √2)), erf by Abramowitz and Stegun 7.1.26 (error below 1.5e-7). */
export function gelu(x: usize, n: i32): void {
  const one = f32x4.splat(1)
  for (const end = x + (<usize>n << 2); x < end; x += 16) {
    const v = v128.load(x)
    const z = f32x4.mul(f32x4.abs(v), f32x4.splat(0.70710678118654752))
    const t = f32x4.div(one, fma4(z, f32x4.splat(0.3275911), one))
    let p = fma4(t, f32x4.splat(1.061405429), f32x4.splat(-1.453152027))
    p = fma4(p, t, f32x4.splat(1.421413741))
    p = fma4(p, t, f32x4.splat(-0.284496736))
    p = fma4(p, t, f32x4.splat(0.254829592))
    // half the complementary error function of |v| / √2
    const half = f32x4.mul(f32x4.splat(0.5), f32x4.mul(f32x4.mul(p, t), exp4(f32x4.neg(f32x4.mul(z, z)))))
    // v > 0: v (1 - half), else v half
    v128.store(x, f32x4.mul(v, v128.bitselect(half, f32x4.sub(one, half), f32x4.lt(v, f32x4.splat(0)))))
  }
}

/** 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))): "gelu_new" and "gelu_pytorch_tanh". */
export function geluTanh(x: usize, n: i32): void {
  const half = f32x4.splat(0.5)
  for (const end = x + (<usize>n << 2); x < end; x += 16) {
    const v = v128.load(x)
    const cube = f32x4.mul(f32x4.mul(v, v), v)
    const inner = f32x4.mul(f32x4.splat(0.79788456080286536), fma4(cube, f32x4.splat(0.044715), v))
    const h = f32x4.mul(half, v)
    v128.store(x, fma4(h, tanh4(inner), h))
  }
}

export function relu(x: usize, n: i32): void {
  const zero = f32x4.splat(0)
  for (const end = x + (<usize>n << 2); x < end; x += 16) v128.store(x, f32x4.pmax(v128.load(x), zero))
}

/** x / (1 + e^-x) */
export function silu(x: usize, n: i32): void {
  const one = f32x4.splat(1)
  for (const end = x + (<usize>n << 2); x < end; x += 16) {
    const v = v128.load(x)
    v128.store(x, f32x4.div(v, f32x4.add(one, exp4(f32x4.neg(v)))))
  }
}

export function tanh(x: usize, n: i32): void {
  for (const end = x + (<usize>n << 2); x < end; x += 16) v128.store(x, tanh4(v128.load(x)))
}

/**
 * Activation functions, in place over n values (n is rounded up to 4: the arena pads every array to 16 bytes).
 * pmin and pmax are one instruction on x86-64, where min and max are several.
 */
import { float, integer } from './constants.kernel'
import { fma4 } from './fma.kernel'

/**
 * e^x by 2^n * p(r): Cephes' single-precision polynomial (https://www.netlib.org/cephes, expf), about 1e-7 relative.
 * Below -87 the result is 0 or denormal-sized; above 88 it stays finite.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  x = f32x4.pmin(f32x4.pmax(x, float(0)), float(1))
  const shifted = fma4(x, float(2), float(3))
  const n = f32x4.sub(shifted, float(3))
  let r = fma4(n, float(4), x)
  r = fma4(n, float(5), r)
  let p = fma4(float(6), r, float(7))
  p = fma4(p, r, float(8))
  p = fma4(p, r, float(9))
  p = fma4(p, r, float(10))
  p = fma4(p, r, float(11))
  p = f32x4.add(fma4(p, f32x4.mul(r, r), r), float(12))
  // ROUND's own low bits are zero: those of the sum are n.
  const power = i32x4.shl(i32x4.add(shifted, integer(0)), 23)
  return f32x4.mul(p, power)
}

/** tanh x = sign(x) (1 - 2 / (e^2|x| + 1)). */
// @ts-ignore: decorator
@inline
function tanh4(x: v128): v128 {
  const one = float(12)
  const two = float(23)
  const e = exp4(f32x4.mul(f32x4.abs(x), two))
  const y = f32x4.sub(one, f32x4.div(two, f32x4.add(e, one)))
  return v128.bitselect(x, y, integer(1))
}

/** 0.5 x (1 + erf(x / √2)), erf by Abramowitz and Stegun 7.1.26 (error below 1.5e-7). */
export function gelu(x: usize, n: i32): void {
  const zero = f32x4.splat(0)
  for (const end = x + (<usize>n << 2); x < end; x += 16) {
    const v = v128.load(x)
    const one = float(12)
    const z = f32x4.mul(f32x4.abs(v), float(13))
    const t = f32x4.div(one, fma4(z, float(14), one))
    let p = fma4(t, float(15), float(16))
    p = fma4(p, t, float(17))
    p = fma4(p, t, float(18))
    p = fma4(p, t, float(19))
    // half the complementary error function of |v| / √2
    const half = f32x4.mul(float(20), f32x4.mul(f32x4.mul(p, t), exp4(f32x4.neg(f32x4.mul(z, z)))))
    // v > 0: v - v half, else v half
    const part = f32x4.mul(v, half)
    v128.store(x, v128.bitselect(part, f32x4.sub(v, part), f32x4.lt(v, zero)))
  }
}

/** 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))): "gelu_new" and "gelu_pytorch_tanh". */
export function geluTanh(x: usize, n: i32): void {
  for (const end = x + (<usize>n << 2); x < end; x += 16) {
    const v = v128.load(x)
    const cube = f32x4.mul(f32x4.mul(v, v), v)
    const inner = f32x4.mul(float(21), fma4(cube, float(22), v))
    const h = f32x4.mul(float(20), v)
    v128.store(x, fma4(h, tanh4(inner), h))
  }
}

export function relu(x: usize, n: i32): void {
  const zero = f32x4.splat(0)
  for (const end = x + (<usize>n << 2); x < end; x += 16) v128.store(x, f32x4.pmax(v128.load(x), zero))
}

/** x / (1 + e^-x) */
export function silu(x: usize, n: i32): void {
  for (const end = x + (<usize>n << 2); x < end; x += 16) {
    const v = v128.load(x)
    v128.store(x, f32x4.div(v, f32x4.add(float(12), exp4(f32x4.neg(v)))))
  }
}

export function tanh(x: usize, n: i32): void {
  for (const end = x + (<usize>n << 2); x < end; x += 16) v128.store(x, tanh4(v128.load(x)))
}

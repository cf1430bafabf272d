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

/** x P(x²) / Q(x²), the coefficients from the highest on at `p` (7 of them) and `q` (4). */
// @ts-ignore: decorator
@inline
function rational4(x: v128, p: i32, q: i32): v128 {
  const square = f32x4.mul(x, x)
  let numerator = fma4(float(p), square, float(p + 1))
  numerator = fma4(numerator, square, float(p + 2))
  numerator = fma4(numerator, square, float(p + 3))
  numerator = fma4(numerator, square, float(p + 4))
  numerator = fma4(numerator, square, float(p + 5))
  numerator = fma4(numerator, square, float(p + 6))
  let denominator = fma4(float(q), square, float(q + 1))
  denominator = fma4(denominator, square, float(q + 2))
  denominator = fma4(denominator, square, float(q + 3))
  return f32x4.div(f32x4.mul(x, numerator), denominator)
}

/** tanh, within 4e-7: the rational function of Eigen (https://eigen.tuxfamily.org, MathFunctionsImpl.h). */
// @ts-ignore: decorator
@inline
function tanh4(x: v128): v128 {
  return rational4(f32x4.pmin(f32x4.pmax(x, float(29)), float(30)), 31, 38)
}

/**
 * 0.5 x (1 + erf(x / √2)), erf within 4e-7 by the rational function of XLA and Eigen. Two vectors at a time, so that a
 * coefficient is fetched once for both; of an odd number the last is computed twice.
 */
export function gelu(x: usize, n: i32): void {
  for (const end = x + (<usize>n << 2); x < end; x += 32) {
    const y = x + 16 < end ? x + 16 : x
    const v = v128.load(x)
    const w = v128.load(y)
    let c = float(13)
    const least = float(15)
    const most = float(16)
    const zv = f32x4.pmin(f32x4.pmax(f32x4.mul(v, c), least), most)
    const zw = f32x4.pmin(f32x4.pmax(f32x4.mul(w, c), least), most)
    const sv = f32x4.mul(zv, zv)
    const sw = f32x4.mul(zw, zw)
    let d = float(18)
    c = float(17)
    let pv = fma4(c, sv, d)
    let pw = fma4(c, sw, d)
    c = float(19)
    pv = fma4(pv, sv, c)
    pw = fma4(pw, sw, c)
    c = float(20)
    pv = fma4(pv, sv, c)
    pw = fma4(pw, sw, c)
    c = float(21)
    pv = fma4(pv, sv, c)
    pw = fma4(pw, sw, c)
    c = float(22)
    pv = fma4(pv, sv, c)
    pw = fma4(pw, sw, c)
    c = float(23)
    pv = fma4(pv, sv, c)
    pw = fma4(pw, sw, c)
    d = float(25)
    c = float(24)
    let qv = fma4(c, sv, d)
    let qw = fma4(c, sw, d)
    c = float(26)
    qv = fma4(qv, sv, c)
    qw = fma4(qw, sw, c)
    c = float(27)
    qv = fma4(qv, sv, c)
    qw = fma4(qw, sw, c)
    c = float(28)
    qv = fma4(qv, sv, c)
    qw = fma4(qw, sw, c)
    c = float(14)
    const hv = f32x4.mul(v, c)
    const hw = f32x4.mul(w, c)
    v128.store(x, fma4(hv, f32x4.div(f32x4.mul(zv, pv), qv), hv))
    v128.store(y, fma4(hw, f32x4.div(f32x4.mul(zw, pw), qw), hw))
  }
}

/** 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))): "gelu_new" and "gelu_pytorch_tanh". */
export function geluTanh(x: usize, n: i32): void {
  for (const end = x + (<usize>n << 2); x < end; x += 16) {
    const v = v128.load(x)
    const cube = f32x4.mul(f32x4.mul(v, v), v)
    const inner = f32x4.mul(float(42), fma4(cube, float(43), v))
    const h = f32x4.mul(v, float(14))
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

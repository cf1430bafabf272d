/**
 * Layer normalization (Ba et al. 2016, https://arxiv.org/abs/1607.06450) and its form without mean and bias (RMSNorm,
 * Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467), each after adding a residual.
 */
import { fma4 } from './fma.kernel'

// @ts-ignore: decorator
@inline
function sum4(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  )
}

/** x[p] + residual[p], written back where there is a residual. */
// @ts-ignore: decorator
@inline
function added(x: usize, residual: usize, p: usize): v128 {
  let v = v128.load(x + p)
  if (residual) {
    v = f32x4.add(v, v128.load(residual + p))
    v128.store(x + p, v)
  }
  return v
}

/**
 * x[m] += residual[m]; out[m] = normalize(x[m]) * weight + bias. Residual 0 means none; out may be x, and where it is
 * not, x keeps the sum, as pre-norm layers want it. Sums are kept in four registers: in one, each addition would wait for
 * the last.
 * @param x, out f32 [M][N]  @param residual f32 [M][N] or 0  @param weight, bias f32 [N]
 */
export function layerNorm(
  x: usize, residual: usize, out: usize, weight: usize, bias: usize, M: i32, N: i32, eps: f32,
): void {
  const N4 = N & ~3
  const N16 = N & ~15
  const row = <usize>N << 2
  for (let m = 0; m < M; m++) {
    let s0 = f32x4.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    let n = 0
    for (; n < N16; n += 16) {
      const p = <usize>n << 2
      s0 = f32x4.add(s0, added(x, residual, p))
      s1 = f32x4.add(s1, added(x, residual, p + 16))
      s2 = f32x4.add(s2, added(x, residual, p + 32))
      s3 = f32x4.add(s3, added(x, residual, p + 48))
    }
    for (; n < N4; n += 4) s0 = f32x4.add(s0, added(x, residual, <usize>n << 2))
    let sum = sum4(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
    for (; n < N; n++) {
      const p = <usize>n << 2
      let v = load<f32>(x + p)
      if (residual) {
        v += load<f32>(residual + p)
        store<f32>(x + p, v)
      }
      sum += v
    }
    const mean: f32 = sum / <f32>N
    const mean4 = f32x4.splat(mean)
    s0 = f32x4.splat(0)
    s1 = s0
    s2 = s0
    s3 = s0
    for (n = 0; n < N16; n += 16) {
      const p = x + (<usize>n << 2)
      const d0 = f32x4.sub(v128.load(p), mean4)
      const d1 = f32x4.sub(v128.load(p, 16), mean4)
      const d2 = f32x4.sub(v128.load(p, 32), mean4)
      const d3 = f32x4.sub(v128.load(p, 48), mean4)
      s0 = fma4(d0, d0, s0)
      s1 = fma4(d1, d1, s1)
      s2 = fma4(d2, d2, s2)
      s3 = fma4(d3, d3, s3)
    }
    for (; n < N4; n += 4) {
      const d = f32x4.sub(v128.load(x + (<usize>n << 2)), mean4)
      s0 = fma4(d, d, s0)
    }
    let square = sum4(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
    for (; n < N; n++) {
      const d = load<f32>(x + (<usize>n << 2)) - mean
      square += d * d
    }
    const inverse: f32 = 1 / Mathf.sqrt(square / <f32>N + eps)
    const inverse4 = f32x4.splat(inverse)
    for (n = 0; n < N4; n += 4) {
      const p = <usize>n << 2
      const d = f32x4.mul(f32x4.sub(v128.load(x + p), mean4), inverse4)
      v128.store(out + p, fma4(d, v128.load(weight + p), v128.load(bias + p)))
    }
    for (; n < N; n++) {
      const p = <usize>n << 2
      store<f32>(out + p, (load<f32>(x + p) - mean) * inverse * load<f32>(weight + p) + load<f32>(bias + p))
    }
    x += row
    out += row
    if (residual) residual += row
  }
}

/** x[m] += residual[m]; out[m] = x[m] / √(mean of x[m]² + eps) * weight, as layerNorm otherwise. */
export function rmsNorm(x: usize, residual: usize, out: usize, weight: usize, M: i32, N: i32, eps: f32): void {
  const N4 = N & ~3
  const N16 = N & ~15
  const row = <usize>N << 2
  for (let m = 0; m < M; m++) {
    let s0 = f32x4.splat(0)
    let s1 = s0
    let s2 = s0
    let s3 = s0
    let n = 0
    for (; n < N16; n += 16) {
      const p = <usize>n << 2
      const v0 = added(x, residual, p)
      const v1 = added(x, residual, p + 16)
      const v2 = added(x, residual, p + 32)
      const v3 = added(x, residual, p + 48)
      s0 = fma4(v0, v0, s0)
      s1 = fma4(v1, v1, s1)
      s2 = fma4(v2, v2, s2)
      s3 = fma4(v3, v3, s3)
    }
    for (; n < N4; n += 4) {
      const v = added(x, residual, <usize>n << 2)
      s0 = fma4(v, v, s0)
    }
    let square = sum4(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)))
    for (; n < N; n++) {
      const p = <usize>n << 2
      let v = load<f32>(x + p)
      if (residual) {
        v += load<f32>(residual + p)
        store<f32>(x + p, v)
      }
      square += v * v
    }
    const inverse: f32 = 1 / Mathf.sqrt(square / <f32>N + eps)
    const inverse4 = f32x4.splat(inverse)
    for (n = 0; n < N4; n += 4) {
      const p = <usize>n << 2
      v128.store(out + p, f32x4.mul(f32x4.mul(v128.load(x + p), inverse4), v128.load(weight + p)))
    }
    for (; n < N; n++) {
      const p = <usize>n << 2
      store<f32>(out + p, load<f32>(x + p) * inverse * load<f32>(weight + p))
    }
    x += row
    out += row
    if (residual) residual += row
  }
}

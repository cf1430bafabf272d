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

/**
 * x[m] += residual[m]; out[m] = normalize(x[m]) * weight + bias. Residual 0 means none; out may be x, and where it is
 * not, x keeps the sum, as pre-norm layers want it.
 * @param x, out f32 [M][N]  @param residual f32 [M][N] or 0  @param weight, bias f32 [N]
 */
export function layerNorm(
  x: usize, residual: usize, out: usize, weight: usize, bias: usize, M: i32, N: i32, eps: f32,
): void {
  const N4 = N & ~3
  const row = <usize>N << 2
  for (let m = 0; m < M; m++) {
    let sums = f32x4.splat(0)
    let n = 0
    for (; n < N4; n += 4) {
      const p = <usize>n << 2
      let v = v128.load(x + p)
      if (residual) {
        v = f32x4.add(v, v128.load(residual + p))
        v128.store(x + p, v)
      }
      sums = f32x4.add(sums, v)
    }
    let sum = sum4(sums)
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
    let squares = f32x4.splat(0)
    for (n = 0; n < N4; n += 4) {
      const d = f32x4.sub(v128.load(x + (<usize>n << 2)), mean4)
      squares = fma4(d, d, squares)
    }
    let square = sum4(squares)
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
  const row = <usize>N << 2
  for (let m = 0; m < M; m++) {
    let squares = f32x4.splat(0)
    let n = 0
    for (; n < N4; n += 4) {
      const p = <usize>n << 2
      let v = v128.load(x + p)
      if (residual) {
        v = f32x4.add(v, v128.load(residual + p))
        v128.store(x + p, v)
      }
      squares = fma4(v, v, squares)
    }
    let square = sum4(squares)
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

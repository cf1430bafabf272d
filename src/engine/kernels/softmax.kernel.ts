/** Softmax over attention scores. */
import { exp4 } from './activation.kernel'

/**
 * x[m][0..N) = softmax(scale * x[m][0..N)), in place. Columns N up to the next multiple of 4 become 0; stride is
 * at least that.
 */
export function softmax(x: usize, M: i32, N: i32, stride: i32, scale: f32): void {
  const whole = N & ~3
  const padded = (N + 3) & ~3
  const scale4 = f32x4.splat(scale)
  for (let m = 0; m < M; m++) {
    for (let n = N; n < padded; n++) store<f32>(x + (<usize>n << 2), -f32.MAX_VALUE)
    let max4 = f32x4.splat(-f32.MAX_VALUE)
    for (let n = 0; n < padded; n += 4) max4 = f32x4.pmax(max4, v128.load(x + (<usize>n << 2)))
    const max: f32 = Mathf.max(
      Mathf.max(f32x4.extract_lane(max4, 0), f32x4.extract_lane(max4, 1)),
      Mathf.max(f32x4.extract_lane(max4, 2), f32x4.extract_lane(max4, 3)),
    )
    max4 = f32x4.splat(max)
    let sums = f32x4.splat(0)
    for (let n = 0; n < padded; n += 4) {
      const p = x + (<usize>n << 2)
      const e = exp4(f32x4.mul(f32x4.sub(v128.load(p), max4), scale4))
      v128.store(p, e)
      if (n < whole) sums = f32x4.add(sums, e)
    }
    let sum: f32 =
      f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3)
    for (let n = whole; n < N; n++) sum += load<f32>(x + (<usize>n << 2))
    for (let n = N; n < padded; n++) store<f32>(x + (<usize>n << 2), 0)
    const inverse4 = f32x4.splat(1 / sum)
    for (let n = 0; n < padded; n += 4) {
      const p = x + (<usize>n << 2)
      v128.store(p, f32x4.mul(v128.load(p), inverse4))
    }
    x += <usize>stride << 2
  }
}

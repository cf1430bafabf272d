/** Softmax over attention scores. */
import { exp4 } from './activation.kernel'

/**
 * x[m] = softmax(scale * x[m]) over the columns that row m sees, in place; the others, up to N rounded up to 4, become
 * 0. Row m is the query at position past + m: it sees the `window` columns that end with its own position, so a past
 * of N or more means all of them.
 * @param x f32 [M][N], rows `stride` apart, which is N rounded up to 4 or more
 */
export function softmax(x: usize, M: i32, N: i32, stride: i32, scale: f32, past: i32, window: i32): void {
  const padded = (N + 3) & ~3
  const scale4 = f32x4.splat(scale)
  const lowest = -f32.MAX_VALUE
  for (let m = 0; m < M; m++) {
    const end = min(N, past + m + 1)
    const begin = max(0, end - window)
    // Whole vectors from `from` to `to` hold the visible columns.
    const from = begin & ~3
    const to = (end + 3) & ~3
    for (let n = from; n < begin; n++) store<f32>(x + (<usize>n << 2), lowest)
    for (let n = end; n < to; n++) store<f32>(x + (<usize>n << 2), lowest)
    let max4 = f32x4.splat(lowest)
    for (let n = from; n < to; n += 4) max4 = f32x4.pmax(max4, v128.load(x + (<usize>n << 2)))
    const largest: f32 = Mathf.max(
      Mathf.max(f32x4.extract_lane(max4, 0), f32x4.extract_lane(max4, 1)),
      Mathf.max(f32x4.extract_lane(max4, 2), f32x4.extract_lane(max4, 3)),
    )
    max4 = f32x4.splat(largest)
    let sums = f32x4.splat(0)
    for (let n = from; n < to; n += 4) {
      const p = x + (<usize>n << 2)
      // A score of -MAX less the largest may be infinite: exp4 takes it as its smallest argument, e^-87.
      const e = exp4(f32x4.mul(f32x4.sub(v128.load(p), max4), scale4))
      v128.store(p, e)
      sums = f32x4.add(sums, e)
    }
    const sum: f32 =
      f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3)
    const inverse4 = f32x4.splat(1 / sum)
    for (let n = from; n < to; n += 4) {
      const p = x + (<usize>n << 2)
      v128.store(p, f32x4.mul(v128.load(p), inverse4))
    }
    for (let n = 0; n < begin; n++) store<f32>(x + (<usize>n << 2), 0)
    for (let n = end; n < padded; n++) store<f32>(x + (<usize>n << 2), 0)
    x += <usize>stride << 2
  }
}

/** Softmax over attention scores. */
import { exp4 } from './activation.kernel'
import { float, integer } from './constants.kernel'
import { fma4 } from './fma.kernel'

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
    // A score of -MAX less the largest may be infinite: exp4 takes it as its smallest argument, e^-87.
    let n = from
    for (; n + 8 <= to; n += 8) sums = f32x4.add(sums, expPair(x + (<usize>n << 2), max4, scale4))
    if (n < to) {
      const p = x + (<usize>n << 2)
      const e = exp4(f32x4.mul(f32x4.sub(v128.load(p), max4), scale4))
      v128.store(p, e)
      sums = f32x4.add(sums, e)
    }
    const sum: f32 =
      f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) + f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3)
    const inverse4 = f32x4.splat(1 / sum)
    for (n = from; n < to; n += 4) {
      const p = x + (<usize>n << 2)
      v128.store(p, f32x4.mul(v128.load(p), inverse4))
    }
    for (let n = 0; n < begin; n++) store<f32>(x + (<usize>n << 2), 0)
    for (let n = end; n < padded; n++) store<f32>(x + (<usize>n << 2), 0)
    x += <usize>stride << 2
  }
}

/**
 * Eight values to e^(scale (x - max)), in place, and the sum of both vectors: exp4 for two at once, so that a constant is
 * fetched once for both.
 */
// @ts-ignore: decorator
@inline
export function expPair(p: usize, max4: v128, scale4: v128): v128 {
  let c = float(0)
  let d = float(1)
  const x = f32x4.pmin(f32x4.pmax(f32x4.mul(f32x4.sub(v128.load(p), max4), scale4), c), d)
  const y = f32x4.pmin(f32x4.pmax(f32x4.mul(f32x4.sub(v128.load(p, 16), max4), scale4), c), d)
  c = float(2)
  d = float(3)
  const sx = fma4(x, c, d)
  const sy = fma4(y, c, d)
  const nx = f32x4.sub(sx, d)
  const ny = f32x4.sub(sy, d)
  c = float(4)
  let rx = fma4(nx, c, x)
  let ry = fma4(ny, c, y)
  c = float(5)
  rx = fma4(nx, c, rx)
  ry = fma4(ny, c, ry)
  c = float(6)
  d = float(7)
  let px = fma4(c, rx, d)
  let py = fma4(c, ry, d)
  c = float(8)
  px = fma4(px, rx, c)
  py = fma4(py, ry, c)
  c = float(9)
  px = fma4(px, rx, c)
  py = fma4(py, ry, c)
  c = float(10)
  px = fma4(px, rx, c)
  py = fma4(py, ry, c)
  c = float(11)
  px = fma4(px, rx, c)
  py = fma4(py, ry, c)
  c = float(12)
  px = f32x4.add(fma4(px, f32x4.mul(rx, rx), rx), c)
  py = f32x4.add(fma4(py, f32x4.mul(ry, ry), ry), c)
  c = integer(0)
  const ex = f32x4.mul(px, i32x4.shl(i32x4.add(sx, c), 23))
  const ey = f32x4.mul(py, i32x4.shl(i32x4.add(sy, c), 23))
  v128.store(p, ex)
  v128.store(p, ey, 16)
  return f32x4.add(ex, ey)
}

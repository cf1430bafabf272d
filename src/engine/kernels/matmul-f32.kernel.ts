/** f32 matrix product: attention, heads, and whole models when they run in full precision. */
import { fma4 } from './fma.kernel'

/**
 * c[m][n] = Σk a[m][k] b[k][n] + bias[n], in tiles of 4 rows by 8 columns.
 *
 * b is read in panels of 8 columns: panel p starts at b + p * panelStride and row k of it at + k * rowStride, which
 * covers a packed weight (panelStride = 8 K, rowStride = 8) and a plain row-major matrix (panelStride = 8,
 * rowStride = ldb). The last panel may be narrower than 8: its missing columns are read (the memory behind a matrix
 * is always readable) but not written.
 * @param bias f32 [N to 8], or 0 for none  @param tile 128 bytes of scratch
 */
export function matmulF32(
  a: usize, lda: i32, b: usize, panelStride: i32, rowStride: i32, bias: usize,
  c: usize, ldc: i32, M: i32, N: i32, K: i32, tile: usize,
): void {
  const single = (M & 3) == 1
  const last = single ? M - 1 : M
  if (last > 0) {
    const zero = f32x4.splat(0)
    let panel = b
    for (let n = 0; n < N; n += 8) {
      const whole = n + 8 <= N
      const bias0 = bias ? v128.load(bias + (<usize>n << 2)) : zero
      const bias1 = bias ? v128.load(bias + (<usize>n << 2), 16) : zero
      for (let m = 0; m < last; m += 4) {
        const rows = min(4, last - m)
        const direct = whole && rows == 4
        const out = direct ? c + (<usize>(m * ldc + n) << 2) : tile
        tile4(a + (<usize>(m * lda) << 2), lda, rows, panel, rowStride, bias0, bias1, out, direct ? ldc : 8, K)
        if (!direct)
          for (let i = 0; i < rows; i++)
            for (let j = 0; j < min(8, N - n); j++)
              store<f32>(c + (<usize>((m + i) * ldc + n + j) << 2), load<f32>(tile + (<usize>(i * 8 + j) << 2)))
      }
      panel += <usize>panelStride << 2
    }
  }
  if (single)
    row(a + (<usize>(last * lda) << 2), b, panelStride, rowStride, bias, c + (<usize>(last * ldc) << 2), N, K, tile)
}

/** Rows beyond `rows` repeat the last one: computed, never copied out. */
function tile4(
  a: usize, lda: i32, rows: i32, b: usize, rowStride: i32, bias0: v128, bias1: v128, out: usize, ldc: i32, K: i32,
): void {
  const a1 = <usize>(min(1, rows - 1) * lda) << 2
  const a2 = <usize>(min(2, rows - 1) * lda) << 2
  const a3 = <usize>(min(3, rows - 1) * lda) << 2
  const step = <usize>rowStride << 2
  const end = a + (<usize>K << 2)
  let c00 = bias0
  let c01 = bias1
  let c10 = bias0
  let c11 = bias1
  let c20 = bias0
  let c21 = bias1
  let c30 = bias0
  let c31 = bias1
  while (a < end) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    const x0 = v128.load32_splat(a)
    c00 = fma4(x0, b0, c00)
    c01 = fma4(x0, b1, c01)
    const x1 = v128.load32_splat(a + a1)
    c10 = fma4(x1, b0, c10)
    c11 = fma4(x1, b1, c11)
    const x2 = v128.load32_splat(a + a2)
    c20 = fma4(x2, b0, c20)
    c21 = fma4(x2, b1, c21)
    const x3 = v128.load32_splat(a + a3)
    c30 = fma4(x3, b0, c30)
    c31 = fma4(x3, b1, c31)
    a += 4
    b += step
  }
  const row = <usize>ldc << 2
  v128.store(out, c00)
  v128.store(out, c01, 16)
  out += row
  v128.store(out, c10)
  v128.store(out, c11, 16)
  out += row
  v128.store(out, c20)
  v128.store(out, c21, 16)
  out += row
  v128.store(out, c30)
  v128.store(out, c31, 16)
}

/**
 * One row: four panels at a time, so that no sum waits for its last step. Each sum has the order of tile4's: a row's result
 * does not depend on how many are computed with it.
 */
function row(
  a: usize, b: usize, panelStride: i32, rowStride: i32, bias: usize, c: usize, N: i32, K: i32, tile: usize,
): void {
  const panel = <usize>panelStride << 2
  const step = <usize>rowStride << 2
  const zero = f32x4.splat(0)
  let n = 0
  for (; n + 32 <= N; n += 32) {
    const p = bias ? bias + (<usize>n << 2) : 0
    let c0 = p ? v128.load(p) : zero
    let c1 = p ? v128.load(p, 16) : zero
    let c2 = p ? v128.load(p, 32) : zero
    let c3 = p ? v128.load(p, 48) : zero
    let c4 = p ? v128.load(p, 64) : zero
    let c5 = p ? v128.load(p, 80) : zero
    let c6 = p ? v128.load(p, 96) : zero
    let c7 = p ? v128.load(p, 112) : zero
    let b0 = b
    let b1 = b + panel
    let b2 = b1 + panel
    let b3 = b2 + panel
    for (let x = a, end = a + (<usize>K << 2); x < end; x += 4) {
      const v = v128.load32_splat(x)
      c0 = fma4(v, v128.load(b0), c0)
      c1 = fma4(v, v128.load(b0, 16), c1)
      c2 = fma4(v, v128.load(b1), c2)
      c3 = fma4(v, v128.load(b1, 16), c3)
      c4 = fma4(v, v128.load(b2), c4)
      c5 = fma4(v, v128.load(b2, 16), c5)
      c6 = fma4(v, v128.load(b3), c6)
      c7 = fma4(v, v128.load(b3, 16), c7)
      b0 += step
      b1 += step
      b2 += step
      b3 += step
    }
    const out = c + (<usize>n << 2)
    v128.store(out, c0)
    v128.store(out, c1, 16)
    v128.store(out, c2, 32)
    v128.store(out, c3, 48)
    v128.store(out, c4, 64)
    v128.store(out, c5, 80)
    v128.store(out, c6, 96)
    v128.store(out, c7, 112)
    b += 4 * panel
  }
  for (; n < N; n += 8) {
    const columns = min(8, N - n)
    const p = bias ? bias + (<usize>n << 2) : 0
    let c0 = p ? v128.load(p) : zero
    let c1 = p ? v128.load(p, 16) : zero
    let b0 = b
    for (let x = a, end = a + (<usize>K << 2); x < end; x += 4) {
      const v = v128.load32_splat(x)
      c0 = fma4(v, v128.load(b0), c0)
      c1 = fma4(v, v128.load(b0, 16), c1)
      b0 += step
    }
    const out = c + (<usize>n << 2)
    const to = columns == 8 ? out : tile
    v128.store(to, c0)
    v128.store(to, c1, 16)
    if (columns < 8) memory.copy(out, tile, <usize>columns << 2)
    b += panel
  }
}

/**
 * Rows of keys into the panels that matmulF32 reads as columns: to [T/8][D][8], where key t is lane t & 7 of panel t / 8.
 * @param from f32 [T][D], rows `ldFrom` apart; they become the keys first..first+T
 */
export function packKeys(from: usize, ldFrom: i32, to: usize, first: i32, T: i32, D: i32): void {
  const step = <usize>ldFrom << 2
  let t = first
  const last = first + T
  while (t < last) {
    const panel = to + (<usize>((t >> 3) * D * 8 + (t & 7)) << 2)
    if ((t & 3) == 0 && t + 4 <= last) {
      let d = 0
      for (; d < (D & ~3); d += 4) {
        const p = from + (<usize>d << 2)
        const r0 = v128.load(p)
        const r1 = v128.load(p + step)
        const r2 = v128.load(p + 2 * step)
        const r3 = v128.load(p + 3 * step)
        const low01 = i32x4.shuffle(r0, r1, 0, 4, 1, 5)
        const high01 = i32x4.shuffle(r0, r1, 2, 6, 3, 7)
        const low23 = i32x4.shuffle(r2, r3, 0, 4, 1, 5)
        const high23 = i32x4.shuffle(r2, r3, 2, 6, 3, 7)
        const q = panel + (<usize>d << 5)
        v128.store(q, i64x2.shuffle(low01, low23, 0, 2))
        v128.store(q, i64x2.shuffle(low01, low23, 1, 3), 32)
        v128.store(q, i64x2.shuffle(high01, high23, 0, 2), 64)
        v128.store(q, i64x2.shuffle(high01, high23, 1, 3), 96)
      }
      for (; d < D; d++)
        for (let i = 0; i < 4; i++)
          store<f32>(panel + (<usize>(d * 8 + i) << 2), load<f32>(from + <usize>i * step + (<usize>d << 2)))
      t += 4
      from += 4 * step
    } else {
      for (let d = 0; d < D; d++) store<f32>(panel + (<usize>d << 5), load<f32>(from + (<usize>d << 2)))
      t++
      from += step
    }
  }
}

/** Rows of N values; row strides in elements. */
export function copyRows(from: usize, ldFrom: i32, to: usize, ldTo: i32, M: i32, N: i32): void {
  for (let m = 0; m < M; m++) {
    memory.copy(to, from, <usize>N << 2)
    from += <usize>ldFrom << 2
    to += <usize>ldTo << 2
  }
}

/** to[c][r] = from[r][c]; from f32 [rows][columns]. */
export function transpose(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let c = 0; c < columns; c++) {
    let p = from + (<usize>c << 2)
    for (let r = 0; r < rows; r++) {
      store<f32>(to, load<f32>(p))
      to += 4
      p += <usize>columns << 2
    }
  }
}

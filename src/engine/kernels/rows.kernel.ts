/** Rows picked from tables and averaged: embeddings and pooling. */
import { fma4 } from './fma.kernel'

/** out[i] += table[ids[i]]; table f32 [rows][N], ids i32 [count], out f32 [count][N]. */
export function addRowsF32(table: usize, ids: usize, out: usize, count: i32, N: i32): void {
  for (let i = 0; i < count; i++) {
    const row = table + (<usize>load<i32>(ids + (<usize>i << 2)) * <usize>N << 2)
    let n = 0
    for (; n < (N & ~3); n += 4) {
      const p = <usize>n << 2
      v128.store(out + p, f32x4.add(v128.load(out + p), v128.load(row + p)))
    }
    for (; n < N; n++) {
      const p = <usize>n << 2
      store<f32>(out + p, load<f32>(out + p) + load<f32>(row + p))
    }
    out += <usize>N << 2
  }
}

/** out[i] += table[ids[i]] * scale[ids[i]]; table int8 [rows][N], scale f32 [rows]. */
export function addRowsInt8(table: usize, scale: usize, ids: usize, out: usize, count: i32, N: i32): void {
  for (let i = 0; i < count; i++) {
    const id = <usize>load<i32>(ids + (<usize>i << 2))
    const row = table + id * <usize>N
    const s = load<f32>(scale + (id << 2))
    const s4 = f32x4.splat(s)
    let n = 0
    for (; n < (N & ~3); n += 4) {
      const p = out + (<usize>n << 2)
      const bytes = i16x8.extend_low_i8x16_s(v128.load32_zero(row + n))
      v128.store(p, fma4(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(bytes)), s4, v128.load(p)))
    }
    for (; n < N; n++) {
      const p = out + (<usize>n << 2)
      store<f32>(p, load<f32>(p) + s * <f32>load<i8>(row + n))
    }
    out += <usize>N << 2
  }
}

/** out[i] += row ids[i] of matmulF32's panels [rows/8][N][8]. */
export function addRowsPackedF32(w: usize, ids: usize, out: usize, count: i32, N: i32): void {
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + (<usize>i << 2))
    let p = w + ((<usize>((id >> 3) * 8) * <usize>N + <usize>(id & 7)) << 2)
    for (let n = 0; n < N; n++) {
      store<f32>(out, load<f32>(out) + load<f32>(p))
      p += 32
      out += 4
    }
  }
}

/** out[i] += row ids[i] of matmulInt8's panels [rows/8][Np/4][8][4], times its scale. */
export function addRowsPackedInt8(
  w: usize, scale: usize, ids: usize, out: usize, count: i32, N: i32, Np: i32,
): void {
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + (<usize>i << 2))
    const s = load<f32>(scale + (<usize>id << 2))
    const p = w + <usize>((id >> 3) * 8) * <usize>Np + <usize>((id & 7) << 2)
    for (let n = 0; n < N; n++) {
      const value = <f32>load<i8>(p + <usize>((n >> 2) * 32 + (n & 3)))
      store<f32>(out, load<f32>(out) + s * value)
      out += 4
    }
  }
}

/** out[n] = mean over m of x[m][n]; x f32 [M][N]. */
export function meanRows(x: usize, out: usize, M: i32, N: i32): void {
  for (let n = 0; n < N; n++) {
    let sum: f32 = 0
    for (let m = 0; m < M; m++) sum += load<f32>(x + (<usize>(m * N + n) << 2))
    store<f32>(out + (<usize>n << 2), sum / <f32>M)
  }
}

/**
 * Sums, products and rotations of activations. Arrays of n values are read and written up to the next multiple of 4:
 * the arena pads every array to 16 bytes.
 */
import { fma4 } from './fma.kernel'

/** x[i] += y[i] */
export function add(x: usize, y: usize, n: i32): void {
  for (const end = x + (<usize>n << 2); x < end; x += 16) {
    v128.store(x, f32x4.add(v128.load(x), v128.load(y)))
    y += 16
  }
}

/** x[m][n] += y[m][n]; row strides in elements. */
export function addMatrix(x: usize, ldx: i32, y: usize, ldy: i32, M: i32, N: i32): void {
  for (let m = 0; m < M; m++) {
    let n = 0
    for (; n < (N & ~3); n += 4) {
      const p = <usize>n << 2
      v128.store(x + p, f32x4.add(v128.load(x + p), v128.load(y + p)))
    }
    for (; n < N; n++) {
      const p = <usize>n << 2
      store<f32>(x + p, load<f32>(x + p) + load<f32>(y + p))
    }
    x += <usize>ldx << 2
    y += <usize>ldy << 2
  }
}

/** x[i] *= factor */
export function scale(x: usize, factor: f32, n: i32): void {
  const factor4 = f32x4.splat(factor)
  for (const end = x + (<usize>n << 2); x < end; x += 16) v128.store(x, f32x4.mul(v128.load(x), factor4))
}

/** x[m][n] *= y[m][n]; x f32 [M][N], rows of y `ldy` apart. */
export function multiplyRows(x: usize, y: usize, ldy: i32, M: i32, N: i32): void {
  for (let m = 0; m < M; m++) {
    let n = 0
    for (; n < (N & ~3); n += 4) {
      const p = <usize>n << 2
      v128.store(x + p, f32x4.mul(v128.load(x + p), v128.load(y + p)))
    }
    for (; n < N; n++) {
      const p = <usize>n << 2
      store<f32>(x + p, load<f32>(x + p) * load<f32>(y + p))
    }
    x += <usize>N << 2
    y += <usize>ldy << 2
  }
}

/**
 * Rotary position embedding (Su et al. 2021, https://arxiv.org/abs/2104.09864), in the order of Hugging Face: the pairs
 * are (i, i + D/2) of the first D values of each head.
 * @param x f32 [M][heads][headDim], rows `ldx` apart  @param table f32 [M][D]: D/2 cosines, then D/2 sines
 */
export function rotate(x: usize, ldx: i32, M: i32, heads: i32, headDim: i32, D: i32, table: usize): void {
  const half = D >> 1
  const bytes = <usize>half << 2
  for (let m = 0; m < M; m++) {
    for (let h = 0; h < heads; h++) {
      const head = x + (<usize>(h * headDim) << 2)
      let i = 0
      for (; i < (half & ~3); i += 4) {
        const p = head + (<usize>i << 2)
        const t = table + (<usize>i << 2)
        const a = v128.load(p)
        const b = v128.load(p + bytes)
        const cos = v128.load(t)
        const sin = v128.load(t + bytes)
        v128.store(p, fma4(a, cos, f32x4.neg(f32x4.mul(b, sin))))
        v128.store(p + bytes, fma4(b, cos, f32x4.mul(a, sin)))
      }
      for (; i < half; i++) {
        const p = head + (<usize>i << 2)
        const t = table + (<usize>i << 2)
        const a = load<f32>(p)
        const b = load<f32>(p + bytes)
        store<f32>(p, a * load<f32>(t) - b * load<f32>(t + bytes))
        store<f32>(p + bytes, b * load<f32>(t) + a * load<f32>(t + bytes))
      }
    }
    x += <usize>ldx << 2
    table += 2 * bytes
  }
}

/**
 * The kernels' formulas in plain TypeScript, written to be read and to be tested against; nothing runs on them.
 * Matrices are row-major arrays.
 */

/** c[m][n] = Σk a[m][k] b[n][k] + bias[n] */
export function linear(a: number[][], b: number[][], bias: number[]): number[][] {
  return a.map((row) => b.map((weights, n) => row.reduce((sum, x, k) => sum + x * weights[k]!, bias[n]!)))
}

/** A row as integers of `steps` levels each way, and its scale. */
export function quantizeRow(row: number[], steps: number): { values: number[]; scale: number } {
  const scale = Math.max(...row.map(Math.abs)) / steps
  return { values: row.map((x) => (scale === 0 ? 0 : roundHalfEven(x / scale))), scale }
}

/** linear() after quantizing activations to 7 and weights to 8 bit a row. */
export function linearInt8(a: number[][], b: number[][], bias: number[]): number[][] {
  const weights = b.map((row) => quantizeRow(row, 127))
  return a.map((row) => {
    const x = quantizeRow(row, 63)
    return weights.map(({ values, scale }, n) => {
      const sum = values.reduce((total, w, k) => total + w * x.values[k]!, 0)
      return sum * scale * x.scale + bias[n]!
    })
  })
}

/** linear() after quantizing groups of 32 columns, activations to 8 and weights to 4 bit. */
export function linearInt4(a: number[][], b: number[][], bias: number[]): number[][] {
  const groups = (row: number[]) =>
    Array.from({ length: Math.ceil(row.length / 32) }, (_, i) => row.slice(32 * i, 32 * (i + 1)))
  const weights = b.map((row) => groups(row).map(quantizeInt4))
  return a.map((row) => {
    const x = groups(row).map((group) => quantizeRow(group, 127))
    return weights.map((own, n) =>
      own.reduce((total, { values, scale }, g) => {
        const sum = values.reduce((sum, w, k) => sum + w * x[g]!.values[k]!, 0)
        return total + sum * scale * x[g]!.scale
      }, bias[n]!),
    )
  })
}

/** The value furthest from 0 is -8 times the scale, which is a bfloat16. */
function quantizeInt4(group: number[]): { values: number[]; scale: number } {
  const [most, least] = [Math.max(...group), Math.min(...group)]
  const extreme = most > -least ? most : least
  const bits = new Uint32Array(Float32Array.of(extreme / -8).buffer)
  bits[0] = roundHalfEven(bits[0]! / 65_536) * 65_536
  const scale = new Float32Array(bits.buffer)[0]!
  return { values: group.map((x) => (scale === 0 ? 0 : Math.min(7, roundHalfEven(x / scale)))), scale }
}

/** Rounds halves to even, as WebAssembly's nearest does. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x)
  if (x - floor !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}

export function layerNorm(x: number[], weight: number[], bias: number[], eps: number): number[] {
  const mean = x.reduce((a, b) => a + b, 0) / x.length
  const variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length
  return x.map((v, i) => ((v - mean) / Math.sqrt(variance + eps)) * weight[i]! + bias[i]!)
}

export function softmax(x: number[], scale: number): number[] {
  const max = Math.max(...x)
  const exp = x.map((v) => Math.exp((v - max) * scale))
  const sum = exp.reduce((a, b) => a + b, 0)
  return exp.map((e) => e / sum)
}

export interface AttentionOptions {
  scale: number
  /** Query i is at position past + i and sees the `window` keys that end with its own. */
  causal?: { past: number; window: number } | undefined
  /** [queries][keys], added to the scores before they are scaled. */
  bias?: number[][] | undefined
}

/** Dot-product attention of one head: softmax((q kᵀ + bias) scale) v over the keys that a query sees. */
export function attention(
  q: number[][],
  k: number[][],
  v: number[][],
  { scale, causal, bias }: AttentionOptions,
): number[][] {
  return q.map((query, i) => {
    const last = causal ? causal.past + i : Number.POSITIVE_INFINITY
    const first = causal ? last - causal.window + 1 : 0
    const seen = k.map((_, t) => t).filter((t) => t >= first && t <= last)
    const scores = seen.map((t) => query.reduce((sum, x, d) => sum + x * k[t]![d]!, bias ? bias[i]![t]! : 0))
    const weights = softmax(scores, scale)
    return v[0]!.map((_, d) => weights.reduce((sum, w, j) => sum + w * v[seen[j]!]![d]!, 0))
  })
}

export function rmsNorm(x: number[], weight: number[], eps: number): number[] {
  const square = x.reduce((sum, v) => sum + v * v, 0) / x.length
  return x.map((v, i) => (v / Math.sqrt(square + eps)) * weight[i]!)
}

/** Rotates the pairs (i, i + n) of x's first 2n values by the angles. */
export function rotate(x: number[], angles: number[]): number[] {
  const n = angles.length
  return x.map((v, i) => {
    if (i >= 2 * n) return v
    const [cos, sin] = [Math.cos(angles[i % n]!), Math.sin(angles[i % n]!)]
    return i < n ? v * cos - x[i + n]! * sin : v * cos + x[i - n]! * sin
  })
}

/** erf by its Maclaurin series, summed until a term changes nothing; good to double precision for |x| < 4. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

export const activations = {
  gelu: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x: number) => Math.max(0, x),
  silu: (x: number) => x / (1 + Math.exp(-x)),
  tanh: Math.tanh,
}

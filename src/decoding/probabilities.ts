/** Softmax over a vocabulary, and its largest entries: each a pass or two, nothing sorted, nothing allocated by its size. */

/**
 * e^-x for 0 <= x < 32 from a table of steps of 1/128 and the first terms of the series: relative error 1e-8, and three
 * times as fast as Math.exp.
 */
const STEPS = 128
const LIMIT = 32
const table = Float64Array.from({ length: STEPS * LIMIT + 1 }, (_, i) => Math.exp(-i / STEPS))

/** e^-x for x >= 0. */
export function expNegative(x: number): number {
  if (x >= LIMIT) return Math.exp(-x)
  const n = (x * STEPS + 0.5) | 0
  const rest = n / STEPS - x
  return table[n]! * (1 + rest * (1 + rest * 0.5))
}

/**
 * Values are looked through in blocks: the largest of one is found by maxima, in half the time of comparisons, and most
 * blocks have none that matters.
 */
export const BLOCK = 64

function blockMaximum(values: Float32Array, from: number, to: number): number {
  let largest = -Infinity
  for (let i = from; i < to; i++) largest = Math.max(largest, values[i]!)
  return largest
}

/** The largest value of each block, to out[ceil(values / BLOCK)]; gives the largest of all. */
export function blockMaxima(values: Float32Array, out: Float32Array): number {
  const { length } = values
  let largest = -Infinity
  for (let from = 0, block = 0; from < length; from += BLOCK, block++) {
    const own = blockMaximum(values, from, Math.min(from + BLOCK, length))
    out[block] = own
    if (own > largest) largest = own
  }
  return largest
}

/** Index of the largest value, the first of equals. */
export function argmax(values: Float32Array): number {
  const { length } = values
  let first = 0
  let largest = -Infinity
  for (let from = 0; from < length; from += BLOCK) {
    const own = blockMaximum(values, from, Math.min(from + BLOCK, length))
    if (own > largest) {
      largest = own
      first = from
    }
  }
  return Math.max(0, values.indexOf(largest, first))
}

/** The logarithm of the sum of e^(logit / temperature). */
export function logSumExp(logits: Float32Array, temperature = 1): number {
  const largest = logits[argmax(logits)]!
  if (largest === -Infinity) return -Infinity
  const scale = 1 / temperature
  const { length } = logits
  let sum = 0
  for (let i = 0; i < length; i++) sum += expNegative((largest - logits[i]!) * scale)
  return largest * scale + Math.log(sum)
}

/** Logits become log-probabilities. */
export function logSoftmax(logits: Float32Array): void {
  const sum = logSumExp(logits)
  for (let i = 0; i < logits.length; i++) logits[i]! -= sum
}

/** Indices of the n largest values, largest first, equals in their order; for a small n. */
export function topIndices(values: Float32Array, n: number): number[] {
  const { length } = values
  const size = Math.min(n, length)
  const indices: number[] = []
  let smallest = -Infinity
  let full = false
  for (let from = 0; from < length; from += BLOCK) {
    const to = Math.min(from + BLOCK, length)
    if (full && !(blockMaximum(values, from, to) > smallest)) continue
    for (let i = from; i < to; i++) {
      const value = values[i]!
      if (full && value <= smallest) continue
      if (full) indices.pop()
      let at = indices.length
      while (at > 0 && values[indices[at - 1]!]! < value) at--
      indices.splice(at, 0, i)
      full = indices.length === size
      if (full) smallest = values[indices[size - 1]!]!
    }
  }
  return indices
}

/**
 * The k-th largest value, for k up to their number.
 * @param maxima of their blocks
 * @param scratch room for as many values
 */
export function kthLargest(
  values: Float32Array,
  k: number,
  maxima: Float32Array,
  scratch: Float32Array,
): number {
  // k blocks have a value as large as the k-th of their maxima, so no smaller one need be looked at.
  const least = k <= maxima.length ? kthOf(maxima, k) : -Infinity
  const { length } = values
  let size = 0
  for (let from = 0, block = 0; from < length; from += BLOCK, block++) {
    if (maxima[block]! < least) continue
    const to = Math.min(from + BLOCK, length)
    for (let i = from; i < to; i++) {
      const value = values[i]!
      if (value >= least) scratch[size++] = value
    }
  }
  return kthOf(scratch.subarray(0, size), k)
}

function kthOf(values: Float32Array, k: number): number {
  // A heap of the k largest: each is at most as large as the two that come at twice its place.
  const heap = values.slice(0, k)
  const sink = (from: number, value: number): void => {
    let at = from
    for (let child = 2 * at + 1; child < k; child = 2 * at + 1) {
      if (child + 1 < k && heap[child + 1]! < heap[child]!) child++
      if (heap[child]! >= value) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = value
  }
  for (let i = (k >> 1) - 1; i >= 0; i--) sink(i, heap[i]!)
  for (let i = k; i < values.length; i++) if (values[i]! > heap[0]!) sink(0, values[i]!)
  return heap[0]!
}

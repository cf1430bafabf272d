/**
 * Draws a token: temperature, then the k most likely (top-k), then the fewest that hold a share of the probability (top-p,
 * Holtzman et al. 2020, https://arxiv.org/abs/1904.09751), then those not too unlikely beside the first (min-p, Nguyen et al.
 * 2024, https://arxiv.org/abs/2407.01082); the order of Hugging Face transformers.
 */
import { BLOCK, blockMaxima, expNegative, kthLargest } from './probabilities.ts'

export interface SamplingOptions {
  /** Above 0. */
  temperature: number
  /** 0 for all. Tokens as likely as the k-th stay. */
  topK: number
  topP: number
  minP: number
}

/** Chooses by a number from 0 up to 1; -1 when no token is left. */
export type Sampler = (logits: Float32Array, options: SamplingOptions, random: () => number) => number

/** Tokens that may be drawn, in the order of their ids, with weights e^((logit - largest) / temperature). */
interface Candidates {
  ids: Int32Array
  weights: Float64Array
  size: number
}

/** A sampler keeps its arrays from one token to the next. */
export function createSampler(): Sampler {
  let candidates: Candidates = { ids: new Int32Array(0), weights: new Float64Array(0), size: 0 }
  let scratch = new Float32Array(0)
  let sorted = new Float64Array(0)
  let maxima = new Float32Array(0)

  return (logits, { temperature, topK, topP, minP }, random) => {
    if (candidates.ids.length < logits.length) {
      candidates = { ids: new Int32Array(logits.length), weights: new Float64Array(logits.length), size: 0 }
      scratch = new Float32Array(logits.length)
      sorted = new Float64Array(logits.length)
      maxima = new Float32Array(Math.ceil(logits.length / BLOCK))
    }
    const largest = blockMaxima(logits, maxima)
    if (largest === -Infinity) return -1
    if (topK === 0 && topP >= 1 && minP === 0 && logits.length > FEW)
      return drawAny(logits, maxima, largest, temperature, sorted, random)
    const likely = topK > 0 && topK < logits.length ? kthLargest(logits, topK, maxima, scratch) : -Infinity
    // What min-p leaves out counts where top-p shares out; otherwise it need not be weighed.
    const near = topP >= 1 && minP > 0 ? largest + Math.log(minP) * temperature : -Infinity
    const threshold = Math.max(near, likely)
    // All tokens lighter than this hold less than top-p leaves out, the heaviest alone weighing 1.
    const light = (1 - topP) / logits.length
    let total = collect(logits, maxima, threshold, largest, temperature, topP < 1 ? light : 0, candidates)
    if (topP < 1) total = keepShare(candidates, topP * total, sorted)
    if (topP < 1 && minP > 0) total = keepHeavy(candidates, minP)
    return draw(candidates, total, random())
  }
}

/** Weighs the tokens of logits not below `threshold`, and takes those not below `least`; gives the sum of all weights. */
function collect(
  logits: Float32Array,
  maxima: Float32Array,
  threshold: number,
  largest: number,
  temperature: number,
  least: number,
  out: Candidates,
): number {
  const { ids, weights } = out
  const { length } = logits
  const scale = 1 / temperature
  let size = 0
  let total = 0
  for (let from = 0, block = 0; from < length; from += BLOCK, block++) {
    if (maxima[block]! < threshold) continue
    const to = Math.min(from + BLOCK, length)
    for (let id = from; id < to; id++) {
      const logit = logits[id]!
      if (logit < threshold || logit === -Infinity) continue
      const weight = expNegative((largest - logit) * scale)
      total += weight
      if (weight < least) continue
      ids[size] = id
      weights[size++] = weight
    }
  }
  out.size = size
  return total
}

/** Keeps weights not below `least`; gives their sum. */
function keepHeavy(candidates: Candidates, least: number): number {
  const { ids, weights, size } = candidates
  let kept = 0
  let total = 0
  for (let i = 0; i < size; i++) {
    const weight = weights[i]!
    if (weight < least) continue
    ids[kept] = ids[i]!
    weights[kept++] = weight
    total += weight
  }
  candidates.size = kept
  return total
}

/**
 * Keeps the fewest heaviest whose weights come to `share`; gives their sum. Of equals, those of lower ids.
 * @param scratch room for as many weights
 */
function keepShare(candidates: Candidates, share: number, scratch: Float64Array): number {
  const { ids, weights, size } = candidates
  scratch.set(weights.subarray(0, size))
  const { weight: limit, above } = weightAtShare(scratch, size, share)
  let equal = above
  let kept = 0
  let sum = 0
  for (let i = 0; i < size; i++) {
    const weight = weights[i]!
    if (weight < limit || (weight === limit && equal >= share)) continue
    if (weight === limit) equal += weight
    ids[kept] = ids[i]!
    weights[kept++] = weight
    sum += weight
  }
  candidates.size = kept
  return sum
}

/** The weight at which the heavier ones come to less than `share`, and their sum; reorders the weights (quickselect). */
function weightAtShare(
  weights: Float64Array,
  size: number,
  share: number,
): { weight: number; above: number } {
  let from = 0
  let to = size
  let above = 0
  while (to > from) {
    const pivot = weights[(from + to) >> 1]!
    // [from, heavier) > pivot, [heavier, at) = pivot, [lighter, to) < pivot
    let heavier = from
    let lighter = to
    let sumHeavier = 0
    for (let at = from; at < lighter; ) {
      const weight = weights[at]!
      if (weight > pivot) {
        weights[at++] = weights[heavier]!
        weights[heavier++] = weight
        sumHeavier += weight
      } else if (weight < pivot) {
        weights[at] = weights[--lighter]!
        weights[lighter] = weight
      } else at++
    }
    if (above + sumHeavier >= share) to = heavier
    else {
      above += sumHeavier
      const sumEqual = (lighter - heavier) * pivot
      if (above + sumEqual >= share) return { weight: pivot, above }
      above += sumEqual
      from = lighter
    }
  }
  return { weight: 0, above } // rounding: all are needed
}

/** Up to as many tokens, all are weighed. */
const FEW = 4096

/**
 * Draws from all tokens, of which most need not be weighed: a block by its largest weight, a token of it, and takes that with
 * the probability of its share in the largest weight; or else draws again (rejection sampling, exact).
 * @param scratch room for as many numbers as there are blocks
 */
function drawAny(
  logits: Float32Array,
  maxima: Float32Array,
  largest: number,
  temperature: number,
  scratch: Float64Array,
  random: () => number,
): number {
  const scale = 1 / temperature
  const sizeOf = (block: number) => Math.min(BLOCK, logits.length - block * BLOCK)
  let total = 0
  for (let block = 0; block < maxima.length; block++) {
    total += sizeOf(block) * expNegative((largest - maxima[block]!) * scale)
    scratch[block] = total
  }
  for (;;) {
    const at = random() * total
    let block = 0
    while (block < maxima.length - 1 && scratch[block]! <= at) block++
    const id = block * BLOCK + Math.floor(random() * sizeOf(block))
    if (random() < expNegative((maxima[block]! - logits[id]!) * scale)) return id
  }
}

function draw({ ids, weights, size }: Candidates, total: number, random: number): number {
  let rest = random * total
  for (let i = 0; i < size; i++) {
    rest -= weights[i]!
    if (rest < 0) return ids[i]!
  }
  return ids[size - 1]! // rounding
}

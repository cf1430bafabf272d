/**
 * A classifier's head over embeddings: multinomial logistic regression with an L2 penalty, fitted by L-BFGS (Liu and
 * Nocedal 1989, https://doi.org/10.1007/BF01589116). Few-shot and trained classifiers are this head.
 */
import { softmax } from '../runtime/softmax.ts'

export interface Head {
  labels: string[]
  /** Columns of the weights. */
  width: number
  /** [labels, width + 1]: the last column is the bias. */
  weights: Float32Array
}

/** Rows of features [rows, width] with the index of each one's label. */
export interface Examples {
  features: Float32Array[]
  gold: number[]
}

/** Penalty on squared weights, per example: chosen on dialogue.dev's domains (`npm run eval classify`). */
export const PENALTY = 0.5
const MAX_STEPS = 60
const TOLERANCE = 1e-3
/** Steps that L-BFGS remembers. */
const MEMORY = 8

/**
 * Fits a head. Labels with few examples weigh as much together as those with many.
 * @param features vectors of length 1
 */
export function fitHead(labels: string[], { features, gold }: Examples): Head {
  const width = features[0]!.length
  const counts = labels.map((_, label) => gold.filter((g) => g === label).length)
  const importance = gold.map((label) => features.length / (labels.length * counts[label]!))
  const columns = width + 1
  const classes = labels.length

  const logits = new Float64Array(classes)
  /** Mean loss and its gradient at the weights. */
  const evaluate = (weights: Float64Array, gradient: Float64Array): number => {
    gradient.fill(0)
    let loss = 0
    features.forEach((x, row) => {
      let max = Number.NEGATIVE_INFINITY
      for (let c = 0; c < classes; c++) {
        const at = c * columns
        let sum = weights[at + width]!
        for (let d = 0; d < width; d++) sum += weights[at + d]! * x[d]!
        logits[c] = sum
        max = Math.max(max, sum)
      }
      let total = 0
      for (let c = 0; c < classes; c++) total += Math.exp(logits[c]! - max)
      const scale = importance[row]! / features.length
      loss += scale * (max + Math.log(total) - logits[gold[row]!]!)
      for (let c = 0; c < classes; c++) {
        const error = scale * (Math.exp(logits[c]! - max) / total - (c === gold[row] ? 1 : 0))
        const at = c * columns
        for (let d = 0; d < width; d++) gradient[at + d]! += error * x[d]!
        gradient[at + width]! += error
      }
    })
    const penalty = PENALTY / features.length
    for (let i = 0; i < weights.length; i++) {
      if (i % columns === width) continue
      loss += (penalty / 2) * weights[i]! * weights[i]!
      gradient[i]! += penalty * weights[i]!
    }
    return loss
  }
  const weights = minimize(new Float64Array(classes * columns), evaluate)
  return { labels, width, weights: Float32Array.from(weights) }
}

/** Minimum of a smooth convex function, by L-BFGS with a backtracking line search. */
function minimize(
  start: Float64Array,
  evaluate: (at: Float64Array, gradient: Float64Array) => number,
): Float64Array {
  const size = start.length
  let at = start
  let gradient = new Float64Array(size)
  let value = evaluate(at, gradient)
  const steps: Float64Array[] = []
  const changes: Float64Array[] = []
  for (let step = 0; step < MAX_STEPS && norm(gradient) > TOLERANCE; step++) {
    const direction = twoLoops(gradient, steps, changes)
    const slope = dot(direction, gradient)
    let length = steps.length === 0 ? Math.min(1, 1 / norm(gradient)) : 1
    for (let tries = 0; ; tries++) {
      const next = at.map((x, i) => x + length * direction[i]!)
      const nextGradient = new Float64Array(size)
      const nextValue = evaluate(next, nextGradient)
      if (nextValue <= value + 1e-4 * length * slope || tries === 20) {
        const moved = next.map((x, i) => x - at[i]!)
        const turned = nextGradient.map((g, i) => g - gradient[i]!)
        if (dot(moved, turned) > 1e-12) {
          steps.push(moved)
          changes.push(turned)
          if (steps.length > MEMORY) {
            steps.shift()
            changes.shift()
          }
        }
        at = next
        gradient = nextGradient
        value = nextValue
        break
      }
      length /= 2
    }
  }
  return at
}

/** Minus the inverse Hessian, as the remembered steps estimate it, times the gradient. */
function twoLoops(gradient: Float64Array, steps: Float64Array[], changes: Float64Array[]): Float64Array {
  const direction = gradient.map((g) => -g)
  const alphas: number[] = []
  for (let i = steps.length - 1; i >= 0; i--) {
    const alpha = dot(steps[i]!, direction) / dot(steps[i]!, changes[i]!)
    alphas[i] = alpha
    for (let d = 0; d < direction.length; d++) direction[d]! -= alpha * changes[i]![d]!
  }
  const last = steps.length - 1
  if (last >= 0) {
    const scale = dot(steps[last]!, changes[last]!) / dot(changes[last]!, changes[last]!)
    for (let d = 0; d < direction.length; d++) direction[d]! *= scale
  }
  for (let i = 0; i < steps.length; i++) {
    const beta = dot(changes[i]!, direction) / dot(steps[i]!, changes[i]!)
    for (let d = 0; d < direction.length; d++) direction[d]! += (alphas[i]! - beta) * steps[i]![d]!
  }
  return direction
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

const norm = (x: Float64Array): number => Math.sqrt(dot(x, x))

/** Probabilities of the head's labels for a vector. */
export function applyHead({ labels, width, weights }: Head, features: Float32Array): number[] {
  return softmax(
    labels.map((_, c) => {
      const at = c * (width + 1)
      let sum = weights[at + width]!
      for (let d = 0; d < width; d++) sum += weights[at + d]! * features[d]!
      return sum
    }),
  )
}

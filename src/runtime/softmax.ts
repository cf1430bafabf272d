/** Probabilities from logits. */

/** exp(x / temperature), normalized to sum 1; equal logits get equal shares. */
export function softmax(logits: ArrayLike<number>, temperature = 1): number[] {
  const values = Array.from(logits, (logit) => logit / temperature)
  const max = Math.max(...values)
  const exponentials = values.map((value) => Math.exp(value - max))
  const sum = exponentials.reduce((a, b) => a + b, 0)
  return exponentials.map((exponential) => exponential / sum)
}

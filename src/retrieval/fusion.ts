/**
 * Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009, https://doi.org/10.1145/1571941.1572114): one ranking of
 * several whose scores are not on one scale.
 */

/** The paper's constant: how little the very first ranks stand out. */
const K = 60

/**
 * @param rankings scores of the same items, higher is better
 * @param weights of the rankings; 1 each unless told otherwise
 * @returns one score an item
 */
export function fuse(rankings: readonly ArrayLike<number>[], weights: readonly number[] = []): number[] {
  const fused = new Array<number>(rankings[0]?.length ?? 0).fill(0)
  rankings.forEach((scores, r) => {
    const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!)
    order.forEach((item, rank) => {
      fused[item]! += (weights[r] ?? 1) / (K + rank + 1)
    })
  })
  return fused
}

/** Indices of the `n` highest scores, the highest first; equal ones in their order. */
export function best(scores: ArrayLike<number>, n: number): number[] {
  return Array.from(scores, (_, i) => i)
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, n)
}

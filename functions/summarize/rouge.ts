/**
 * ROUGE (Lin 2004, https://aclanthology.org/W04-1013) as the rouge_score package computes it without stemming: F1 of shared
 * words, pairs of words, and the longest common subsequence; tokens are runs of a to z and 0 to 9.
 */

const tokensOf = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? []

function f1(shared: number, ours: number, theirs: number): number {
  return shared === 0 ? 0 : (2 * shared) / (ours + theirs)
}

/** F1 of the n-grams that both have. */
export function rougeN(summary: string, reference: string, n: number): number {
  const gramsOf = (tokens: string[]) => {
    const counts = new Map<string, number>()
    for (let at = 0; at + n <= tokens.length; at++) {
      const gram = tokens.slice(at, at + n).join(' ')
      counts.set(gram, (counts.get(gram) ?? 0) + 1)
    }
    return counts
  }
  const [ours, theirs] = [tokensOf(summary), tokensOf(reference)]
  const known = gramsOf(theirs)
  let shared = 0
  for (const [gram, count] of gramsOf(ours)) shared += Math.min(count, known.get(gram) ?? 0)
  return f1(shared, Math.max(0, ours.length - n + 1), Math.max(0, theirs.length - n + 1))
}

/** F1 of the longest common subsequence. */
export function rougeL(summary: string, reference: string): number {
  const [ours, theirs] = [tokensOf(summary), tokensOf(reference)]
  let row = new Int32Array(theirs.length + 1)
  for (const token of ours) {
    const next = new Int32Array(theirs.length + 1)
    for (let i = 0; i < theirs.length; i++)
      next[i + 1] = token === theirs[i] ? row[i]! + 1 : Math.max(next[i]!, row[i + 1]!)
    row = next
  }
  return f1(row.at(-1)!, ours.length, theirs.length)
}

/**
 * The measures of sacreBLEU (Post 2018, https://aclanthology.org/W18-6319): BLEU with the tokenization "13a" and exponential
 * smoothing, and chrF (Popović 2015, https://aclanthology.org/W15-3049) of 6 letters and beta 2; one reference a sentence.
 */

/** mteval-v13a's tokens: punctuation apart, but within numbers. */
export function tokenize13a(line: string): string[] {
  return ` ${line
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')} `
    .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ')
    .split(/\s+/)
    .filter((token) => token !== '')
}

function countGrams(tokens: readonly string[], size: number): Map<string, number> {
  const counts = new Map<string, number>()
  for (let at = 0; at + size <= tokens.length; at++) {
    const gram = tokens.slice(at, at + size).join('\u0000')
    counts.set(gram, (counts.get(gram) ?? 0) + 1)
  }
  return counts
}

function overlap(a: Map<string, number>, b: Map<string, number>): number {
  let shared = 0
  for (const [gram, count] of a) shared += Math.min(count, b.get(gram) ?? 0)
  return shared
}

/** Corpus BLEU, 0 to 100. */
export function bleu(hypotheses: readonly string[], references: readonly string[]): number {
  const matches = [0, 0, 0, 0]
  const totals = [0, 0, 0, 0]
  let [hypothesisLength, referenceLength] = [0, 0]
  hypotheses.forEach((hypothesis, i) => {
    const [ours, theirs] = [tokenize13a(hypothesis), tokenize13a(references[i]!)]
    hypothesisLength += ours.length
    referenceLength += theirs.length
    for (let n = 0; n < 4; n++) {
      matches[n]! += overlap(countGrams(ours, n + 1), countGrams(theirs, n + 1))
      totals[n]! += Math.max(0, ours.length - n)
    }
  })
  if (hypothesisLength === 0) return 0
  let smooth = 1
  let sum = 0
  for (let n = 0; n < 4; n++) {
    if (totals[n] === 0) return 0
    if (matches[n] === 0) smooth *= 2
    sum += Math.log((matches[n] || 1 / smooth) / totals[n]!)
  }
  const brevity = hypothesisLength < referenceLength ? Math.exp(1 - referenceLength / hypothesisLength) : 1
  return matches.every((count) => count === 0) ? 0 : 100 * brevity * Math.exp(sum / 4)
}

/** Corpus chrF2, 0 to 100; white space does not count. */
export function chrf(hypotheses: readonly string[], references: readonly string[]): number {
  const [order, beta] = [6, 2]
  const sums = Array.from({ length: order }, () => ({ matches: 0, ours: 0, theirs: 0 }))
  hypotheses.forEach((hypothesis, i) => {
    const [ours, theirs] = [hypothesis, references[i]!].map((text) => [...text.replace(/\s/g, '')])
    sums.forEach((sum, n) => {
      sum.matches += overlap(countGrams(ours!, n + 1), countGrams(theirs!, n + 1))
      sum.ours += Math.max(0, ours!.length - n)
      sum.theirs += Math.max(0, theirs!.length - n)
    })
  })
  let [precision, recall, effective] = [0, 0, 0]
  for (const { matches, ours, theirs } of sums) {
    if (ours === 0 || theirs === 0) continue
    precision += matches / ours
    recall += matches / theirs
    effective++
  }
  if (effective === 0) return 0
  precision /= effective
  recall /= effective
  if (precision + recall === 0) return 0
  return (100 * (1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall)
}

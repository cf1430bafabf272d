/** SQuAD's measures (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250), as its official script has them. */

/** Lower case, without punctuation, articles and doubled white space. */
export function normalizeAnswer(text: string): string {
  return text
    .toLowerCase()
    .replace(/[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g, '')
    .replace(/\b(a|an|the)\b/g, ' ')
    .split(/\s+/)
    .filter(Boolean)
    .join(' ')
}

/** 1 where the two are the same but for what normalizeAnswer leaves out, else 0. */
export const exactMatch = (found: string, gold: string): number =>
  Number(normalizeAnswer(found) === normalizeAnswer(gold))

/** Harmonic mean of precision and recall of the words. */
export function f1(found: string, gold: string): number {
  const [a, b] = [normalizeAnswer(found), normalizeAnswer(gold)].map((text) =>
    text.split(' ').filter(Boolean),
  )
  if (a!.length === 0 || b!.length === 0) return Number(a!.length === b!.length)
  const left = [...b!]
  const same = a!.filter((word) => {
    const at = left.indexOf(word)
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  }).length
  return (2 * same) / (a!.length + b!.length)
}

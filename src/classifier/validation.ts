/** How good a head will be: k-fold cross-validation, and what it tells. */
import { applyHead, type Examples, fitHead } from './head.ts'

const FOLDS = 5

export interface Validation {
  /** Share of examples that heads which had not seen them got right. */
  accuracy: number
  /** What guessing the most frequent label gives. */
  majority: number
  perLabel: { label: string; count: number; precision: number; recall: number }[]
}

/**
 * Five folds, every label in each as far as it has examples; of fewer than 5 examples a label, as many as it has, and two at
 * least: a label's only example is then judged by a head that does not know the label.
 */
export function crossValidate(labels: string[], { features, gold }: Examples): Validation {
  const counts = labels.map((_, label) => gold.filter((g) => g === label).length)
  const folds = Math.max(2, Math.min(FOLDS, ...counts))
  const seen = labels.map(() => 0)
  // Labels begin in different folds, so that no fold holds all examples.
  const foldOf = gold.map((label) => (label + seen[label]!++) % folds)
  const found = new Array<number>(gold.length)
  for (let fold = 0; fold < folds; fold++) {
    const rows = gold.map((_, i) => i).filter((i) => foldOf[i] !== fold)
    const present = labels.map((_, label) => label).filter((label) => rows.some((i) => gold[i] === label))
    const head = fitHead(
      present.map((label) => labels[label]!),
      { features: rows.map((i) => features[i]!), gold: rows.map((i) => present.indexOf(gold[i]!)) },
    )
    foldOf.forEach((own, i) => {
      if (own !== fold) return
      const probabilities = applyHead(head, features[i]!)
      found[i] = present[probabilities.indexOf(Math.max(...probabilities))]!
    })
  }
  const share = (n: number, of: number) => (of === 0 ? 0 : n / of)
  return {
    accuracy: share(gold.filter((label, i) => label === found[i]).length, gold.length),
    majority: share(Math.max(...counts), gold.length),
    perLabel: labels.map((name, label) => {
      const right = gold.filter((g, i) => g === label && found[i] === label).length
      return {
        label: name,
        count: counts[label]!,
        precision: share(right, found.filter((f) => f === label).length),
        recall: share(right, counts[label]!),
      }
    }),
  }
}

/** How good sentiment is: accuracy and macro-F1 by source, on reviews and tweets that no training saw. */
import type { Evaluation } from '../../bench/evaluation.ts'
import { sentiment } from './function.ts'

const LABELS = ['negative', 'neutral', 'positive'] as const
type Label = (typeof LABELS)[number]

/** Label pairs counted for one source. */
export interface Tally {
  gold: Label
  scores: Record<Label, number>
}

/** Rows of sentiment.dev and sentiment.test. */
interface Row {
  text: string
  label: Label
  source: string
}

const BATCH = 16

export const evaluation: Evaluation<Row> = {
  name: 'sentiment',
  data: ['sentiment.test', 'sentiment.dev'],
  about:
    'Accuracy and macro-F1 over three classes; "two-way" leaves neutral out of the choice where a source has none.',
  async *run(rows, runtime) {
    const bySource = new Map<string, Tally[]>()
    const { signal } = new AbortController()
    for (let start = 0; start < rows.length; start += BATCH) {
      const batch = rows.slice(start, start + BATCH)
      const text = batch.map((row) => row.text)
      const { results } = await sentiment.run({ text, model: sentiment.model }, { runtime, signal })
      results.forEach(({ scores }, i) => {
        const { source, label } = batch[i]!
        bySource.set(source, [...(bySource.get(source) ?? []), { gold: label, scores }])
      })
      yield Math.min(rows.length, start + BATCH)
    }
    return [...bySource].map(([source, tallies]) => ({ source, texts: tallies.length, ...measure(tallies) }))
  },
}

/** In percent. Macro-F1 is the mean over the classes that the source has. */
export function measure(
  tallies: Tally[],
): Record<'accuracy' | 'macroF1' | 'twoWay' | 'calledNeutral', number> {
  const present = LABELS.filter((label) => tallies.some(({ gold }) => gold === label))
  const share = (match: (tally: Tally) => boolean) => (100 * tallies.filter(match).length) / tallies.length
  const f1 = (label: Label) => {
    const found = tallies.filter(({ scores }) => best(scores, LABELS) === label)
    const right = found.filter(({ gold }) => gold === label).length
    const real = tallies.filter(({ gold }) => gold === label).length
    return right === 0 ? 0 : (200 * right) / (found.length + real)
  }
  return {
    accuracy: share(({ gold, scores }) => best(scores, LABELS) === gold),
    macroF1: present.reduce((sum, label) => sum + f1(label), 0) / present.length,
    twoWay: share(({ gold, scores }) => best(scores, present) === gold),
    calledNeutral: share(({ scores }) => best(scores, LABELS) === 'neutral'),
  }
}

const best = (scores: Record<Label, number>, among: readonly Label[]): Label =>
  among.reduce((a, b) => (scores[b] > scores[a] ? b : a))

/** Whether score prefers a right sentence to one that a single change has made wrong, by hand-written pairs. */
import { type Evaluation, figure } from '../../bench/evaluation.ts'
import { readLines } from '../../bench/lines.ts'
import { score } from './function.ts'

export const PAIRS = 'functions/score/minimal-pairs.jsonl'

export const evaluation: Evaluation<{ text: string }> = {
  name: 'score',
  model: 'xlnet',
  data: [],
  about: `Share of the pairs of ${PAIRS} whose right sentence gets the higher log-probability, in percent, by what is wrong with the other.`,
  async *run(_, runtime) {
    const pairs = await readLines<{ kind: string; right: string; wrong: string }>(PAIRS)
    const { signal } = new AbortController()
    const right: Record<'both-sides' | 'left-to-right', boolean[]> = { 'both-sides': [], 'left-to-right': [] }
    for (const [i, { right: good, wrong }] of pairs.entries()) {
      for (const method of ['both-sides', 'left-to-right'] as const) {
        const input = score.input.parse({ text: [good, wrong], method })
        const { results } = await score.run(input, { runtime, signal })
        right[method].push(results[0]!.logProbability > results[1]!.logProbability)
      }
      yield i + 1
    }
    const row = (kind: string, match: (i: number) => boolean) => {
      const own = pairs.map((_, i) => i).filter(match)
      const share = (method: keyof typeof right) =>
        (100 * own.filter((i) => right[method][i]).length) / own.length
      return { kind, pairs: own.length, bothSides: share('both-sides'), leftToRight: share('left-to-right') }
    }
    const kinds = [...new Set(pairs.map(({ kind }) => kind))]
    return [...kinds.map((kind) => row(kind, (i) => pairs[i]!.kind === kind)), row('all', () => true)]
  },
  headlines: (table) => [{ measure: 'minimal pairs right, %', value: figure(table, 'all', 'bothSides') }],
}

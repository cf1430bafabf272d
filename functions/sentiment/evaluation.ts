/**
 * How good sentiment is: accuracy and macro-F1 by source on reviews and tweets that no training saw, behaviour in the
 * manner of CheckList (Ribeiro et al. 2020, https://arxiv.org/abs/2005.04118), aspects and emotions by hand-written cases.
 */
import { type Evaluation, figure } from '../../bench/evaluation.ts'
import { readLines } from '../../bench/lines.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { sentiment as fn } from './function.ts'

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
const { signal } = new AbortController()

/** Results of the function for texts, in batches. */
async function* resultsOf(
  texts: string[],
  runtime: Runtime,
  options: Partial<Parameters<typeof fn.run>[0]> = {},
) {
  for (let start = 0; start < texts.length; start += BATCH) {
    const input = fn.input.parse({ text: texts.slice(start, start + BATCH), ...options })
    const { results } = await fn.run(input, { runtime, signal })
    yield { done: Math.min(texts.length, start + BATCH), results }
  }
}

async function allResults(
  texts: string[],
  runtime: Runtime,
  options?: Partial<Parameters<typeof fn.run>[0]>,
) {
  const all = []
  for await (const { results } of resultsOf(texts, runtime, options)) all.push(...results)
  return all
}

const bySource = (name: string, model: string, bars: { imdb: number; sst2?: number }): Evaluation<Row> => ({
  name,
  model,
  data: ['sentiment.test', 'sentiment.dev'],
  about:
    'Accuracy and macro-F1 over three classes; "two-way" leaves neutral out of the choice where a source has none.',
  async *run(rows, runtime) {
    const tallies = new Map<string, Tally[]>()
    let at = 0
    for await (const { done, results } of resultsOf(
      rows.map(({ text }) => text),
      runtime,
      { model },
    )) {
      for (const { scores } of results) {
        const { source, label } = rows[at++]!
        tallies.set(source, [...(tallies.get(source) ?? []), { gold: label, scores }])
      }
      yield done
    }
    return [...tallies].map(([source, own]) => ({ source, texts: own.length, ...measure(own) }))
  },
  headlines: (table) => [
    { measure: 'IMDb accuracy, two-way', value: figure(table, 'imdb', 'twoWay'), bar: bars.imdb },
    {
      measure: 'SST-2 accuracy, two-way',
      value: figure(table, 'sst2', 'twoWay'),
      ...(bars.sst2 && { bar: bars.sst2 }),
    },
    { measure: 'TweetEval accuracy', value: figure(table, 'tweeteval', 'accuracy') },
  ],
})

export const sentiment = bySource('sentiment', 'sentiment', { imdb: 88, sst2: 80 })
export const xlnet = bySource('xlnet', 'xlnet', { imdb: 86 })

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

/** A case of checklist.jsonl. */
export interface Behaviour {
  group: string
  /** 'label': has it; 'same': both texts have one label; 'stronger', 'weaker': how the other's score moves. */
  kind: 'label' | 'same' | 'stronger' | 'weaker'
  text: string
  label?: Label
  other?: string
}

/** A score may move the wrong way by so much before it counts. */
const MARGIN = 0.1

/** Whether a case fails, by the scores of its text and of its other text. */
export function fails(
  { kind, label }: Behaviour,
  scores: Record<Label, number>,
  others: Record<Label, number> | undefined,
): boolean {
  const found = best(scores, LABELS)
  if (kind === 'label') return found !== label
  if (kind === 'same') return found !== best(others!, LABELS)
  // Which side the text is on, and how far.
  const side = scores.positive >= scores.negative ? 1 : -1
  const polarity = (s: Record<Label, number>) => side * (s.positive - s.negative)
  const change = polarity(others!) - polarity(scores)
  return kind === 'stronger' ? change < -MARGIN : change > MARGIN
}

export const CHECKLIST = 'functions/sentiment/checklist.jsonl'
export const ASPECTS = 'functions/sentiment/aspects.jsonl'
export const EMOTIONS = 'functions/sentiment/emotions.jsonl'

export const checklist: Evaluation = {
  name: 'checklist',
  model: 'sentiment',
  data: [],
  about: `Hand-written cases of ${CHECKLIST} that fail, in percent, by what they test.`,
  async *run(_, runtime) {
    const cases = await readLines<Behaviour>(CHECKLIST)
    const texts = [
      ...new Set(cases.flatMap(({ text, other }) => (other === undefined ? [text] : [text, other]))),
    ]
    const results = await allResults(texts, runtime)
    const scoresOf = (text: string) => results[texts.indexOf(text)]!.scores
    const groups = new Map<string, boolean[]>()
    for (const behaviour of cases) {
      const { group, text, other } = behaviour
      const failed = fails(behaviour, scoresOf(text), other === undefined ? undefined : scoresOf(other))
      groups.set(group, [...(groups.get(group) ?? []), failed])
    }
    yield cases.length
    const row = (group: string, failed: boolean[]) => ({
      group,
      cases: failed.length,
      failures: (100 * failed.filter(Boolean).length) / failed.length,
    })
    return [
      ...[...groups].map(([group, failed]) => row(group, failed)),
      row('all', [...groups.values()].flat()),
    ]
  },
  headlines: (table) => [{ measure: 'failures, %', value: figure(table, 'all', 'failures') }],
}

export const aspects: Evaluation = {
  name: 'aspects',
  model: 'sentiment',
  data: [],
  about: `Share of the hand-written cases of ${ASPECTS} whose aspect gets the right label, in percent; "whole text" gives each the text's own label.`,
  async *run(_, runtime) {
    const cases = await readLines<{ text: string; aspect: string; label: Label }>(ASPECTS)
    const right = { clause: [] as boolean[], whole: [] as boolean[] }
    for (const { text, aspect, label } of cases) {
      const [result] = await allResults([text], runtime, { aspects: [aspect] })
      right.clause.push(result!.aspects![0]!.label === label)
      right.whole.push(result!.label === label)
      yield right.whole.length
    }
    const row = (method: string, own: boolean[]) => ({
      method,
      cases: own.length,
      right: (100 * own.filter(Boolean).length) / own.length,
    })
    return [row('clauses', right.clause), row('whole text', right.whole)]
  },
  headlines: (table) => [{ measure: 'aspects right, %', value: figure(table, 'clauses', 'right') }],
}

export const emotion: Evaluation = {
  name: 'emotion',
  model: 'emotion',
  data: [],
  about: `Accuracy on the hand-written texts of ${EMOTIONS}, in percent, where a word names the emotion and where none does.`,
  async *run(_, runtime) {
    const cases = await readLines<{ text: string; label: string; named: boolean }>(EMOTIONS)
    const results = await allResults(
      cases.map(({ text }) => text),
      runtime,
      { emotion: true },
    )
    yield cases.length
    const row = (part: string, match: (i: number) => boolean) => {
      const own = cases.map((_, i) => i).filter(match)
      const right = own.filter((i) => results[i]!.emotion!.label === cases[i]!.label)
      return { part, texts: own.length, accuracy: (100 * right.length) / own.length }
    }
    const labels = [...new Set(cases.map(({ label }) => label))].sort()
    return [
      row('named', (i) => cases[i]!.named),
      row('not named', (i) => !cases[i]!.named),
      ...labels.map((label) =>
        row(`${label}, not named`, (i) => !cases[i]!.named && cases[i]!.label === label),
      ),
    ]
  },
  headlines: (table) => [
    { measure: 'accuracy where named, %', value: figure(table, 'named', 'accuracy') },
    { measure: 'accuracy where not named, %', value: figure(table, 'not named', 'accuracy') },
  ],
}

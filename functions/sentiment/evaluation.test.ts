import { describe, expect, it } from 'vitest'
import { readLines } from '../../bench/lines.ts'
import { findMentions } from './aspects.ts'
import { ASPECTS, type Behaviour, CHECKLIST, EMOTIONS, fails, measure, type Tally } from './evaluation.ts'

const tally = (gold: Tally['gold'], negative: number, neutral: number, positive: number): Tally => ({
  gold,
  scores: { negative, neutral, positive },
})

it('counts as scikit-learn does', () => {
  // sklearn.metrics: accuracy_score 0.6, f1_score(average='macro') 0.6 for
  // gold [neg, neg, neu, pos, pos], found [neg, neu, neu, pos, neg]: F1 0.5, 2/3, 2/3
  const tallies = [
    tally('negative', 0.8, 0.1, 0.1),
    tally('negative', 0.2, 0.7, 0.1),
    tally('neutral', 0.2, 0.7, 0.1),
    tally('positive', 0.2, 0.1, 0.7),
    tally('positive', 0.5, 0.1, 0.4),
  ]
  const { accuracy, macroF1, twoWay, calledNeutral } = measure(tallies)
  expect(accuracy).toBeCloseTo(60)
  expect(macroF1).toBeCloseTo((100 * (1 / 2 + 2 / 3 + 2 / 3)) / 3)
  expect(twoWay).toBeCloseTo(60)
  expect(calledNeutral).toBeCloseTo(40)
})

it('leaves neutral out of the two-way choice where a source has none, but not out of accuracy', () => {
  const { accuracy, twoWay } = measure([tally('negative', 0.3, 0.5, 0.2), tally('positive', 0.1, 0.2, 0.7)])
  expect(accuracy).toBeCloseTo(50)
  expect(twoWay).toBeCloseTo(100)
})

describe('the hand-written cases', () => {
  const labels = ['negative', 'neutral', 'positive']

  it('test behaviour in at least 300 cases of 10 groups, none twice', async () => {
    const cases = await readLines<Behaviour>(CHECKLIST)
    expect(cases.length).toBeGreaterThanOrEqual(300)
    expect(new Set(cases.map(({ group }) => group)).size).toBeGreaterThanOrEqual(10)
    expect(new Set(cases.map(({ text, other }) => `${text}\n${other}`)).size).toBe(cases.length)
    for (const { kind, label, other } of cases) {
      if (kind === 'label') expect(labels).toContain(label)
      else expect(other).toMatch(/\w/)
      expect(['label', 'same', 'stronger', 'weaker']).toContain(kind)
    }
  })

  it('test aspects that their texts mention', async () => {
    const cases = await readLines<{ text: string; aspect: string; label: string }>(ASPECTS)
    expect(cases.length).toBeGreaterThanOrEqual(60)
    for (const { text, aspect, label } of cases) {
      expect(findMentions(text, aspect), `${aspect} in ${text}`).not.toEqual([])
      expect(labels).toContain(label)
    }
  })

  it('test emotions that words name and that none does', async () => {
    const cases = await readLines<{ text: string; label: string; named: boolean }>(EMOTIONS)
    expect(new Set(cases.map(({ text }) => text)).size).toBe(cases.length)
    expect(cases.filter(({ named }) => !named).length).toBeGreaterThanOrEqual(80)
    expect(cases.filter(({ named }) => named).length).toBeGreaterThanOrEqual(40)
    expect([...new Set(cases.map(({ label }) => label))].sort()).toEqual([
      'anger',
      'fear',
      'joy',
      'neutral',
      'sadness',
      'surprise',
    ])
  })
})

describe('a case fails', () => {
  const positive = { negative: 0.1, neutral: 0.1, positive: 0.8 }
  const weaker = { negative: 0.2, neutral: 0.3, positive: 0.5 }
  const negative = { negative: 0.8, neutral: 0.1, positive: 0.1 }
  const behaviour = (kind: Behaviour['kind'], label?: 'positive') => ({
    group: '',
    kind,
    text: '',
    ...(label && { label }),
  })

  it.each([
    [behaviour('label', 'positive'), positive, undefined, false],
    [behaviour('label', 'positive'), negative, undefined, true],
    [behaviour('same'), positive, weaker, false],
    [behaviour('same'), positive, negative, true],
    [behaviour('stronger'), weaker, positive, false],
    [behaviour('stronger'), positive, weaker, true],
    [behaviour('weaker'), positive, weaker, false],
    [behaviour('weaker'), weaker, positive, true],
    [behaviour('stronger'), negative, negative, false],
  ])('%j', (behaviour, scores, others, failed) => {
    expect(fails(behaviour, scores, others)).toBe(failed)
  })
})

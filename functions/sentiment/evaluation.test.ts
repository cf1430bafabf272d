import { expect, it } from 'vitest'
import { measure, type Tally } from './evaluation.ts'

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

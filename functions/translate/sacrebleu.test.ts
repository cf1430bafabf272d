/** Parity with sacreBLEU, from what it said of sacrebleu.fixture.json (training/make_sacrebleu_fixtures.py). */
import { expect, it } from 'vitest'
import fixture from './sacrebleu.fixture.json' with { type: 'json' }
import { bleu, chrf, tokenize13a } from './sacrebleu.ts'

it.each(fixture)('$name', ({ hypotheses, references, tokens, ...scores }) => {
  expect(hypotheses.map(tokenize13a)).toEqual(tokens)
  expect(bleu(hypotheses, references)).toBeCloseTo(scores.bleu, 8)
  expect(chrf(hypotheses, references)).toBeCloseTo(scores.chrf, 8)
})

it('is nothing of nothing', () => {
  expect(bleu([], [])).toBe(0)
  expect(chrf([''], [''])).toBe(0)
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DETECTABLE, detectLanguage } from './detect.ts'

it.each([
  ['en', 'Where is the station?'],
  ['de', 'Wo ist der Bahnhof?'],
  ['fr', 'Où est la gare ?'],
  ['en', 'Thank you very much'],
  ['de', 'ICH HABE KEINE ZEIT'],
  ['fr', "Je n'ai pas le temps"],
])('%s: %s', (language, text) => {
  const [first, ...others] = detectLanguage(text)
  expect(first!.language).toBe(language)
  expect(first!.score).toBeGreaterThan(0.9)
  expect(others.map(({ language }) => language)).toHaveLength(DETECTABLE.length - 1)
})

it('gives probabilities of any text, and is not sure of one without letters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const scores = detectLanguage(text)
      expect(scores.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1)
      for (let i = 1; i < scores.length; i++)
        expect(scores[i]!.score).toBeLessThanOrEqual(scores[i - 1]!.score)
    }),
  )
  expect(detectLanguage('12345 !?')[0]!.score).toBeLessThan(0.7)
})

it('takes time in proportion to the text, up to what it looks at', () => {
  expect(detectLanguage('ö'.repeat(1_000_000))[0]!.language).toBe('de')
})

import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { answerOf, expectError, post } from '../../test/worker.ts'
import type { fillMask } from './function.ts'

type Answer = z.output<typeof fillMask.output>
const ask = (input: unknown) => answerOf<Answer>('fill-mask', input)

describe('POST /v1/fill-mask', () => {
  it('guesses words, the likeliest first', async () => {
    const text = 'The movie was so [MASK] that I fell asleep.'
    const { results } = await ask({ text, topK: 10 })
    const [{ start, end, predictions }] = results[0]!.masks as [Answer['results'][0]['masks'][0]]
    expect(text.slice(start, end)).toBe('[MASK]')
    expect(predictions).toHaveLength(10)
    expect(predictions.map(({ token }) => token)).toContain('bad')
    for (let i = 1; i < predictions.length; i++)
      expect(predictions[i]!.score).toBeLessThanOrEqual(predictions[i - 1]!.score)
    expect(predictions.reduce((sum, { score }) => sum + score, 0)).toBeLessThanOrEqual(1)
    expect(predictions[0]!.sequence).toBe(text.replace('[MASK]', predictions[0]!.token))
  })

  it('fills each of several masks', async () => {
    const { results } = await ask({ text: 'She [MASK] a letter to her [MASK].' })
    expect(results[0]!.masks).toHaveLength(2)
    expect(results[0]!.masks[0]!.predictions[0]!.token).not.toBe(results[0]!.masks[1]!.predictions[0]!.token)
  })

  it('chooses among targets, with the scores that they have in the whole vocabulary', async () => {
    const text = 'The movie was so [MASK] that I fell asleep.'
    const { results } = await ask({ text, targets: ['happy', 'boring'] })
    const chosen = results[0]!.masks[0]!.predictions
    expect(chosen.map(({ token }) => token)).toEqual(['boring', 'happy'])
    const open = (await ask({ text, topK: 100 })).results[0]!.masks[0]!.predictions
    expect(chosen[0]!.score).toBeCloseTo(open.find(({ token }) => token === 'boring')!.score, 6)
  })

  it('reads around a mask that stands far into a long text', async () => {
    const far = `${'We walked along the river and talked. '.repeat(60)}I drank a cup of [MASK] with milk.`
    const { results } = await ask({ text: [far, 'I drank a cup of [MASK] with milk.'] })
    expect(results.map(({ windowed }) => windowed)).toEqual([true, false])
    expect(results[0]!.masks[0]!.predictions.map(({ token }) => token)).toContain('water')
  })
})

describe('bad input', () => {
  it.each<[string, object, string, RegExp]>([
    ['no mask', { text: 'Nothing is missing.' }, 'invalid_input', /no \[MASK\]/],
    ['no mask in the second text', { text: ['A [MASK].', 'B.'] }, 'invalid_input', /Text 2/],
    [
      'a target of two tokens',
      { text: '[MASK]', targets: ['antidisestablishment'] },
      'invalid_input',
      /tokens/,
    ],
    ['a target that is unknown', { text: '[MASK]', targets: ['東'] }, 'invalid_input', /vocabulary/],
    ['a target twice', { text: '[MASK]', targets: ['good', 'good'] }, 'invalid_input', /twice/],
    ['topK of 0', { text: '[MASK]', topK: 0 }, 'invalid_input', /topK/],
    ['an empty text', { text: '' }, 'invalid_input', /empty/],
    ['a model without masks', { text: '[MASK]', model: 'xlnet' }, 'architecture_unsupported', /XLNet|xlnet/],
  ])('%s', async (_, input, code, message) => {
    await expectError(await post('/v1/fill-mask', JSON.stringify(input)), code, message)
  })
})

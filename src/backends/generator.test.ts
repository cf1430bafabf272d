/** Log-probabilities of a given text, against those that generation tells of the same tokens. */
import { describe, expect, it } from 'vitest'
import { openRuntime } from '../../bench/models.ts'

describe('logprobs', async () => {
  const runtime = await openRuntime('fp32')
  const generator = await runtime.generator('chat')

  it('are those of generation, however long the text', async () => {
    const prompt = generator.encode('The movie was one of the best that I have seen in years, and the story')
    const ids = [...prompt]
    const told: number[] = []
    for await (const event of generator.generate(prompt, {
      maxNewTokens: 100,
      logprobs: true,
      minNewTokens: 100,
    })) {
      if (event.type !== 'token') continue
      ids.push(event.id)
      told.push(event.logprob!)
    }
    const logprobs = await generator.logprobs(ids)
    expect(logprobs).toHaveLength(ids.length - 1)
    logprobs.slice(prompt.length - 1).forEach((logprob, i) => {
      expect(logprob).toBeCloseTo(told[i]!, 3)
    })
  })

  it('are none of a text of one token', async () => {
    expect(await generator.logprobs([5])).toEqual([])
    expect(await generator.logprobs([])).toEqual([])
  })

  it('refuse what they cannot tell', async () => {
    await expect(generator.logprobs(Array(600).fill(5))).rejects.toMatchObject({ code: 'context_exceeded' })
    await expect((await runtime.generator('translate')).logprobs([5, 6])).rejects.toMatchObject({
      code: 'invalid_input',
    })
    await expect(generator.logprobs([5, 6, 7], AbortSignal.abort())).rejects.toMatchObject({
      code: 'request_aborted',
    })
  })
})

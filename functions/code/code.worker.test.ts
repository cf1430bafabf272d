import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { answerOf, expectError, post } from '../../test/worker.ts'
import type { code } from './function.ts'
import { parseCode } from './parse.ts'

type Answer = z.output<typeof code.output>
const ask = (input: object) => answerOf<Answer>('code', input)

describe('POST /v1/code', () => {
  it('writes from a description, and tells whether it parses', async () => {
    for (const language of ['python', 'javascript'] as const) {
      const result = await ask({ description: 'Returns the sum of two numbers.', language, maxNewTokens: 96 })
      expect(result).toMatchObject({ task: 'write', language })
      expect(result.text).toMatch(language === 'python' ? /def / : /function|=>|const/)
      expect(result.text).not.toContain('```')
      expect(result.parses).toBe(parseCode(result.text, language).parses)
      expect(result.problem === undefined).toBe(result.parses)
    }
  })

  it('asks by another prompt, with an example in it', async () => {
    const input = { description: 'Returns the sum of two numbers.', maxNewTokens: 8 }
    const [plain, few] = [await ask(input), await ask({ ...input, prompt: 'code-write-few-shot' })]
    expect(few.usage.promptTokens).toBeGreaterThan(plain.usage.promptTokens + 15)
  })

  it('tries again until it parses, as often as it may', async () => {
    const input = { description: 'Sorts a list by merging.', maxNewTokens: 24, seed: 1 }
    const once = await ask({ ...input, attempts: 1 })
    expect(once.attempts).toBe(1)
    const often = await ask({ ...input, attempts: 4 })
    expect(often.attempts).toBeLessThanOrEqual(4)
    if (!often.parses) expect(often.attempts).toBe(4)
  })

  it('fills in between a prefix and a suffix, and judges the whole', async () => {
    const [prefix, suffix] = ['def add(a, b):\n    return ', '\n\nprint(add(1, 2))\n']
    const result = await ask({ prefix, suffix, maxNewTokens: 16 })
    expect(result.task).toBe('complete')
    expect(result.parses).toBe(parseCode(prefix + result.text + suffix, 'python').parses)
  })

  it('explains', async () => {
    const result = await ask({ code: 'def double(x):\n    return 2 * x', maxNewTokens: 32 })
    expect(result).toMatchObject({ task: 'explain', attempts: 1 })
    expect(result.text).toMatch(/[a-z]{3,}/)
    expect(result).not.toHaveProperty('parses')
  })
})

describe('bad input', () => {
  it.each<[string, object, string, RegExp]>([
    ['nothing to do', {}, 'invalid_input', /description, or prefix/],
    ['two things to do', { description: 'x', code: 'y' }, 'invalid_input', /description, or prefix/],
    ['an unknown language', { description: 'x', language: 'cobol' }, 'invalid_input', /language/],
    ['an unknown prompt', { description: 'x', prompt: 'nobody' }, 'unknown_prompt', /nobody/],
    ['code beyond the context', { code: 'x = 1\n'.repeat(2_000) }, 'context_exceeded', /tokens/],
    ['a model that does not fill in', { prefix: 'x', model: 'translate' }, 'config_invalid', /fim/],
  ])('%s', async (_, input, code, message) => {
    await expectError(await post('/v1/code', JSON.stringify(input)), code, message)
  })
})

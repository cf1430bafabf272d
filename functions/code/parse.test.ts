import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LANGUAGES, parseCode } from './parse.ts'

describe('python', () => {
  it.each([
    'def add(a: int, b: int = 1) -> int:\n    """Adds."""\n    return a + b\n',
    'class A(B):\n    x = 1\n\n    async def f(self):\n        await g()\n# end\nprint(f"{A.x!r}")',
    'for i in range(3):\n    if i:\n        pass\n    else:\n        continue\nx = [y for y in z if y]',
    'x = (1,\n  2)\nmatch x:\n    case (a, b): pass\n',
    'if x: y = 1\nelse:\n    # why\n    y = 2\n',
    '',
  ])('%j parses', (code) => {
    expect(parseCode(code, 'python')).toEqual({ parses: true })
  })

  it.each([
    ['def f(x)\n    return x', 1],
    ['x = = 2', 1],
    ['print("a)', 1],
    ['def f():\nreturn 1', 2],
    ['for i in x:\n    a()\n  b()', 3],
    ['x = 1\n    y = 2', 2],
    ['const x = 1;', 1],
  ])('%j does not, from line %i on', (code, line) => {
    expect(parseCode(code, 'python')).toMatchObject({ parses: false, problem: { line } })
  })
})

describe('javascript', () => {
  it.each([
    'const f = async ({ a = 1, ...b }) => a?.b ?? (await b)',
    'export class A { #x = 1n; static { this.y = 2 } }',
    '',
  ])('%j parses', (code) => {
    expect(parseCode(code, 'javascript')).toEqual({ parses: true })
  })

  it.each([
    ['function f( {', 1],
    ['let x = 1\nlet x = 2', 2],
    ['return 1', 1],
    ['def f(x):\n    return x', 1],
  ])('%j does not, from line %i on', (code, line) => {
    expect(parseCode(code, 'javascript')).toMatchObject({ parses: false, problem: { line } })
  })
})

it('any text is judged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom(...LANGUAGES), (code, language) => {
      const { parses, problem } = parseCode(code, language)
      expect(parses).toBe(problem === undefined)
    }),
  )
})

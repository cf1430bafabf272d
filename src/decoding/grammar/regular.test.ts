/** Regular languages against what JavaScript makes of the same: RegExp, comparisons, JSON.parse. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyNumber, type Bounds, integerBetween, numberBetween } from './numbers.ts'
import { parsePattern } from './pattern.ts'
import { type Automaton, compile, intersect, literal, type Regular, repeat, step } from './regular.ts'
import { CONTENT } from './scanner.ts'
import { ANY, anyCharacter, character, complement, quoted, union, utf8 } from './strings.ts'

function matches(automaton: Automaton | undefined, text: string): boolean {
  let state = automaton ? 0 : -1
  for (const byte of new TextEncoder().encode(text)) if (state >= 0) state = step(automaton!, state, byte)
  return state >= 0 && automaton!.accepting[state] === 1
}
const compiled = (expression: Regular | undefined) => expression && compile(expression)

it('UTF-8 of any set of code points', () => {
  const edges = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]
  const point = fc.oneof(fc.constantFrom(...edges), fc.nat(0x10ffff))
  const ranges = fc.array(
    fc.tuple(point, point).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
    { minLength: 1, maxLength: 3 },
  )
  fc.assert(
    fc.property(ranges, fc.array(point, { maxLength: 20 }), (set, points) => {
      const automaton = compile(utf8(set))
      for (const each of [...points, ...edges, ...set.flat()]) {
        if (each >= 0xd800 && each < 0xe000) continue
        const expected = set.some(([first, last]) => each >= first && each <= last)
        expect(matches(automaton, String.fromCodePoint(each))).toBe(expected)
        expect(complement(set).some(([first, last]) => each >= first && each <= last)).toBe(!expected)
      }
      expect(complement(complement(set))).toEqual(union(set))
    }),
    { numRuns: 30 },
  )
})

describe('strings', () => {
  const any = compile(quoted(repeat(anyCharacter, 0)))!
  const plain = compile(quoted(repeat(character(ANY), 0)))
  it('are what JSON.stringify and others write', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(0x2ff), fc.nat(0x10ffff))), (points) => {
        const text = String.fromCodePoint(...points.filter((point) => point < 0xd800 || point >= 0xe000))
        const written = JSON.stringify(text)
        expect(matches(any, written)).toBe(true)
        expect(matches(plain, written)).toBe(true)
        expect(matches(any, written.slice(0, -1))).toBe(false)
      }),
      { numRuns: 50 },
    )
    expect(matches(any, '"\\u00e9\\/\\uD7ff"')).toBe(true)
    for (const wrong of ['"\\ud800"', '"\n"', '"\\x"', '"a"b"', '""a'])
      expect(matches(any, wrong)).toBe(false)
  })

  it('come back to one state behind each character', () => {
    expect(any.states).toBeLessThan(20)
    for (const text of ['"', '"a', '"é', '"日', '"😀', '"\\n', '"\\u00e9\\"'])
      expect(new TextEncoder().encode(text).reduce((state, byte) => step(any, state, byte), 0)).toBe(CONTENT)
  })
})

describe('patterns', () => {
  it.each([
    '^[a-c]+$',
    'b',
    '^a|c$',
    '^(a|bc)*$',
    '^a{2,3}b?$',
    '^(?:a+?|b){2}$',
    '^[^ab\\s]*$',
    '^\\d\\w\\D$',
    'a.c',
    '^(?<n>a)\\x62$',
    '^[\\w-]+\\.c$',
    '',
    '^$',
    'é',
    '^["\\\\\\n]*$',
  ])('%s', (source) => {
    const automaton = compile(quoted(parsePattern(source)))
    const unit = fc.constantFrom('a', 'b', 'c', '1', ' ', '.', '-', '"', '\\', '\n', 'é', '😀')
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 6 }), (letters) => {
        const text = letters.join('')
        expect([text, matches(automaton, JSON.stringify(text))]).toEqual([
          text,
          new RegExp(source, 'u').test(text),
        ])
      }),
      { numRuns: 150 },
    )
  })

  it('both of two, or one without the other', () => {
    const [a, b] = ['^[ab]*$', 'aa'].map((source) => compile(quoted(parsePattern(source)))!) as [
      Automaton,
      Automaton,
    ]
    for (const text of ['aa', 'ab', 'baab', 'caa', '']) {
      const [inA, inB] = [/^[ab]*$/.test(text), /aa/.test(text)]
      expect(matches(intersect(a, b), `"${text}"`)).toBe(inA && inB)
      expect(matches(intersect(a, b, true), `"${text}"`)).toBe(inA && !inB)
    }
    expect(intersect(compile(literal('a'))!, compile(literal('b'))!)).toBeUndefined()
  })
})

describe('numbers', () => {
  const inside = (x: number, { minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Bounds) =>
    x >= (minimum ?? -Infinity) &&
    x <= (maximum ?? Infinity) &&
    x > (exclusiveMinimum ?? -Infinity) &&
    x < (exclusiveMaximum ?? Infinity)
  const bounds = (value: fc.Arbitrary<number>): fc.Arbitrary<Bounds> =>
    fc
      .tuple(
        fc.constantFrom('minimum', 'exclusiveMinimum', 'none'),
        fc.constantFrom('maximum', 'exclusiveMaximum', 'none'),
        value,
        value,
      )
      .map(([least, most, a, b]) => ({
        ...(least !== 'none' && { [least]: Math.min(a, b) }),
        ...(most !== 'none' && { [most]: Math.max(a, b) }),
      }))

  it('integers within bounds, and no others', () => {
    const value = fc.oneof(
      fc.integer({ min: -1100, max: 1100 }),
      fc.integer({ min: -40, max: 40 }).map((x) => x / 4),
    )
    fc.assert(
      fc.property(bounds(value), fc.array(fc.integer({ min: -1200, max: 1200 })), (limits, numbers) => {
        const automaton = compiled(integerBetween(limits))
        const near = Object.values(limits).flatMap((x) => [
          Math.floor(x) - 1,
          Math.floor(x),
          Math.ceil(x),
          Math.ceil(x) + 1,
        ])
        for (const x of [...numbers, ...near])
          expect([x, matches(automaton, `${x}`)]).toEqual([x, inside(x, limits)])
        for (const wrong of ['-0', '01', '1.0', '1e1', '', '-']) expect(matches(automaton, wrong)).toBe(false)
      }),
      { numRuns: 100 },
    )
  })

  it('numbers within bounds, and no others', () => {
    const value = fc.oneof(
      fc.integer({ min: -300, max: 300 }).map((x) => x / 100),
      fc.integer({ min: -20, max: 20 }).map((x) => x / 4),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }).filter((x) => Math.abs(x) > 1e-6),
    )
    fc.assert(
      fc.property(bounds(value), fc.array(value), (limits, numbers) => {
        const automaton = compiled(numberBetween(limits))
        const near = Object.values(limits).flatMap((x) => [x, x - 0.001, x + 0.001, Math.round(x)])
        for (const x of [...numbers, ...near])
          for (const text of [x.toFixed(4), x.toFixed(1), `${Number(x.toFixed(3))}`]) {
            if (text.startsWith('-') && Number(text) === 0) continue
            expect([text, matches(automaton, text)]).toEqual([text, inside(Number(text), limits)])
          }
      }),
      { numRuns: 100 },
    )
  })

  it('any number that a double holds', () => {
    const automaton = compile(anyNumber())
    for (const text of ['0', '-1', '12.50', '1e9', '-0.1E-07', '1e+2', '999999999999999'])
      expect(matches(automaton, text)).toBe(true)
    for (const text of ['01', '.5', '1.', '+1', '1e', '1e999', '- 1', 'NaN'])
      expect(matches(automaton, text)).toBe(false)
  })
})

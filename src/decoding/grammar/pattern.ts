/** JSON Schema's `pattern`: the regular part of ECMA-262's expressions, with the flag u. */
import { choice, type Regular, repeat, sequence } from './regular.ts'
import { ANY, type CodePoints, character, complement } from './strings.ts'

/** An expression that is not regular, or not one. */
export class UnsupportedPattern extends Error {}

const range = (text: string): [number, number] => [text.codePointAt(0)!, text.codePointAt(text.length - 1)!]
const DIGIT: CodePoints = [range('0-9')]
const WORD: CodePoints = [range('0-9'), range('A-Z'), range('_'), range('a-z')]
const SPACE: CodePoints = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]
const CLASSES: Record<string, CodePoints> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
}
const NOT_NEWLINE = complement([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
])
const CONTROLS: Record<string, number> = { t: 9, n: 10, v: 11, f: 12, r: 13 }

/** More repetitions than an automaton should have. */
const MOST_REPETITIONS = 1000

/**
 * The content of JSON strings in which a pattern is found.
 * @throws UnsupportedPattern
 */
export function parsePattern(source: string): Regular {
  try {
    new RegExp(source, 'u')
  } catch {
    throw new UnsupportedPattern('is not a regular expression')
  }
  const text = Array.from(source)
  let at = 0
  const fail = (): never => {
    throw new UnsupportedPattern(`has "${text.slice(at, at + 3).join('')}" at character ${at + 1}`)
  }
  const take = (expected: string): boolean => {
    const found = text.slice(at, at + expected.length).join('') === expected
    if (found) at += expected.length
    return found
  }

  /** @param top not within a group, where ^ and $ may stand */
  function alternatives(top: boolean): Regular {
    const anything = repeat(character(ANY), 0)
    const options: Regular[] = []
    do {
      const start = top && take('^')
      const parts: Regular[] = []
      while (at < text.length && text[at] !== '|' && text[at] !== ')' && text[at] !== '$') parts.push(term())
      const end = top && take('$')
      if (at < text.length && text[at] !== '|' && text[at] !== ')') fail()
      if (top && !start) parts.unshift(anything)
      if (top && !end) parts.push(anything)
      options.push(sequence(...parts))
    } while (take('|'))
    return choice(...options)
  }

  function term(): Regular {
    const part = atom()
    const quantifier = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})/.exec(text.slice(at, at + 20).join(''))
    if (!quantifier) return part
    const [all, low, comma, high] = quantifier
    const limits: Record<string, [number, number]> = { '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] }
    const [least, most] = limits[all] ?? [Number(low), comma ? (high ? Number(high) : Infinity) : Number(low)]
    if (least > MOST_REPETITIONS || (most !== Infinity && most > MOST_REPETITIONS)) fail()
    at += all.length
    take('?') // lazy: finds another match, in the same strings
    return repeat(part, least, most)
  }

  function atom(): Regular {
    if (take('(')) {
      if (text[at] === '?' && !take('?:')) {
        const name = /^\?<([^=!][^>]*)>/.exec(text.slice(at).join(''))
        if (!name) fail()
        at += Array.from(name![0]).length
      }
      const group = alternatives(false)
      take(')')
      return group
    }
    if (take('[')) return character(set())
    if (take('.')) return character(NOT_NEWLINE)
    if (text[at] === '^') fail()
    return character(one())
  }

  /** A character or a class of them. */
  function one(): CodePoints {
    if (!take('\\')) {
      const point = text[at++]!.codePointAt(0)!
      return [[point, point]]
    }
    const letter = text[at]!
    const group = CLASSES[letter]
    if (group) {
      at++
      return group
    }
    const code = /^(?:x([\da-fA-F]{2})|u\{([\da-fA-F]+)\}|u([\da-fA-F]{4}))/.exec(
      text.slice(at, at + 12).join(''),
    )
    let point: number
    if (code) {
      point = Number.parseInt((code[1] ?? code[2] ?? code[3])!, 16)
      if (point >= 0xd800 && point < 0xe000) fail()
      at += code[0].length
    } else if (letter in CONTROLS) {
      point = CONTROLS[letter]!
      at++
    } else if (letter === '0') {
      point = 0
      at++
    } else if (/[\da-zA-Z]/.test(letter)) {
      return fail() // \b, \1, \k<name>, \p{…}, \cX
    } else {
      point = letter.codePointAt(0)!
      at++
    }
    return [[point, point]]
  }

  function set(): CodePoints {
    const negated = take('^')
    const members: CodePoints = []
    while (!take(']')) {
      const first = one()
      if (text[at] === '-' && text[at + 1] !== ']') {
        at++
        members.push([first[0]![0], one()[0]![1]])
      } else members.push(...first)
    }
    return negated ? complement(members) : members
  }

  const whole = alternatives(true)
  if (at < text.length) fail()
  return whole
}

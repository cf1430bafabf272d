/** What a rule may be, one step further in, and how hard that is to write to its end. */
import type { ArrayRule, ObjectRule, Piece, Rule } from './grammar.ts'
import { compile, literal, optional, sequence } from './regular.ts'
import { createScanners, type Scan, weightOfScan } from './scanner.ts'
import type { Vocabulary } from './vocabulary.ts'

/** An array, behind some of its items. */
export interface ArrayRest {
  kind: 'arrayRest'
  rule: ArrayRule
  count: number
}

/** An object, behind some of its properties. */
export interface ObjectRest {
  kind: 'objectRest'
  rule: ObjectRule
  /** The first property that is not decided. */
  index: number
  /** Nothing is written yet. */
  empty: boolean
}

/** Something still to come. */
export type Part = Rule | Scan | ArrayRest | ObjectRest

/** What takes more bytes than this is not begun. */
const MOST_WEIGHT = 100_000

export interface Expansion {
  /** What a part may be, each as parts in their order; without what cannot be written to its end. */
  ways(part: Exclude<Part, Scan>): { parts: Part[]; weight: number }[]
  /** The parts of a whole text; undefined if there is none. */
  start: Part[] | undefined
}

export function createExpansion(root: Rule, vocabulary: Vocabulary): Expansion {
  const start = createScanners(vocabulary)
  const piece = (text: string): Piece => ({ kind: 'piece', automaton: compile(literal(text))! })
  const comma: Piece = { kind: 'piece', automaton: compile(sequence(literal(','), optional(literal(' '))))! }
  const [openArray, closeArray, openObject, closeObject] = ['[', ']', '{', '}'].map(piece) as [
    Piece,
    Piece,
    Piece,
    Piece,
  ]
  // Tokenizers may put a space before a text.
  const before: Piece = { kind: 'piece', automaton: compile(optional(literal(' ')))! }

  // ------------------------------------------------------------------------------------------- expansion

  const arrayRests = new Map<ArrayRule, Map<number, ArrayRest>>()
  function arrayRest(rule: ArrayRule, count: number): ArrayRest {
    // Without an upper limit, counts that all rules treat alike are one.
    const same = rule.most === Infinity ? Math.min(count, Math.max(rule.least, rule.first.length, 1)) : count
    return once(arrayRests, rule, same, () => ({ kind: 'arrayRest', rule, count: same }))
  }
  const objectRests = new Map<ObjectRule, Map<number, ObjectRest>>()
  function objectRest(rule: ObjectRule, index: number, empty: boolean): ObjectRest {
    const place = index * 2 + (empty ? 1 : 0)
    return once(objectRests, rule, place, () => ({ kind: 'objectRest', rule, index, empty }))
  }

  /** What a part may be, each as parts in their order; for all but scans. */
  function expand(part: Exclude<Part, Scan>): Part[][] {
    switch (part.kind) {
      case 'piece':
        return [[start(part)]]
      case 'choice':
        return part.options.map((option) => [option])
      case 'reference':
        return [[part.target]]
      case 'array':
        return [[openArray, arrayRest(part, 0)]]
      case 'arrayRest': {
        const { rule, count } = part
        const ways: Part[][] = []
        if (count >= rule.least) ways.push([closeArray])
        const item = rule.first[count] ?? rule.others
        if (item && count < rule.most) {
          const next = arrayRest(rule, count + 1)
          ways.push(count > 0 ? [comma, item, next] : [item, next])
        }
        return ways
      }
      case 'object':
        return [[openObject, objectRest(part, 0, true)]]
      case 'objectRest': {
        const { rule, index, empty } = part
        const separator = empty ? [] : [comma]
        const property = rule.properties[index]
        if (property) {
          const written = [...separator, property.key, property.value, objectRest(rule, index + 1, false)]
          return property.required ? [written] : [written, [objectRest(rule, index + 1, empty)]]
        }
        if (!rule.others) return [[closeObject]]
        const { key, value } = rule.others
        return [[closeObject], [...separator, key, value, objectRest(rule, index, false)]]
      }
    }
  }

  // --------------------------------------------------------------------------------------------- weights

  const weights = new Map<Rule, number>()
  /** How hard a part is to complete; Infinity if it cannot be. */
  function weigh(part: Part): number {
    switch (part.kind) {
      case 'scan':
        return weightOfScan(part)
      case 'arrayRest': {
        const { rule, count } = part
        const { first, others, least } = rule
        if (least > rule.most) return Infinity
        const some = first.slice(count, least).reduce((sum, item) => sum + weigh(item), 0)
        const more = Math.max(0, least - Math.max(count, first.length))
        const commas = Math.max(0, least - Math.max(count, 1))
        return (
          some +
          times(more, others ? weigh(others) : Infinity) +
          times(commas, weigh(comma)) +
          weigh(closeArray)
        )
      }
      case 'objectRest': {
        const { rule, index, empty } = part
        const needed = rule.properties.slice(index).filter(({ required }) => required)
        const commas = Math.max(0, needed.length - (empty ? 1 : 0))
        const own = needed.reduce((sum, { key, value }) => sum + weigh(key) + weigh(value), 0)
        return own + times(commas, weigh(comma)) + weigh(closeObject)
      }
      default:
        return weights.get(part) ?? Infinity
    }
  }

  function weighAll(parts: Part[]): number {
    const sum = parts.reduce((all, part) => all + weigh(part), 0)
    return sum > MOST_WEIGHT ? Infinity : sum
  }

  /** Finds the weights of a rule and of those within: the least fixed point, from Infinity down. */
  function solve(root: Rule): void {
    const all = new Set([root])
    for (const rule of all) for (const inner of within(rule)) all.add(inner)
    const inwards = [...all].reverse()
    for (let changed = true; changed; ) {
      changed = false
      for (const rule of inwards) {
        const weight = Math.min(Infinity, ...expand(rule).map(weighAll))
        if (weight >= weigh(rule)) continue
        weights.set(rule, weight)
        changed = true
      }
    }
  }

  for (const rule of [comma, openArray, closeArray, openObject, closeObject, before, root]) solve(rule)
  return {
    ways: (part) =>
      expand(part)
        .map((parts) => ({ parts, weight: weighAll(parts) }))
        .filter(({ weight }) => weight < Infinity),
    start: weigh(root) < Infinity ? [before, root] : undefined,
  }
}

/** Not 0 times Infinity. */
const times = (n: number, weight: number): number => (n === 0 ? 0 : n * weight)

/** The value of two keys, made at first. */
function once<Key, Value>(
  known: Map<Key, Map<number, Value>>,
  key: Key,
  place: number,
  make: () => Value,
): Value {
  const own = known.get(key) ?? new Map<number, Value>()
  known.set(key, own)
  let value = own.get(place)
  if (value === undefined) {
    value = make()
    own.set(place, value)
  }
  return value
}

/** The rules that a rule is made of. */
function within(rule: Rule): Rule[] {
  switch (rule.kind) {
    case 'piece':
      return []
    case 'choice':
      return rule.options
    case 'reference':
      return [rule.target]
    case 'array':
      return rule.others ? [...rule.first, rule.others] : rule.first
    case 'object': {
      const all = rule.others ? [...rule.properties, rule.others] : rule.properties
      return all.flatMap(({ key, value }) => [key, value])
    }
  }
}

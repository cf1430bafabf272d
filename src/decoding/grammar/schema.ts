/**
 * JSON Schema 2020-12 (https://json-schema.org/draft/2020-12) to the rules of its texts. What is written is valid; not all
 * that is valid is written: properties come in the schema's order, further ones only where `additionalProperties` is given
 * (or neither it nor `properties` is), numbers have at most 15 digits, and the only space is one behind a colon or comma.
 */
import { EdgewiseError } from '../../errors.ts'
import { areDisjoint, typesOf } from './disjoint.ts'
import { FORMATS } from './formats.ts'
import type { Piece, Property, Rule } from './grammar.ts'
import { anyNumber, type Bounds, integerBetween, numberBetween } from './numbers.ts'
import { parsePattern, UnsupportedPattern } from './pattern.ts'
import {
  type Automaton,
  choice,
  compile,
  intersect,
  literal,
  optional,
  type Regular,
  repeat,
  sequence,
  TooManyStates,
} from './regular.ts'
import { anyCharacter, anyKey, quoted } from './strings.ts'

/** The keywords that are understood. */
export interface Schema extends Bounds {
  $ref?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  anyOf?: (Schema | boolean)[]
  oneOf?: (Schema | boolean)[]
  allOf?: (Schema | boolean)[]
  properties?: Record<string, Schema | boolean>
  required?: string[]
  additionalProperties?: Schema | boolean
  propertyNames?: Schema | boolean
  items?: Schema | boolean
  prefixItems?: (Schema | boolean)[]
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
  multipleOf?: number
}

const ANNOTATIONS = new Set(
  '$schema $id $comment $defs definitions title description default examples deprecated readOnly writeOnly'.split(
    ' ',
  ),
)
const BY_TYPE: Record<string, string[]> = {
  object: ['properties', 'required', 'additionalProperties', 'propertyNames'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
}
const KNOWN = new Set(['type', ...Object.values(BY_TYPE).flat()])
/** Keywords that decide alone what a value is. */
const ALONE = ['$ref', 'const', 'enum', 'anyOf', 'oneOf', 'allOf'] as const

/** A string of limited length and a pattern is unrolled up to it. */
const MOST_PATTERN_LENGTH = 500

const space = optional(literal(' '))

/** Made when it is first wanted, and the same for every schema, so that what is found out about it is kept. */
function shared(expression: () => Regular): () => Piece {
  let known: Piece | undefined
  return () => {
    known ??= piece(compile(expression())!)
    return known
  }
}
const piece = (automaton: Automaton): Piece => ({ kind: 'piece', automaton })
const string = shared(() => quoted(repeat(anyCharacter, 0)))
const key = shared(() => sequence(anyKey, literal(':'), space))
const number = shared(anyNumber)
const integer = shared(() => integerBetween({})!)
const words = {
  null: shared(() => literal('null')),
  boolean: shared(() => choice(literal('true'), literal('false'))),
}
const NOTHING: Rule = { kind: 'choice', options: [] }

/**
 * The rule of a schema's texts.
 * @throws EdgewiseError `schema_unsupported`, which names the keyword and its place
 */
export function compileSchema(root: unknown): Rule {
  /** Rules of schemas that are referred to, by their pointer. */
  const references = new Map<string, Extract<Rule, { kind: 'reference' }>>()
  let any: Rule | undefined

  function resolve(pointer: string, path: string): Schema | boolean {
    if (!/^#(\/|$)/.test(pointer)) throw unsupported(path, '$ref', `"${pointer}" is not within the schema`)
    let target: unknown = root
    for (const part of pointer
      .slice(2)
      .split('/')
      .filter((_, i, all) => all.length > 1 || all[i] !== '')) {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
      target =
        typeof target === 'object' && target !== null && Object.hasOwn(target, name)
          ? (target as Record<string, unknown>)[name]
          : undefined
    }
    if (target === undefined) throw unsupported(path, '$ref', `"${pointer}" leads nowhere`)
    return target as Schema | boolean
  }

  function rule(schema: unknown, path: string): Rule {
    if (schema === true) return anything()
    if (schema === false) return NOTHING
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
      throw unsupported(path, '', 'it is neither an object nor a boolean')
    const keywords = Object.keys(schema).filter((key) => !ANNOTATIONS.has(key) && !key.startsWith('x-'))
    const s = schema as Schema
    const alone = ALONE.find((key) => keywords.includes(key))
    if (alone) {
      const beside = keywords.find(
        (key) => key !== alone && !(key === 'type' && (alone === 'const' || alone === 'enum')),
      )
      if (beside) throw unsupported(path, beside, `it stands beside ${alone}`)
    }
    switch (alone) {
      case '$ref':
        return reference(s.$ref!, path)
      case 'const':
        return listed([s.const], s, path)
      case 'enum':
        return listed(s.enum!, s, path)
      case 'anyOf':
        return options(s.anyOf!, `${path}/anyOf`)
      case 'oneOf':
        checkDisjoint(s.oneOf!, path)
        return options(s.oneOf!, `${path}/oneOf`)
      case 'allOf':
        if (s.allOf!.length !== 1) throw unsupported(path, 'allOf', 'it has more than one schema')
        return rule(s.allOf![0], `${path}/allOf/0`)
    }
    const unknown = keywords.find((key) => !KNOWN.has(key))
    if (unknown) throw unsupported(path, unknown)
    const types = s.type === undefined ? impliedTypes(keywords) : [s.type].flat()
    if (!types) return anything()
    return { kind: 'choice', options: types.map((type) => typed(type, s, path)) }
  }

  function reference(pointer: string, path: string): Rule {
    const known = references.get(pointer)
    if (known) return known
    const target = resolve(pointer, path)
    const own: Extract<Rule, { kind: 'reference' }> = { kind: 'reference', target: NOTHING }
    references.set(pointer, own)
    own.target = rule(target, pointer)
    return own
  }

  const options = (schemas: (Schema | boolean)[], path: string): Rule => ({
    kind: 'choice',
    options: schemas.map((schema, i) => rule(schema, `${path}/${i}`)),
  })

  function checkDisjoint(schemas: (Schema | boolean)[], path: string): void {
    schemas.forEach((a, i) => {
      schemas.slice(0, i).forEach((b, j) => {
        if (!areDisjoint(a, b, ({ $ref }) => resolve($ref!, path)))
          throw unsupported(path, 'oneOf', `its schemas ${j} and ${i} may allow the same value; anyOf may do`)
      })
    })
  }

  /** Any JSON value. */
  function anything(): Rule {
    if (any) return any
    const reference: Rule = { kind: 'reference', target: NOTHING }
    any = reference
    reference.target = {
      kind: 'choice',
      options: [
        string(),
        number(),
        words.boolean(),
        words.null(),
        { kind: 'array', first: [], others: any, least: 0, most: Infinity },
        { kind: 'object', properties: [], others: { key: keysBut([]), value: any } },
      ],
    }
    return any
  }

  function typed(type: string, s: Schema, path: string): Rule {
    switch (type) {
      case 'null':
      case 'boolean':
        return words[type]()
      case 'string':
        return stringRule(s, path)
      case 'integer':
      case 'number':
        return numberRule(type, s, path)
      case 'array':
        return {
          kind: 'array',
          first: (s.prefixItems ?? []).map((item, i) => rule(item, `${path}/prefixItems/${i}`)),
          others: s.items === undefined ? anything() : rule(s.items, `${path}/items`),
          least: s.minItems ?? 0,
          most: s.maxItems ?? Infinity,
        }
      case 'object':
        return objectRule(s, path)
      default:
        throw unsupported(path, 'type', `"${type}" is none of JSON's`)
    }
  }

  function objectRule(s: Schema, path: string): Rule {
    const { properties = {}, required = [], additionalProperties, propertyNames } = s
    if (propertyNames !== undefined && propertyNames !== true && !isPlainString(propertyNames))
      throw unsupported(path, 'propertyNames')
    const further = additionalProperties ?? s.properties === undefined
    const others = () => (further === true ? anything() : rule(further, `${path}/additionalProperties`))
    const names = [...new Set([...Object.keys(properties), ...required])]
    return {
      kind: 'object',
      properties: names.map((name): Property => {
        const own = Object.hasOwn(properties, name) ? properties[name] : undefined
        return {
          key: piece(compile(sequence(literal(`${JSON.stringify(name)}:`), space))!),
          value:
            own !== undefined
              ? rule(own, `${path}/properties/${name}`)
              : // Required and not described: as further properties are.
                additionalProperties === undefined
                ? anything()
                : others(),
          required: required.includes(name),
        }
      }),
      others: further === false ? undefined : { key: keysBut(names), value: others() },
    }
  }

  const whole = rule(root, '#')
  for (const [pointer, reference] of references)
    if (startsWith(reference.target, reference)) throw unsupported(pointer, '$ref', 'it leads back to itself')
  return whole
}

/** Whether a rule may be another, with nothing written before. */
function startsWith(rule: Rule, other: Rule, seen = new Set<Rule>()): boolean {
  if (rule === other) return true
  if (seen.has(rule)) return false
  seen.add(rule)
  if (rule.kind === 'reference') return startsWith(rule.target, other, seen)
  return rule.kind === 'choice' && rule.options.some((option) => startsWith(option, other, seen))
}

/** A key that is none of these, nor the one that means something else in JavaScript; with its colon. */
function keysBut(names: string[]): Rule {
  const keys = [...names, '__proto__'].map((name) => literal(JSON.stringify(name)))
  const taken = compile(sequence(choice(...keys), literal(':'), space))!
  return piece(intersect(key().automaton, taken, true)!)
}

function isPlainString(schema: Schema | boolean): boolean {
  return typeof schema === 'object' && schema.type === 'string' && Object.keys(schema).length === 1
}

/** The type that keywords are about, where none is named. */
function impliedTypes(keywords: string[]): string[] | undefined {
  const type = Object.keys(BY_TYPE).find((name) => BY_TYPE[name]!.some((key) => keywords.includes(key)))
  return type === undefined ? undefined : [type]
}

function listed(values: unknown[], { type }: Schema, path: string): Rule {
  if (!Array.isArray(values)) throw unsupported(path, 'enum', 'it is not a list')
  const types = type === undefined ? undefined : [type].flat()
  const allowed = values.filter((value) => {
    const own = typesOf(value)
    return !types || types.includes(own) || (own === 'integer' && types.includes('number'))
  })
  if (allowed.length === 0) return NOTHING
  return automatonRule(path, 'enum', () => choice(...allowed.map((value) => literal(JSON.stringify(value)))))
}

function stringRule({ minLength, maxLength, pattern, format }: Schema, path: string): Rule {
  const parts: Automaton[] = []
  const limited = minLength !== undefined || maxLength !== undefined
  const [least, most] = [minLength ?? 0, maxLength ?? Infinity]
  if (least > most) return NOTHING
  if (pattern === undefined && format === undefined)
    return limited ? { ...string(), length: { least, most } } : string()
  if (format !== undefined) {
    const known = FORMATS[format]
    if (!known) throw unsupported(path, 'format', `"${format}" is none of ${Object.keys(FORMATS).join(', ')}`)
    parts.push(compile(quoted(parsePattern(known)))!)
  }
  if (pattern !== undefined) {
    const automaton = compiled(path, 'pattern', () => quoted(parsePattern(pattern)))
    if (!automaton) return NOTHING
    parts.push(automaton)
  }
  if (limited) {
    if (Math.max(least, most === Infinity ? 0 : most) > MOST_PATTERN_LENGTH)
      throw unsupported(path, 'pattern', `with lengths over ${MOST_PATTERN_LENGTH} it is too large`)
    parts.push(compiled(path, 'maxLength', () => quoted(repeat(anyCharacter, least, most)))!)
  }
  const [first, ...rest] = parts
  let all: Automaton | undefined = first
  for (const part of rest) all = all && bounded(path, 'pattern', () => intersect(all!, part))
  return all ? piece(all) : NOTHING
}

function numberRule(type: 'integer' | 'number', s: Schema, path: string): Rule {
  if (s.multipleOf !== undefined && s.multipleOf !== 1) throw unsupported(path, 'multipleOf')
  const whole = type === 'integer' || s.multipleOf === 1
  const bound = BY_TYPE.number!.find((key) => key !== 'multipleOf' && s[key as keyof Bounds] !== undefined)
  if (bound === undefined) return whole ? integer() : number()
  let expression: Regular | undefined
  try {
    expression = whole ? integerBetween(s) : numberBetween(s)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw unsupported(path, bound, 'it has too many digits')
  }
  return expression ? automatonRule(path, bound, () => expression) : NOTHING
}

function automatonRule(path: string, keyword: string, expression: () => Regular): Rule {
  const automaton = compiled(path, keyword, expression)
  return automaton ? piece(automaton) : NOTHING
}

const compiled = (path: string, keyword: string, expression: () => Regular) =>
  bounded(path, keyword, () => compile(expression()))

function bounded<T>(path: string, keyword: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof TooManyStates) throw unsupported(path, keyword, 'it is too large')
    if (error instanceof UnsupportedPattern) throw unsupported(path, keyword, `it ${error.message}`)
    throw error
  }
}

/** @param why a clause about the keyword */
function unsupported(path: string, keyword: string, why?: string): EdgewiseError {
  return new EdgewiseError(
    'schema_unsupported',
    `The schema's ${keyword === '' ? 'value' : `keyword "${keyword}"`} at ${path} is not supported${why ? `: ${why}` : ''}.`,
    `Leave it out, or say it with type, properties, items, enum, anyOf and their limits.`,
  )
}

/** A function's options and their values, typed by the schema of its input. */
import * as z from 'zod'
import type { EdgewiseFunction } from '../function.ts'
import { UsageError } from './errors.ts'
import { readText } from './files.ts'

type Schema = z.core.JSONSchema.JSONSchema

/** Strings that may be longer than this are texts, not names. */
const LONG = 1_000

/** How a value is written: `texts` is one text or, repeated, many; `strings` and `numbers` also take commas. */
export type Kind = 'integer' | 'number' | 'boolean' | 'text' | 'texts' | 'strings' | 'numbers' | 'json'

export interface Option {
  field: string
  /** The field in kebab-case. */
  flag: string
  kind: Kind
  schema: Schema
  required: boolean
}

/** One option a field of the input, in the order of the schema. */
export function optionsOf({ input }: Pick<EdgewiseFunction, 'input'>): Option[] {
  const { properties = {}, required = [] } = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties).map(([field, schema]) => ({
    field,
    flag: kebabCase(field),
    kind: typeof schema === 'object' ? kindOf(schema) : 'json',
    schema: typeof schema === 'object' ? schema : {},
    required: required.includes(field),
  }))
}

/** The options as parseArgs wants them, in kebab-case and as the field is named. */
export function parseArgsOptions(options: Option[]) {
  return Object.fromEntries(
    options.flatMap(({ field, flag, kind, schema }) => {
      const type = kind === 'boolean' ? ('boolean' as const) : ('string' as const)
      const names = [field, flag, ...(schema.default === true ? [`no-${flag}`] : [])]
      return names.map((name) => [name, { type, multiple: true as const }])
    }),
  )
}

/** Whether texts that are no options may stand for this field. */
export const takesText = (option: Option): boolean =>
  option.kind === 'text' || takesMany(option) || (option.kind === 'json' && allowsText(option.schema))

/** Whether many texts are one value of this field. */
export const takesMany = ({ kind, schema }: Option): boolean =>
  kind === 'texts' || kind === 'strings' || (kind === 'json' && isList(schema) && allowsText(itemsOf(schema)))

/** Whether a value of this field is a list that no text can stand for. */
export const takesRecords = (option: Option): boolean => isList(option.schema) && !takesText(option)

/** The value of a field that takes texts. */
export const fromTexts = (option: Option, texts: string[]): string | string[] =>
  takesMany(option) && (option.kind !== 'texts' || texts.length > 1) ? texts : texts[0]!

/**
 * The fields that a command line gives.
 * @throws UsageError where a value is not of its field's type
 * @throws EdgewiseError `file_missing`, `storage_failed`, `invalid_utf8`
 */
export async function readOptions(
  options: Option[],
  values: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const fields: Record<string, unknown> = {}
  for (const option of options) {
    const { field, flag, kind } = option
    const names = new Set([field, flag])
    const given = [...names].flatMap((name) => (values[name] as (string | boolean)[] | undefined) ?? [])
    if (given.length > 0) fields[field] = kind === 'boolean' || (await readValue(option, given as string[]))
    if (values[`no-${flag}`]) fields[field] = false
  }
  return fields
}

async function readValue(option: Option, given: string[]): Promise<unknown> {
  const { flag, kind, schema } = option
  const values = await Promise.all(
    given.map(async (value) => {
      const fromFile = value.startsWith('@') && !value.startsWith('@@')
      return { text: fromFile ? await readText(value.slice(1)) : value.replace(/^@@/, '@'), fromFile }
    }),
  )
  const last = values.at(-1)!.text
  switch (kind) {
    case 'integer':
    case 'number':
      return parseNumber(last, flag, kind)
    case 'texts':
      return values.length === 1 ? last : values.map(({ text }) => text)
    case 'numbers':
      return values.flatMap(({ text }) =>
        text
          .split(/[\s,[\]]+/)
          .filter((part) => part !== '')
          .map((part) => parseNumber(part, flag, 'number')),
      )
    case 'strings':
      return values.flatMap((value) => parseItems(value, flag, schema))
    case 'json':
      return isList(schema)
        ? values.flatMap((value) => parseItems(value, flag, schema))
        : parseJsonOrText(last, flag, schema)
    default:
      return last
  }
}

function parseNumber(text: string, flag: string, kind: 'integer' | 'number'): number {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  if (kind === 'integer' ? Number.isInteger(number) : Number.isFinite(number)) return number
  throw new UsageError(
    `--${flag} takes ${kind === 'integer' ? 'an integer' : 'a number'}, not ${JSON.stringify(text)}.`,
  )
}

/** The items that one value holds: a JSON array, or JSON Lines as data sets come in, or texts where items may be some. */
function parseItems(
  { text, fromFile }: { text: string; fromFile: boolean },
  flag: string,
  schema: Schema,
): unknown[] {
  const items = itemsOf(schema)
  const start = text.trimStart()
  if (start.startsWith('{') && !isText(items)) return parseLines(text, flag)
  if (!allowsText(items)) return [parseJson(text, flag)].flat()
  // Only an array of strings or objects: a word may be in brackets, as [MASK] is.
  if (/^\[\s*["{\]]/.test(start)) return [parseJson(text, flag)].flat()
  if (isLong(items)) return [text]
  const parts = fromFile ? text.split(/\r?\n/) : text.split(',')
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

const linesOf = (text: string): string[] => text.split(/\r?\n/).filter((line) => line.trim() !== '')

function parseLines(text: string, flag: string): unknown[] {
  try {
    // One object over several lines is JSON too.
    return [JSON.parse(text)]
  } catch {
    const lines = linesOf(text)
    return lines.map((line, i) => parseJson(line, flag, lines.length > 1 ? `line ${i + 1}: ` : ''))
  }
}

function parseJsonOrText(text: string, flag: string, schema: Schema): unknown {
  // What starts like JSON must be JSON: a slip in it would otherwise pass for text.
  return allowsText(schema) && !/^\s*["[{]/.test(text) ? text : parseJson(text, flag)
}

function parseJson(text: string, flag: string, where = ''): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`--${flag} takes JSON: ${where}${(cause as Error).message}.`, { cause })
  }
}

export const kebabCase = (field: string): string =>
  field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** Texts have commas and lines of their own, names do not. */
const isLong = (schema: Schema): boolean =>
  branchesOf(schema).some(({ type, maxLength = 0 }) => type === 'string' && maxLength > LONG)

const isText = (schema: Schema): boolean => branchesOf(schema).every(({ type }) => type === 'string')

const allowsText = (schema: Schema): boolean => branchesOf(schema).some(({ type }) => type === 'string')

const isList = (schema: Schema): boolean => branchesOf(schema).every(({ type }) => type === 'array')

function kindOf(schema: Schema): Kind {
  const kinds = new Set(branchesOf(schema).map(kindOfBranch))
  const [first, second] = [...kinds].sort()
  if (kinds.size === 1) return first!
  if (kinds.size === 2 && first === 'integer' && second === 'number') return 'number'
  if (kinds.size === 2 && first === 'strings' && second === 'text') return 'texts'
  return 'json'
}

function kindOfBranch(schema: Schema): Kind {
  switch (schema.type) {
    case 'integer':
    case 'number':
    case 'boolean':
      return schema.type
    case 'string':
      return 'text'
    case 'array': {
      const items =
        typeof schema.items === 'object' && !Array.isArray(schema.items) ? kindOf(schema.items) : 'json'
      if (items === 'text') return 'strings'
      return items === 'integer' || items === 'number' ? 'numbers' : 'json'
    }
    default:
      return 'json'
  }
}

/** What the items of a list are; a tuple's are as good as anything. */
const itemsOf = ({ items }: Schema): Schema =>
  typeof items === 'object' && !Array.isArray(items) ? items : {}

/** What a schema allows, one by one; null is left out, as leaving an option out says it. */
function branchesOf(schema: Schema): Schema[] {
  const branches = schema.anyOf ?? schema.oneOf
  const types: unknown = schema.type
  const all = Array.isArray(types)
    ? types.map((type): Schema => ({ ...schema, type }))
    : branches?.filter((branch): branch is Schema => typeof branch === 'object').flatMap(branchesOf)
  return (all ?? [schema]).filter(({ type }) => type !== 'null')
}

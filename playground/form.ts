/** A form made from a function's input schema: fields to fill, and the body that they make. */
/// <reference lib="dom" />

/** The part of JSON Schema that functions' inputs use. */
export interface Schema {
  type?: string
  enum?: string[]
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  description?: string
  default?: unknown
  /** Of a text: values to pick from. */
  examples?: string[]
  maxLength?: number
}

/** A function as build.ts puts it into the page. */
export interface Form {
  name: string
  summary: string
  primary: string
  examples: { title: string; input: Record<string, unknown> }[]
  schema: Schema
}

/** What a field's control holds, as the body has it; undefined leaves it out. */
interface Field {
  name: string
  element: HTMLElement
  read(): unknown
  write(value: unknown): void
}

/** The field by which a function is asked to answer in parts: the page always does. */
export const STREAM = 'stream'

/** A list of texts is shown, and typed, with an empty line between. */
const SEPARATOR = '\n\n'

const isText = ({ type, anyOf }: Schema): boolean =>
  type === 'string' || (anyOf ?? []).some((part) => part.type === 'string')
const listOf = ({ type, items, anyOf }: Schema): Schema | undefined =>
  type === 'array' ? items : anyOf?.find((part) => part.type === 'array')?.items

/** How a schema's values are typed into a box. */
type Notation = 'texts' | 'lines' | 'text' | 'json'

function notationOf(schema: Schema): Notation {
  const items = listOf(schema)
  if (isText(schema)) return items && isText(items) ? 'texts' : 'text'
  return items && isText(items) ? 'lines' : 'json'
}

function parse(notation: Notation, value: string, name: string): unknown {
  if (value.trim() === '') return undefined
  if (notation === 'text') return value
  const parts = value.split(notation === 'texts' ? /\n\s*\n/ : '\n').filter((part) => part.trim() !== '')
  if (notation === 'texts') return parts.length > 1 ? parts : value
  try {
    if (notation === 'json') return JSON.parse(value)
    // A line may be an object too, such as a document with its id.
    return parts.map((part) => (part.trim().startsWith('{') ? JSON.parse(part) : part.trim()))
  } catch {
    throw new Error(`${name}: this is not valid JSON.`)
  }
}

function print(notation: Notation, value: unknown): string {
  if (value === undefined) return ''
  if (notation === 'json') return JSON.stringify(value, null, 2)
  const parts = [value].flat().map((part) => (typeof part === 'string' ? part : JSON.stringify(part)))
  return parts.join(notation === 'texts' ? SEPARATOR : '\n')
}

const words = (name: string): string =>
  name
    .replace(/([A-Z])/g, ' $1')
    .replace(/^./, (first) => first.toUpperCase())
    .replace(/ ([A-Z])/g, (_, c) => ` ${c.toLowerCase()}`)

function labelled(name: string, schema: Schema, control: HTMLElement): HTMLElement {
  const label = document.createElement('label')
  label.htmlFor = control.id
  label.textContent = words(name)
  const hint = document.createElement('span')
  hint.className = 'hint'
  hint.id = `${control.id}-hint`
  const notation = notationOf(schema)
  const typed =
    control instanceof HTMLTextAreaElement
      ? {
          texts: 'several texts are parted by an empty line',
          lines: 'one a line',
          text: '',
          json: 'as JSON',
        }[notation]
      : ''
  hint.textContent = [schema.description, typed].filter(Boolean).join('; ')
  control.setAttribute('aria-describedby', hint.id)
  const box = document.createElement('div')
  box.className = control instanceof HTMLInputElement && control.type === 'checkbox' ? 'field check' : 'field'
  box.append(...(box.className.includes('check') ? [control, label, hint] : [label, control, hint]))
  return box
}

const languages = new Intl.DisplayNames('en', { type: 'language' })

/** "English" of en; anything else as it is. */
const optionName = (option: string): string => (/^[a-z]{2}$/.test(option) ? languages.of(option)! : option)

function makeField(name: string, schema: Schema, isPrimary: boolean): Field {
  const id = `field-${name}`
  const options = schema.enum ?? schema.examples
  if (options) {
    const select = document.createElement('select')
    select.id = id
    select.append(...options.map((option) => new Option(optionName(option), option)))
    return {
      name,
      element: labelled(name, schema, select),
      read: () => (select.value === schema.default ? undefined : select.value),
      write: (value) => {
        select.value = String(value ?? schema.default ?? options[0])
      },
    }
  }
  if (schema.type === 'boolean') {
    const box = document.createElement('input')
    box.type = 'checkbox'
    box.id = id
    return {
      name,
      element: labelled(name, schema, box),
      read: () => (box.checked === (schema.default ?? false) ? undefined : box.checked),
      write: (value) => {
        box.checked = Boolean(value ?? schema.default)
      },
    }
  }
  if (schema.type === 'integer' || schema.type === 'number') {
    const input = document.createElement('input')
    input.type = 'number'
    input.step = schema.type === 'integer' ? '1' : 'any'
    input.id = id
    if (schema.default !== undefined) input.placeholder = String(schema.default)
    return {
      name,
      element: labelled(name, schema, input),
      read: () => (input.value === '' ? undefined : Number(input.value)),
      write: (value) => {
        input.value = value === undefined ? '' : String(value)
      },
    }
  }
  const notation = notationOf(schema)
  const long = isPrimary || notation !== 'text' || (schema.maxLength ?? 0) > 1_000
  const box = document.createElement(long ? 'textarea' : 'input')
  box.id = id
  if (box instanceof HTMLTextAreaElement) box.rows = isPrimary ? 4 : 3
  box.spellcheck = false
  if (typeof schema.default === 'string') box.placeholder = schema.default
  return {
    name,
    element: labelled(name, schema, box),
    read: () => parse(notation, box.value, words(name)),
    write: (value) => {
      box.value = print(notation, value)
    },
  }
}

export interface DrawnForm {
  /** Puts an input into the fields; those it does not set get their defaults. */
  fill(input: Record<string, unknown>): void
  /** The body. @throws Error with a sentence where a field does not hold what it should */
  read(): Record<string, unknown>
}

/** Draws a function's fields: the primary and those that its examples set, the rest under "More options". */
export function drawForm({ schema, primary, examples }: Form, into: HTMLElement): DrawnForm {
  const properties = Object.entries(schema.properties ?? {})
  const fields = properties
    .filter(([name]) => name !== STREAM)
    .map(([name, own]) => makeField(name, own, name === primary))
    .sort((a, b) => Number(b.name === primary) - Number(a.name === primary))
  const shown = new Set([primary, ...examples.flatMap(({ input }) => Object.keys(input))])
  const more = document.createElement('details')
  more.className = 'more'
  const summary = document.createElement('summary')
  summary.textContent = 'More options'
  more.append(summary, ...fields.filter(({ name }) => !shown.has(name)).map(({ element }) => element))
  into.replaceChildren(...fields.filter(({ name }) => shown.has(name)).map(({ element }) => element))
  if (more.children.length > 1) into.append(more)
  const form: DrawnForm = {
    fill(input) {
      for (const field of fields) field.write(input[field.name])
    },
    read: () =>
      Object.fromEntries(
        fields.flatMap((field) => {
          const value = field.read()
          return value === undefined ? [] : [[field.name, value]]
        }),
      ),
  }
  form.fill({})
  return form
}

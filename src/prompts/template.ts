/**
 * Jinja templates by @huggingface/jinja, within limits of size and work. Its interpreter walks the syntax tree and knows
 * nothing of JavaScript but the values it is given, so a template can waste time and memory and no more; limits end that.
 * A template that a request brings (`untrusted`) may besides use only what cannot make much of little.
 */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'

/** Most characters of a template that a request brings. */
export const MAX_TEMPLATE_LENGTH = 16_384
/** Most characters of a text that a template makes, or holds on the way. */
export const MAX_RENDERED_LENGTH = 262_144
const MAX_STEPS = 1_000_000
const UNTRUSTED_STEPS = 100_000
/** Most numbers that range() gives. */
const MAX_RANGE = 10_000
const MAX_DEPTH = 200
/** What an item of a list weighs, in characters. */
const ITEM = 16

/** A template that is refused, or that fails; the message says why. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError'
}

export interface JinjaTemplate {
  /** @throws TemplateError */
  render(values: Record<string, unknown>): string
}

/** Parses a template. @throws TemplateError */
export function createTemplate(source: string, { untrusted = false } = {}): JinjaTemplate {
  if (untrusted && source.length > MAX_TEMPLATE_LENGTH)
    throw new TemplateError(`it is longer than ${MAX_TEMPLATE_LENGTH} characters`)
  const program = guarded(() => parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true })))
  if (untrusted) guarded(() => refuseUnsafe(program as unknown as Node, 0))
  return {
    render: (values) =>
      guarded(() => {
        const environment = new Environment()
        for (const [name, value] of Object.entries({ ...GLOBALS, ...values })) environment.set(name, value)
        return String(new LimitedInterpreter(environment, untrusted).run(program).value)
      }),
  }
}

function guarded<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof TemplateError) throw cause
    if (cause instanceof RangeError)
      throw new TemplateError('it is nested too deep or grows too large', { cause })
    throw new TemplateError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** What the library's own Template gives templates, with a limit for range(). */
const GLOBALS = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  raise_exception(message: unknown): never {
    throw new TemplateError(String(message))
  },
  range(start: number, stop?: number, step = 1): number[] {
    const [from, to] = typeof stop === 'number' ? [start, stop] : [0, start]
    const count = Math.max(0, Math.ceil((to - from) / step))
    if (!(count <= MAX_RANGE)) throw new TemplateError(`range() of more than ${MAX_RANGE} numbers`)
    return Array.from({ length: count }, (_, i) => from + i * step)
  },
  strftime_now(format: string): string {
    const now = new Date().toISOString()
    const parts: Record<string, string> = {
      Y: now.slice(0, 4),
      m: now.slice(5, 7),
      d: now.slice(8, 10),
      H: now.slice(11, 13),
      M: now.slice(14, 16),
      S: now.slice(17, 19),
      b: new Date().toLocaleString('en', { month: 'short', timeZone: 'UTC' }),
      B: new Date().toLocaleString('en', { month: 'long', timeZone: 'UTC' }),
    }
    return String(format).replace(/%(.)/g, (whole, letter: string) => parts[letter] ?? whole)
  },
}

type Statement = Parameters<Interpreter['evaluate']>[0]
type Value = ReturnType<Interpreter['evaluate']>

/** Counts what evaluation costs, and looks at the size of whatever it makes. */
class LimitedInterpreter extends Interpreter {
  readonly #untrusted: boolean
  #steps = 0
  #depth = 0

  constructor(environment: Environment, untrusted: boolean) {
    super(environment)
    this.#untrusted = untrusted
  }

  override evaluate(statement: Statement, environment: Environment): Value {
    this.#charge(1)
    if (++this.#depth > MAX_DEPTH) throw new TemplateError('it is nested too deep')
    const value = super.evaluate(statement, environment)
    this.#depth--
    const made: unknown = value.value
    if (typeof made === 'string') {
      if (made.length > MAX_RENDERED_LENGTH)
        throw new TemplateError(`it makes a text of more than ${MAX_RENDERED_LENGTH} characters`)
      this.#charge(made.length / 256)
    } else if (this.#untrusted) this.#charge(this.#weigh(value, 0) / ITEM)
    else if (Array.isArray(made)) this.#charge(made.length)
    return value
  }

  #charge(steps: number): void {
    this.#steps += steps
    const most = this.#untrusted ? UNTRUSTED_STEPS : MAX_STEPS
    if (this.#steps > most) throw new TemplateError(`it takes more than ${most} steps`)
  }

  /** Characters in a value, with all that it holds as often as it holds it. */
  #weigh(value: Value, before: number): number {
    let weight = before
    const made: unknown = value.value
    if (typeof made === 'string') weight += made.length
    const items = Array.isArray(made) ? made : made instanceof Map ? made.values() : []
    for (const item of items as Iterable<Value>) {
      weight = this.#weigh(item, weight + ITEM)
      if (weight > MAX_RENDERED_LENGTH)
        throw new TemplateError(`it makes a list of more than ${MAX_RENDERED_LENGTH} characters`)
    }
    return weight
  }
}

/** Filters that make at most a little more than they are given. */
const SAFE_FILTERS = new Set(
  'abs bool capitalize default e escape first float int items join keys last length list lower rejectattr reverse selectattr sort string title tojson trim unique upper values'.split(
    ' ',
  ),
)
const SAFE_METHODS = new Set(
  'capitalize endswith get items keys lower lstrip rstrip split startswith strip title upper values'.split(
    ' ',
  ),
)
const SAFE_FUNCTIONS = new Set(['range', 'namespace', 'raise_exception'])
const REFUSED = new Set([
  'Macro',
  'CallStatement',
  'FilterStatement',
  'SpreadExpression',
  'KeywordSpreadExpression',
])
/** Most characters between the items of a list that is joined: a text in the template, not a value. */
const MAX_SEPARATOR = 20

interface Node {
  type: string
  value?: unknown
  [field: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'

/** @throws TemplateError where a template uses what could make much of little */
function refuseUnsafe(node: Node, depth: number): void {
  if (depth > MAX_DEPTH) throw new TemplateError('it is nested too deep')
  if (REFUSED.has(node.type))
    throw new TemplateError(`${node.type} is not allowed in a template of a request`)
  if (node.type === 'FilterExpression') refuseFilter(node.filter as Node)
  if (node.type === 'CallExpression') refuseCall(node.callee as Node)
  for (const [name, field] of Object.entries(node)) {
    if (node.type === 'FilterExpression' && name === 'filter') {
      for (const argument of ((field as Node).args ?? []) as Node[]) refuseUnsafe(argument, depth + 1)
      continue
    }
    const parts = field instanceof Map ? [...field].flat() : [field].flat()
    for (const part of parts) if (isNode(part)) refuseUnsafe(part, depth + 1)
  }
}

function refuseFilter(filter: Node): void {
  const name = String(filter.type === 'CallExpression' ? (filter.callee as Node).value : filter.value)
  if (!SAFE_FILTERS.has(name))
    throw new TemplateError(`the filter ${name} is not allowed in a template of a request`)
  const args = (filter.args ?? []) as Node[]
  if (name === 'tojson' && args.length > 0)
    throw new TemplateError('tojson takes no arguments in a template of a request')
  if (name !== 'join') return
  const fits = (argument: Node) =>
    argument.type === 'StringLiteral' && String(argument.value).length <= MAX_SEPARATOR
  if (!args.every(fits))
    throw new TemplateError(
      `join takes a text of at most ${MAX_SEPARATOR} characters in a template of a request`,
    )
}

function refuseCall(callee: Node): void {
  const method = callee.type === 'MemberExpression'
  const name = method ? String((callee.property as Node).value) : String(callee.value)
  const allowed = method ? !callee.computed && SAFE_METHODS.has(name) : SAFE_FUNCTIONS.has(name)
  if (!allowed) throw new TemplateError(`calling ${name} is not allowed in a template of a request`)
}

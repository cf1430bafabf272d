/** Help, written from functions' definitions. */
import type { EdgewiseFunction } from '../function.ts'
import { type Option, optionsOf, takesMany, takesRecords, takesText } from './options.ts'

const WIDTH = 110
/** What zod writes for an integer without bounds. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER

const COMMON: [string, string][] = [
  ['-f, --file FILE', 'Read inputs from a file: JSON Lines or plain lines'],
  ['    --json', 'JSON also on a terminal'],
  ['    --models DIR', 'Models folder (default: the package’s, or EDGEWISE_MODELS)'],
  [
    '    --url URL',
    'Ask a server instead of computing here, with EDGEWISE_API_KEY as its key where it is set',
  ],
  ['-h, --help', 'This, or the help of a command'],
]

export function usage(functions: readonly EdgewiseFunction[]): string {
  return [
    'Usage: edgewise COMMAND [TEXT…] [options]',
    '',
    ...table([
      ...functions.map(({ name, summary }): [string, string] => [name, summary]),
      ['models', 'List the models there are'],
      ['init', 'Write a Worker of some functions into a new folder'],
    ]),
    '',
    'Without TEXT, input is read from --file or standard input: JSON Lines or plain lines, one answer a line out.',
    '',
    ...table([...COMMON, ['    --version', '']]),
    '',
    'Each command has options of its own: edgewise COMMAND --help.',
  ].join('\n')
}

export const initUsage = (folder: string): string =>
  [
    'Usage: edgewise init [FOLDER] [options]',
    '',
    `Writes a Worker that can be deployed, with the models that its functions need, into FOLDER (${folder}).`,
    '',
    ...table([
      ['    --functions NAME,…', 'Its functions (default: all; may be repeated)'],
      ['    --force', 'Also into a folder that is not empty; files of the same names are written anew'],
      ['    --models DIR', 'Take the models from here (default: the package’s, or EDGEWISE_MODELS)'],
      ['-h, --help', 'This'],
    ]),
    '',
    'Example: edgewise init nlp --functions sentiment,translate',
  ].join('\n')

export function functionUsage(fn: EdgewiseFunction): string {
  const options = optionsOf(fn)
  const primary = options.find(({ field }) => field === fn.primary)
  const argument = primary && takesText(primary) ? ` [${placeholder(primary.flag)}…]` : ''
  const [example] = fn.examples
  const without = primary && (takesText(primary) ? placeholder(primary.flag) : `--${primary.flag}`)
  const lines = primary && takesRecords(primary) ? 'one JSON object a line' : 'one a line'
  return [
    `Usage: edgewise ${fn.name}${argument} [options]`,
    '',
    fn.summary,
    '',
    ...table(options.map((option) => [`    ${written(option)}`, explained(option, fn.primary)])),
    '',
    ...table(COMMON),
    '',
    ...(fn.routes ? [...table(routesOf(fn)), ''] : []),
    ...(without ? [`Without ${without} it is read from --file or standard input, ${lines}.`] : []),
    'A value @FILE is read from that file; @@ begins one with an @.',
    ...(example ? ['', `Example: ${commandLine(fn, example.input, options)}`] : []),
  ].join('\n')
}

const routesOf = ({ name, routes = {} }: EdgewiseFunction): [string, string][] =>
  Object.entries(routes).map(([route, { path, summary }]) => [
    `edgewise ${name} ${route}${path === '' ? '' : ' NAME'}`,
    summary,
  ])

/** The command line that gives an input. */
export function commandLine(
  fn: EdgewiseFunction,
  input: Record<string, unknown>,
  options = optionsOf(fn),
): string {
  const words = options.flatMap((option) => {
    const value = input[option.field]
    if (value === undefined) return []
    if (option.field === fn.primary && takesText(option)) return [value].flat().map(quote)
    if (option.kind === 'boolean') return [`--${value ? '' : 'no-'}${option.flag}`]
    const plain = [value].flat().every((item) => typeof item !== 'object' && !String(item).includes(','))
    const named = (value: unknown) => [`--${option.flag}`, quote(String(value).replace(/^@/, '@@'))]
    if (Array.isArray(value) && plain && option.kind !== 'texts' && option.kind !== 'json')
      return named(value.join())
    if (option.kind === 'texts') return [value].flat().flatMap(named)
    return named(typeof value === 'string' ? value : JSON.stringify(value))
  })
  return ['edgewise', fn.name, ...words].join(' ')
}

/** A word as a shell takes it. */
function quote(value: unknown): string {
  const word = String(value)
  return /^[\w.,/:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

const placeholder = (flag: string): string => flag.replaceAll('-', '_').toUpperCase()

function written(option: Option): string {
  const { flag, kind, schema } = option
  if (kind === 'boolean') return schema.default === true ? `--no-${flag}` : `--${flag}`
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const])
  if (values) return `--${flag} ${values.join('|')}`
  const kinds = { integer: 'INTEGER', number: 'NUMBER', text: 'TEXT', texts: 'TEXT', json: 'JSON' }
  if (kind === 'json' && takesText(option)) return `--${flag} TEXT|JSON`
  if (kind === 'strings') return `--${flag} TEXT,…`
  return kind === 'numbers' ? `--${flag} NUMBER,…` : `--${flag} ${kinds[kind]}`
}

function explained(option: Option, primary: string): string {
  const { field, flag, kind, schema, required } = option
  const { minimum: from = -UNBOUNDED, maximum: to = UNBOUNDED } = schema
  const least = from > -UNBOUNDED ? `at least ${from}` : ''
  const most = to < UNBOUNDED ? `at most ${to}` : ''
  const off = schema.default === true && kind === 'boolean'
  const repeated = takesMany(option) || kind === 'numbers'
  const notes = [
    least && most ? `${from} to ${to}` : least || most,
    field === primary && takesText(option) ? `or as ${placeholder(flag)}` : '',
    repeated ? 'may be repeated' : '',
    required ? 'required' : '',
    schema.default !== undefined && kind !== 'boolean'
      ? `default: ${typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)}`
      : '',
  ].filter((note) => note !== '')
  const description = schema.description ?? ''
  return [off ? `Not: ${description}` : description, notes.length > 0 ? `(${notes.join('; ')})` : '']
    .filter((part) => part !== '')
    .join(' ')
}

/** Two columns; the second is wrapped. */
function table(rows: [string, string][]): string[] {
  const left = Math.max(...rows.map(([term]) => term.length)) + 4
  return rows.flatMap(([term, text]) => {
    const lines = wrap(text, WIDTH - left)
    return lines.map((line, i) => ((i === 0 ? `  ${term}` : '').padEnd(left) + line).trimEnd())
  })
}

function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}

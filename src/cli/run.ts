/** Runs a function: on its arguments, on its options, or on the records of a file or of standard input. */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import type { EdgewiseFunction, FunctionRoute } from '../function.ts'
import { inputError } from '../server/errors.ts'
import { type Answer, answerer, callRoute } from './answerer.ts'
import { drawAnswer } from './draw.ts'
import { type ExitCode, errorBody, exitCode, UsageError } from './errors.ts'
import { functionUsage } from './help.ts'
import {
  fromTexts,
  type Option,
  optionsOf,
  parseArgsOptions,
  readOptions,
  takesMany,
  takesRecords,
  takesText,
} from './options.ts'
import { type InputRecord, readRecords } from './records.ts'

/** What every command takes. */
export const COMMON_OPTIONS = {
  file: { type: 'string', short: 'f' },
  json: { type: 'boolean' },
  models: { type: 'string' },
  url: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

type Input = Record<string, unknown>

/** @throws UsageError, EdgewiseError, RequestError where there is no answer at all */
export async function runFunction(fn: EdgewiseFunction, args: string[]): Promise<ExitCode> {
  const options = optionsOf(fn)
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { ...parseArgsOptions(options), ...COMMON_OPTIONS },
  })
  const { file, json, models, url, help } = values
  if (help) {
    console.log(functionUsage(fn))
    return 0
  }
  const [first, ...rest] = positionals
  if (first !== undefined && fn.routes && Object.hasOwn(fn.routes, first)) {
    const name = routeParameter(fn.routes[first]!, `${fn.name} ${first}`, rest)
    const result = await callRoute(fn, first, { name }, await routeBody(fn, first, values), { url, models })
    console.log(JSON.stringify(result, null, json ? 0 : 2))
    return 0
  }
  const primary = options.find(({ field }) => field === fn.primary)!
  const fields = await readOptions(options, values)
  checkPlaces(fn, primary, positionals, fields, file)
  const alone = isInput(fn, fields)
  const answer = await answerer(fn, { url, models })
  const drawn = process.stdout.isTTY === true && !json
  const single = async (input: Input): Promise<ExitCode> => {
    if (drawn && fn.stream) return await showWritten(answer, input)
    const result = await answer(input)
    console.log(drawn ? drawAnswer(result, textsOf(input[fn.primary])) : JSON.stringify(result))
    return 0
  }

  if (positionals.length === 1 || (positionals.length > 1 && takesMany(primary)))
    return await single({ ...fields, [fn.primary]: fromTexts(primary, positionals) })
  if (positionals.length > 1) {
    const records = positionals.map((text) => ({ input: { [fn.primary]: text } }))
    const draw = ({ input }: InputRecord, result: Input) =>
      `${drawAnswer(result, textsOf(input[fn.primary]), true)}\n`
    const { worst } = await answerRecords(records, answer, fields, drawn ? draw : jsonLine)
    return worst
  }
  if (file === undefined && (alone || fields[fn.primary] !== undefined)) return await single(fields)

  if (file === undefined && process.stdin.isTTY)
    console.error(`Reading ${primary.field} from standard input, one a line; end with Ctrl-D.`)
  let records: Iterable<InputRecord> | AsyncIterable<InputRecord> = readRecords(file, primary)
  if (takesRecords(primary)) {
    const all = await collect(records)
    const items = itemsOf(all, primary)
    if (items) return await single({ ...fields, [fn.primary]: items })
    records = all
  }
  const { done, worst } = await answerRecords(records, answer, fields, jsonLine, (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} done`)
    else if (done % 1000 === 0) console.error(`${done} done`)
  })
  process.stderr.write(process.stderr.isTTY ? `\r${done} done\n` : `${done} done\n`)
  return worst
}

/** Writes a text on the terminal as it comes. */
async function showWritten(answer: Answer, input: Input): Promise<ExitCode> {
  let last = 0
  let empty = true
  const result = await answer(input, ({ index, text }) => {
    process.stdout.write(index === last ? text : `\n\n${text}`)
    last = index
    empty = false
  })
  // A call of a tool has no text.
  console.log(empty ? JSON.stringify(result, null, 2) : '')
  return 0
}

/** The NAME that a route takes. @throws UsageError where it takes none, or another number of them is given */
function routeParameter({ path }: FunctionRoute, command: string, given: string[]): string {
  if (given.length === (path === '' ? 0 : 1)) return given[0] ?? ''
  throw new UsageError(path === '' ? `${command} takes no argument.` : `${command} takes one NAME.`)
}

/** The body of a route that posts, from the options that it has in common with its function. */
async function routeBody(fn: EdgewiseFunction, route: string, values: Input): Promise<Input> {
  const { input } = fn.routes![route]!
  return input ? await readOptions(optionsOf({ input }), values) : {}
}

/** @throws UsageError where the primary field comes from two places, or cannot come from an argument */
function checkPlaces(
  fn: EdgewiseFunction,
  primary: Option,
  positionals: string[],
  fields: Input,
  file: string | undefined,
): void {
  const [text] = positionals
  if (text !== undefined && !takesText(primary))
    throw new UsageError(`${fn.name} takes no argument ${JSON.stringify(text)}; give --${primary.flag}.`)
  const places = [
    ...(text === undefined ? [] : ['as an argument']),
    ...(fields[fn.primary] === undefined ? [] : [`by --${primary.flag}`]),
    ...(file === undefined ? [] : ['by --file']),
  ]
  if (places.length > 1)
    throw new UsageError(`Give ${fn.primary} ${places.slice(0, 2).join(' or ')}, not both.`)
}

/**
 * Whether the options are an input by themselves.
 * @throws EdgewiseError `invalid_input` where one is wrong: it is wrong for each record, and said once
 */
function isInput(fn: EdgewiseFunction, fields: Input): boolean {
  const { success, error } = fn.input.safeParse(fields)
  const wrong = (error?.issues ?? []).filter(({ path: [field] }) => field !== undefined && field in fields)
  if (wrong.length > 0) throw inputError(new z.ZodError(wrong), `See edgewise ${fn.name} --help.`)
  return success
}

const textsOf = (value: unknown): string[] =>
  [value].flat().filter((text): text is string => typeof text === 'string')

const jsonLine = ({ input }: InputRecord, result: Input): string => JSON.stringify({ input, ...result })

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const one of all) list.push(one)
  return list
}

/** Records as the items of the primary field; undefined where they are whole inputs. */
function itemsOf(records: InputRecord[], primary: Option): unknown[] | undefined {
  if (records.some(({ input, error }) => !error && primary.field in input)) return undefined
  return records.map(({ input, error }) => {
    // A list with a hole is another list.
    if (error) throw error
    return input
  })
}

/** One answer a record, in order; a record that fails gets its error as its answer, and the rest go on. */
async function answerRecords(
  records: Iterable<InputRecord> | AsyncIterable<InputRecord>,
  answer: Answer,
  fields: Input,
  write: (record: InputRecord, result: Input) => string,
  progress?: (done: number) => void,
): Promise<{ done: number; worst: ExitCode }> {
  let done = 0
  let worst: ExitCode = 0
  for await (const record of records) {
    try {
      if (record.error) throw record.error
      console.log(write(record, await answer({ ...fields, ...record.input })))
    } catch (error) {
      console.log(write(record, errorBody(error)))
      worst = Math.max(worst, exitCode(error)) as ExitCode
    }
    progress?.(++done)
  }
  return { done, worst }
}

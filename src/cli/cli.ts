/** Commands made from functions' definitions: arguments, a file or standard input in, one JSON line a result out. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createClient, RequestError } from '../client/client.ts'
import { compileKernels } from '../engine/kernels.ts'
import { EdgewiseError } from '../errors.ts'
import type { EdgewiseFunction } from '../function.ts'
import { createRuntime } from '../runtime/native.ts'
import { inputError } from '../server/errors.ts'
import { fileStorage } from '../storage/files.ts'
import { barChart } from './bars.ts'
import { readRecords } from './records.ts'

/** Exit codes: 0 all answered, 1 an input was wrong, 2 the command was, 3 a model, a server or the disk failed. */
type ExitCode = 0 | 1 | 2 | 3

const OPTIONS = {
  file: { type: 'string', short: 'f' },
  json: { type: 'boolean' },
  models: { type: 'string' },
  url: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const

/** Answers one input; made once a run. */
type Answer = (input: Record<string, unknown>) => Promise<Record<string, unknown>>

/** Runs a command line; answers go to standard output, everything else to standard error. */
export async function runCli(args: string[], functions: readonly EdgewiseFunction[]): Promise<ExitCode> {
  const command = args[0]
  const fn = functions.find(({ name }) => name === command)
  try {
    if (command === '--version') {
      console.log(await packageVersion())
      return 0
    }
    if (command === undefined || command === '--help' || command === '-h' || command === 'help') {
      console.log(usage(functions))
      return command === undefined ? 2 : 0
    }
    if (command === 'models') {
      const { values } = parseArgs({ args: args.slice(1), options: OPTIONS })
      for (const model of await (await localRuntime(values.models)).models())
        console.log(`${model.name}\t${model.task}\t${model.size} bytes\t${model.summary}`)
      return 0
    }
    if (!fn) {
      console.error(`edgewise: there is no command "${command}".\n\n${usage(functions)}`)
      return 2
    }
    return await runFunction(fn, args.slice(1))
  } catch (error) {
    return report(error)
  }
}

async function runFunction(fn: EdgewiseFunction, args: string[]): Promise<ExitCode> {
  const fields = Object.keys(fn.input.shape).filter((field) => field !== fn.primary)
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...OPTIONS,
      ...Object.fromEntries(fields.map((field) => [field, { type: 'string' } as const])),
    },
  })
  if (values.help) {
    console.log(functionUsage(fn, fields))
    return 0
  }
  const given = values as Record<string, string | boolean | undefined>
  const shared = Object.fromEntries(
    fields.flatMap((field) => (given[field] === undefined ? [] : [[field, given[field]]])),
  )
  const answer = await answerer(fn, values.url, values.models)

  if (positionals.length > 0) {
    const single = positionals.length === 1
    const result = await answer({ ...shared, [fn.primary]: single ? positionals[0] : positionals })
    console.log(process.stdout.isTTY && !values.json ? barChart(result, positionals) : JSON.stringify(result))
    return 0
  }
  return await runRecords(fn, answer, shared, values.file)
}

/** One answer a record, in order; a record that fails gets its error as its line, and the rest go on. */
async function runRecords(
  fn: EdgewiseFunction,
  answer: Answer,
  shared: Record<string, unknown>,
  file: string | undefined,
): Promise<ExitCode> {
  if (file === undefined && process.stdin.isTTY)
    console.error(`Reading ${fn.primary} from standard input, one a line; end with Ctrl-D.`)
  let done = 0
  let worst: ExitCode = 0
  for await (const record of readRecords(file, fn.primary)) {
    const { input } = record
    try {
      if (record.error) throw record.error
      console.log(JSON.stringify({ input, ...(await answer({ ...shared, ...input })) }))
    } catch (error) {
      const body = errorBody(error)
      console.log(JSON.stringify({ input, ...body }))
      worst = Math.max(worst, exitCode(error)) as ExitCode
    }
    done++
    if (process.stderr.isTTY) process.stderr.write(`\r${done} done`)
    else if (done % 1000 === 0) console.error(`${done} done`)
  }
  process.stderr.write(process.stderr.isTTY ? `\r${done} done\n` : `${done} done\n`)
  return worst
}

async function answerer(
  fn: EdgewiseFunction,
  url: string | undefined,
  models: string | undefined,
): Promise<Answer> {
  if (url !== undefined) {
    const client = createClient<EdgewiseFunction[]>({ baseUrl: url })
    return (input) => client[fn.name]!(input)
  }
  const runtime = await localRuntime(models)
  const { signal } = new AbortController()
  return async (input) => {
    const parsed = fn.input.safeParse(input)
    if (!parsed.success) throw inputError(parsed.error, `See edgewise ${fn.name} --help.`)
    return await fn.run(parsed.data, { runtime, signal })
  }
}

async function localRuntime(models: string | undefined) {
  const here = dirname(fileURLToPath(import.meta.url))
  const directory = models ?? process.env.EDGEWISE_MODELS ?? join(here, '../models')
  if (!existsSync(join(directory, 'catalog.json')))
    throw new EdgewiseError(
      'file_missing',
      `There is no catalog.json in ${directory}.`,
      'Name the models folder by --models or EDGEWISE_MODELS.',
    )
  const bytes = async (name: string) => new Uint8Array(await readFile(join(here, `kernels.${name}.wasm`)))
  const kernels = await compileKernels(bytes)
  return createRuntime({ storage: fileStorage(directory), kernels })
}

function errorBody(error: unknown) {
  if (error instanceof EdgewiseError) return error.toJSON()
  if (error instanceof RequestError)
    return { error: { code: error.code, message: error.message, hint: error.hint } }
  throw error
}

function exitCode(error: unknown): ExitCode {
  const status = error instanceof EdgewiseError || error instanceof RequestError ? error.status : 500
  return status >= 400 && status < 500 ? 1 : 3
}

/** Says what failed in one or two lines; a bug keeps its stack. */
function report(error: unknown): ExitCode {
  if (error instanceof EdgewiseError || error instanceof RequestError) {
    console.error(`edgewise: ${error.message} (${error.code})\n${error.hint}`)
    return exitCode(error)
  }
  const { code } = error as NodeJS.ErrnoException
  if (code?.startsWith('ERR_PARSE_ARGS')) {
    console.error(`edgewise: ${(error as Error).message}`)
    return 2
  }
  throw error
}

async function packageVersion(): Promise<string> {
  const path = join(dirname(fileURLToPath(import.meta.url)), '../package.json')
  return JSON.parse(await readFile(path, 'utf8')).version
}

function usage(functions: readonly EdgewiseFunction[]): string {
  const width = Math.max(...functions.map(({ name }) => name.length), 'models'.length)
  return [
    'Usage: edgewise COMMAND [TEXT…] [options]',
    '',
    ...functions.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    `  ${'models'.padEnd(width)}  List the models there are`,
    '',
    'Without TEXT, input is read from --file or standard input: JSON Lines or plain lines, one answer a line out.',
    '',
    '  -f, --file FILE   read inputs from a file',
    '      --json        JSON also on a terminal',
    '      --models DIR  models folder (default: the package’s, or EDGEWISE_MODELS)',
    '      --url URL     ask a server instead of computing here',
    '  -h, --help        this, or the help of a command',
    '      --version',
  ].join('\n')
}

function functionUsage(fn: EdgewiseFunction, fields: string[]): string {
  return [
    `Usage: edgewise ${fn.name} [${fn.primary.toUpperCase()}…] [options]`,
    '',
    fn.summary,
    '',
    ...fields.map((field) => `  --${field} VALUE  ${fn.input.shape[field]?.description ?? ''}`),
  ].join('\n')
}

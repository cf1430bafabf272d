/** Commands made from functions' definitions: arguments, a file or standard input in, one JSON line a result out. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { EdgewiseFunction } from '../function.ts'
import { packagePath } from '../runtime/local.ts'
import { localRuntime } from './answerer.ts'
import { type ExitCode, report } from './errors.ts'
import { usage } from './help.ts'
import { init } from './init.ts'
import { COMMON_OPTIONS, runFunction } from './run.ts'

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
      const { values } = parseArgs({ args: args.slice(1), options: COMMON_OPTIONS })
      for (const model of await (await localRuntime(values.models)).models())
        console.log(`${model.name}\t${model.task}\t${model.size} bytes\t${model.summary}`)
      return 0
    }
    if (command === 'init') return await init(args.slice(1), functions)
    if (!fn) {
      console.error(`edgewise: there is no command "${command}".\n\n${usage(functions)}`)
      return 2
    }
    return await runFunction(fn, args.slice(1))
  } catch (error) {
    return report(error)
  }
}

async function packageVersion(): Promise<string> {
  return JSON.parse(await readFile(packagePath('package.json'), 'utf8')).version
}

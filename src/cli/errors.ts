/** What ends a command: exit codes, and errors as lines. */
import { RequestError } from '../client/client.ts'
import { EdgewiseError } from '../errors.ts'

/** 0 all answered, 1 an input was wrong, 2 the command was, 3 a model, a server or the disk failed. */
export type ExitCode = 0 | 1 | 2 | 3

/** A command line that cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The error as the service would answer it; a bug is thrown on. */
export function errorBody(error: unknown) {
  if (error instanceof EdgewiseError) return error.toJSON()
  if (error instanceof RequestError)
    return { error: { code: error.code, message: error.message, hint: error.hint } }
  throw error
}

export function exitCode(error: unknown): ExitCode {
  const status = error instanceof EdgewiseError || error instanceof RequestError ? error.status : 500
  // A key that is missing is the command's fault, a server that is busy its own: neither is the input's.
  if (status === 401) return 2
  return status >= 400 && status < 500 && status !== 429 ? 1 : 3
}

/** Says what failed in one or two lines; a bug keeps its stack. */
export function report(error: unknown): ExitCode {
  if (error instanceof EdgewiseError || error instanceof RequestError) {
    console.error(`edgewise: ${error.message} (${error.code})\n${error.hint}`)
    return exitCode(error)
  }
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS')) {
    console.error(`edgewise: ${(error as Error).message}`)
    return 2
  }
  throw error
}

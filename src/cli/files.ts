/** Files that a command line names. */
import { readFile } from 'node:fs/promises'
import { EdgewiseError } from '../errors.ts'

/** The error of a file that could not be read; without a name, of standard input. */
export function readFailure(file: string | undefined, cause: unknown): EdgewiseError {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
  return new EdgewiseError(
    missing ? 'file_missing' : 'storage_failed',
    `${file ?? 'Standard input'} could not be read.`,
    'Check its name and permissions.',
    { cause },
  )
}

/**
 * A file's text, without a byte order mark.
 * @throws EdgewiseError `file_missing`, `storage_failed`, `invalid_utf8`
 */
export async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw readFailure(file, cause)
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new EdgewiseError('invalid_utf8', `${file} is not UTF-8.`, 'Save it as UTF-8.', { cause })
  }
}

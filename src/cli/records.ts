/** Inputs from a file or standard input: JSON Lines, JSON strings or plain lines, mixed as they come. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { EdgewiseError } from '../errors.ts'
import { readFailure } from './files.ts'
import { fromTexts, type Option, takesText } from './options.ts'

export interface InputRecord {
  input: Record<string, unknown>
  /** Why the line could not be read. */
  error?: EdgewiseError
}

/**
 * Records of a file, or of standard input without one. Empty lines are skipped; a line that starts like a JSON object
 * or string must be one.
 * @throws EdgewiseError `file_missing`, `storage_failed`
 */
export async function* readRecords(file: string | undefined, primary: Option): AsyncGenerator<InputRecord> {
  const source = file === undefined ? process.stdin : createReadStream(file)
  try {
    for await (const line of createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY }))
      if (line.trim() !== '') yield parseRecord(line.replace(/^\uFEFF/, ''), primary)
  } catch (cause) {
    throw readFailure(file, cause)
  }
}

/** A line's input: a JSON object as it is, a JSON string or plain text as the primary field. */
export function parseRecord(line: string, primary: Option): InputRecord {
  const start = line.trimStart()[0]
  const plain = takesText(primary)
  // Text in quotation marks is only JSON if it is a whole JSON string; prose may begin with a quotation too.
  if (plain && start !== '{' && !/^\s*".*"\s*$/.test(line)) return { input: inputOf(primary, line) }
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return { input: value as Record<string, unknown> }
    return { input: inputOf(primary, value) }
  } catch (cause) {
    if (plain && start !== '{') return { input: inputOf(primary, line) }
    const error = new EdgewiseError(
      'invalid_json',
      plain ? 'The line starts like a JSON object but is not valid JSON.' : 'The line is not valid JSON.',
      `Write one JSON object${plain ? ', JSON string or plain text' : ''} a line.`,
      { cause },
    )
    return { input: { [primary.field]: line }, error }
  }
}

const inputOf = (primary: Option, value: unknown): Record<string, unknown> => ({
  [primary.field]: typeof value === 'string' && takesText(primary) ? fromTexts(primary, [value]) : value,
})

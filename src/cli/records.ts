/** Inputs from a file or standard input: JSON Lines, JSON strings or plain lines, mixed as they come. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { EdgewiseError } from '../errors.ts'

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
export async function* readRecords(file: string | undefined, primary: string): AsyncGenerator<InputRecord> {
  const source = file === undefined ? process.stdin : createReadStream(file)
  try {
    for await (const line of createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY }))
      if (line.trim() !== '') yield parseRecord(line.replace(/^\uFEFF/, ''), primary)
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new EdgewiseError(
      missing ? 'file_missing' : 'storage_failed',
      `${file ?? 'Standard input'} could not be read.`,
      'Check its name and permissions.',
      { cause },
    )
  }
}

/** A line's input: a JSON object as it is, a JSON string or plain text as the primary field. */
export function parseRecord(line: string, primary: string): InputRecord {
  const start = line.trimStart()[0]
  // Text in quotation marks is only JSON if it is a whole JSON string; prose may begin with a quotation too.
  if (start !== '{' && !/^\s*".*"\s*$/.test(line)) return { input: { [primary]: line } }
  try {
    const value: unknown = JSON.parse(line)
    return { input: typeof value === 'string' ? { [primary]: value } : (value as Record<string, unknown>) }
  } catch (cause) {
    if (start !== '{') return { input: { [primary]: line } }
    const error = new EdgewiseError(
      'invalid_json',
      'The line starts like a JSON object but is not valid JSON.',
      'Write one JSON object, JSON string or plain text a line.',
      { cause },
    )
    return { input: { [primary]: line }, error }
  }
}

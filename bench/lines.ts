/** Data that lies beside its evaluation, as JSON Lines. */
import { readFile } from 'node:fs/promises'

/** @param path from the project's root */
export async function readLines<Row>(path: string): Promise<Row[]> {
  const text = await readFile(path, 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
}

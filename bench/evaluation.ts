/** What a function's folder tells of how it is evaluated; `npm run eval` runs it on the shipped int8 model. */
import type { Runtime } from '../src/runtime/runtime.ts'

export interface Evaluation<Row = unknown> {
  name: string
  /** Files of the data folder, e.g. 'sentiment.test' for sentiment.test.jsonl.xz. */
  data: string[]
  /** What the columns mean, in a sentence. */
  about: string
  /** Yields how many rows are done; returns the table. */
  run(rows: Row[], runtime: Runtime): AsyncGenerator<number, Record<string, string | number>[]>
}

/** A Markdown table; numbers that are not whole get two decimals. */
export function table(rows: Record<string, string | number>[]): string {
  const columns = Object.keys(rows[0] ?? {})
  const cell = (value: string | number | undefined) =>
    typeof value !== 'number'
      ? (value ?? '')
      : Number.isInteger(value)
        ? value.toLocaleString('en')
        : value.toFixed(2)
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [
    line(columns),
    line(columns.map((column) => (typeof rows[0]![column] === 'number' ? '---:' : '---'))),
    ...rows.map((row) => line(columns.map((column) => cell(row[column])))),
  ].join('\n')
}

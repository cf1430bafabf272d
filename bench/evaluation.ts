/** What a function's folder tells of how it is evaluated; `npm run eval` runs it on the shipped int8 models. */
import type { Runtime } from '../src/runtime/runtime.ts'

export type TableRow = Record<string, string | number>

/** One figure for the table of all: what was measured, and the project's bar for it where there is one. */
export interface Headline {
  measure: string
  value: number
  /** `value` should be at least this, or at most with `lower`. */
  bar?: number
  lower?: boolean
}

export interface Evaluation<Row = unknown> {
  name: string
  /** The model it is about: its revision is printed and the table goes into its card. */
  model: string
  /** Files of the data folder, e.g. 'sentiment.test' for sentiment.test.jsonl.xz; none where the data lies in the folder. */
  data: string[]
  /** What the columns mean, in a sentence. */
  about: string
  /** Yields how many rows are done; returns the table. `files`: the rows by the name of their file. */
  run(rows: Row[], runtime: Runtime, files: Record<string, Row[]>): AsyncGenerator<number, TableRow[]>
  /** The figures of a table that stand for it. */
  headlines(table: TableRow[]): Headline[]
}

/** A Markdown table; numbers that are not whole get two decimals. */
export function table(rows: TableRow[]): string {
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

/** A column's number in the row whose first column has a name. */
export function figure(rows: TableRow[], name: string, column: string): number {
  const row = rows.find((row) => Object.values(row)[0] === name)
  return Number(row?.[column] ?? Number.NaN)
}

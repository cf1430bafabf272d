/** What a section of the benchmark gives. */
import { readFile, writeFile } from 'node:fs/promises'

/** A goal with what was measured. */
export interface Bar {
  what: string
  measured: string
  bar: string
  verdict: string
}

export interface Section {
  /** Lines of Markdown. */
  report: string[]
  bars: Bar[]
  /** SVG by file name in docs/. */
  plots?: Record<string, string>
  /** Markdown tables that stand in other pages of docs/. */
  tables?: { page: string; name: string; text: string }[]
}

/** Puts a text between the markers that a page has for it: <!-- NAME --> and <!-- /NAME -->. */
export async function replaceBetween(path: string, name: string, text: string): Promise<void> {
  const page = await readFile(path, 'utf8')
  const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  if (!page.includes(start) || !page.includes(end)) throw new Error(`${path} has no ${start} … ${end}`)
  const before = page.slice(0, page.indexOf(start) + start.length)
  await writeFile(path, `${before}\n${text}\n${page.slice(page.indexOf(end))}`)
}

export const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!

/** Whether a value meets a bar that it must reach, or must not exceed. */
export const verdict = (value: number, bar: number, atLeast: boolean): string =>
  (atLeast ? value >= bar : value <= bar) ? 'met' : 'missed'

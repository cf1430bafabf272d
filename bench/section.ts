/** What a section of the benchmark gives. */

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
}

export const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!

/** Whether a value meets a bar that it must reach, or must not exceed. */
export const verdict = (value: number, bar: number, atLeast: boolean): string =>
  (atLeast ? value >= bar : value <= bar) ? 'met' : 'missed'

/** How good summaries are: ROUGE by source, of the model's, of extracted sentences, and of the text's first sentence. */
import { type Evaluation, figure } from '../../bench/evaluation.ts'
import { splitSentences } from '../../src/text/sentences.ts'
import { summarize } from './function.ts'
import { rougeL, rougeN } from './rouge.ts'

interface Row {
  text: string
  summary: string
  source: string
}

/** The style that a source's summaries have. */
const styleOf = (source: string) => (source === 'aeslc' ? 'headline' : 'abstract')
/** Texts of a source. */
const MOST = 200

export const evaluation: Evaluation<Row> = {
  name: 'summarize',
  model: 'text2text',
  data: ['summarize.dev'],
  about:
    'ROUGE F1 without stemming, in percent, of the first 200 texts of a source. "summary": headline for aeslc, else abstract; "written": in how many of them all is of the model, no sentence of the text in place of it, in percent; "bullets": as many words as the reference has; "lead": the first sentence.',
  async *run(rows, runtime) {
    const { signal } = new AbortController()
    const ask = async (input: object) =>
      (await summarize.run(summarize.input.parse(input), { runtime, signal })).results[0]!
    const table = []
    let done = 0
    for (const [source, all] of Map.groupBy(rows, ({ source }) => source)) {
      const methods: Record<
        string,
        (row: Row) => Promise<{ summary: string; method?: string; fallback?: true | undefined }>
      > = {
        summary: ({ text }) => ask({ text, style: styleOf(source) }),
        bullets: ({ text, summary }) =>
          ask({ text, style: 'bullets', words: Math.min(2_000, summary.split(/\s+/).length) }),
        lead: async ({ text }) => ({ summary: splitSentences(text)[0]!.text }),
      }
      const own = all
        .filter(({ text }) => text.trim() !== '' && splitSentences(text).length <= 400)
        .slice(0, MOST)
      const sums = Object.fromEntries(Object.keys(methods).map((method) => [method, [0, 0, 0, 0]]))
      for (const row of own) {
        for (const [method, write] of Object.entries(methods)) {
          const { summary, method: how = 'extractive', fallback } = await write(row)
          const sum = sums[method]!
          sum[0]! += rougeN(summary, row.summary, 1)
          sum[1]! += rougeN(summary, row.summary, 2)
          sum[2]! += rougeL(summary, row.summary)
          if (how !== 'extractive' && !fallback) sum[3]!++
        }
        yield ++done
      }
      for (const [method, sum] of Object.entries(sums)) {
        const [rouge1, rouge2, rougeL, written] = sum.map((value) => (100 * value) / own.length) as [
          number,
          number,
          number,
          number,
        ]
        table.push({ summary: `${source}, ${method}`, texts: own.length, rouge1, rouge2, rougeL, written })
      }
    }
    return table
  },
  headlines: (table) =>
    ['aeslc', 'scitldr', 'bbc', 'win32'].map((source) => ({
      measure: `ROUGE-L ${source}`,
      value: figure(table, `${source}, summary`, 'rougeL'),
      bar: Number(figure(table, `${source}, lead`, 'rougeL').toFixed(2)),
    })),
}

/** How well embeddings find: the context that answers a question, among 1,000. */
import { type Evaluation, figure, type TableRow } from '../../bench/evaluation.ts'
import { bm25 } from '../../src/retrieval/bm25.ts'
import { fuse } from '../../src/retrieval/fusion.ts'
import { similarity } from '../../src/similarity.ts'
import { embed } from './function.ts'

interface Row {
  question: string
  context: string
}

const CONTEXTS = 1000
const BATCH = 32
const FORMS = {
  '256 dimensions': { dimensions: 256 },
  '128 dimensions': { dimensions: 128 },
  '64 dimensions': { dimensions: 64 },
  '256 dimensions, int8': { dimensions: 256, encoding: 'int8' },
  '256 dimensions, binary': { dimensions: 256, encoding: 'binary' },
} as const

export const evaluation: Evaluation<Row> = {
  name: 'embed',
  model: 'embed',
  data: ['qa.dev', 'qa.train'],
  about: `Of the questions of qa.dev: how often the context that answers is the first or among the first ten of ${CONTEXTS} (those of qa.dev, filled up from qa.train), in percent, and the mean of 1 / its rank.`,
  async *run(_, runtime, files) {
    const dev = files['qa.dev']!
    const contexts = [...new Set([...dev, ...files['qa.train']!].map(({ context }) => context))].slice(
      0,
      CONTEXTS,
    )
    const questions = [...new Map(dev.map((row) => [row.question, row])).values()]
    const gold = questions.map(({ context }) => contexts.indexOf(context))
    const { signal } = new AbortController()
    const table: TableRow[] = []
    const vectorsOf = async (texts: string[], form: object) => {
      const vectors = []
      for (let start = 0; start < texts.length; start += BATCH) {
        const input = embed.input.parse({ text: texts.slice(start, start + BATCH), ...form })
        vectors.push(
          ...(await embed.run(input, { runtime, signal })).results.map(({ embedding }) => embedding),
        )
      }
      return vectors
    }
    let cosines: number[][] = []
    for (const [name, form] of Object.entries(FORMS)) {
      const asked = await vectorsOf(
        questions.map(({ question }) => question),
        form,
      )
      const given = await vectorsOf(contexts, form)
      const scores = asked.map((question) => given.map((context) => similarity(question, context)))
      if (table.length === 0) cosines = scores
      table.push({ ranking: name, ...recall(scores, gold) })
      yield (dev.length * table.length) / (Object.keys(FORMS).length + 1)
    }
    const index = bm25(contexts)
    const words = questions.map(({ question }) => index.rank(question))
    table.push({ ranking: 'BM25', ...recall(words, gold) })
    const fused = words.map((scores, i) => fuse([scores, cosines[i]!]))
    table.push({ ranking: 'BM25 and embeddings', ...recall(fused, gold) })
    return table
  },
  headlines: (table) => [
    { measure: 'recall@10 of 1,000', value: figure(table, '256 dimensions', 'recall@10'), bar: 60 },
    { measure: 'recall@10 with BM25', value: figure(table, 'BM25 and embeddings', 'recall@10') },
  ],
}

function recall(scores: number[][], gold: number[]) {
  // Ties count against the right one.
  const ranks = scores.map(
    (own, i) => own.filter((score, c) => c !== gold[i] && score >= own[gold[i]!]!).length + 1,
  )
  const within = (n: number) => (100 * ranks.filter((rank) => rank <= n).length) / ranks.length
  return {
    questions: ranks.length,
    'recall@1': within(1),
    'recall@10': within(10),
    meanReciprocalRank: ranks.reduce((sum, rank) => sum + 1 / rank, 0) / ranks.length,
  }
}

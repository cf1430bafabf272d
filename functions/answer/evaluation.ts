/** How good answers are: SQuAD's measures on questions whose contexts no training saw, by question word. */
import { type Evaluation, figure, type TableRow } from '../../bench/evaluation.ts'
import { bm25 } from '../../src/retrieval/bm25.ts'
import { best } from '../../src/retrieval/fusion.ts'
import { splitSentences } from '../../src/text/sentences.ts'
import { answer } from './function.ts'
import { exactMatch, f1 } from './squad.ts'

interface Row {
  question: string
  context: string
  answers: { text: string; start: number }[]
}

interface Outcome {
  word: string
  f1: number
  exact: number
  sentence: number
}

const WORDS = ['how many', 'how much', 'how', 'what', 'who', 'when', 'where', 'which', 'why']
const DOCUMENTS = 20
/** Among documents every so many questions, as each reads many passages. */
const EVERY = 4

const mean = (values: number[]) => (100 * values.reduce((a, b) => a + b, 0)) / values.length
const most = (values: number[]) => Math.max(...values)

export const evaluation: Evaluation<Row> = {
  name: 'answer',
  model: 'answer',
  data: ['qa.dev'],
  about:
    'SQuAD\'s F1 and exact match of the likeliest span, and how often it lies in a sentence that holds an answer, in percent. "answerable": each question asked of its context and of the context nearest to it by BM25 that is not its own; how often `answerable` was right. "among 20 documents": its context and the 19 nearest, every fourth question; `sentence` is then how often the document was right.',
  async *run(rows, runtime) {
    const { signal } = new AbortController()
    const ask = (input: object) => answer.run(answer.input.parse(input), { runtime, signal })
    const likeliest = ({ answer, start, alternatives }: Awaited<ReturnType<typeof ask>>) =>
      answer === null ? alternatives[0] : { answer, start: start! }
    const contexts = [...new Set(rows.map(({ context }) => context))]
    const index = bm25(contexts)
    const outcomes: Outcome[] = []
    const among: { f1: number; exact: number; document: number }[] = []
    const answerable = { own: [] as number[], other: [] as number[] }
    for (const [i, { question, context, answers }] of rows.entries()) {
      const near = best(index.rank(question), DOCUMENTS + 1).filter((c) => contexts[c] !== context)
      const own = await ask({ question, context })
      const found = likeliest(own)
      const sentence = splitSentences(context).find(
        ({ start, end }) => found && start <= found.start && found.start < end,
      )
      const texts = answers.map(({ text }) => text)
      outcomes.push({
        word: WORDS.find((word) => new RegExp(`\\b${word}\\b`, 'i').test(question)) ?? 'other',
        f1: most(texts.map((text) => f1(found?.answer ?? '', text))),
        exact: most(texts.map((text) => exactMatch(found?.answer ?? '', text))),
        sentence: Number(
          answers.some(({ start }) => sentence && sentence.start <= start && start < sentence.end),
        ),
      })
      answerable.own.push(Number(own.answerable))
      const other = await ask({ question, context: contexts[near[0]!]! })
      answerable.other.push(Number(!other.answerable))
      if (i % EVERY === 0) {
        // The right one is put where its rank by BM25 does not show.
        const documents = near.slice(0, DOCUMENTS - 1).map((c) => contexts[c]!)
        const at = i % DOCUMENTS
        documents.splice(at, 0, context)
        const result = await ask({ question, documents })
        const span = likeliest(result)
        const document = result.answer === null ? result.alternatives[0]?.document : result.document
        among.push({
          f1: most(texts.map((text) => f1(span?.answer ?? '', text))),
          exact: most(texts.map((text) => exactMatch(span?.answer ?? '', text))),
          document: Number(document?.index === Math.min(at, documents.length - 1)),
        })
      }
      yield i + 1
    }
    const row = (questions: string, own: Outcome[]): TableRow => ({
      questions,
      number: own.length,
      f1: mean(own.map((outcome) => outcome.f1)),
      exact: mean(own.map(({ exact }) => exact)),
      sentence: mean(own.map(({ sentence }) => sentence)),
      answerable: '',
    })
    const words = [...WORDS, 'other'].flatMap((word) => {
      const own = outcomes.filter((outcome) => outcome.word === word)
      return own.length > 0 ? [row(word, own)] : []
    })
    const right = mean([...answerable.own, ...answerable.other])
    return [
      { ...row('all', outcomes), answerable: right.toFixed(2) },
      ...words,
      {
        questions: `among ${DOCUMENTS} documents`,
        number: among.length,
        f1: mean(among.map((outcome) => outcome.f1)),
        exact: mean(among.map(({ exact }) => exact)),
        sentence: mean(among.map(({ document }) => document)),
        answerable: '',
      },
    ]
  },
  headlines: (table) => [
    { measure: 'F1', value: figure(table, 'all', 'f1'), bar: 35 },
    { measure: 'exact match', value: figure(table, 'all', 'exact') },
    { measure: 'right sentence, %', value: figure(table, 'all', 'sentence'), bar: 75 },
    { measure: 'answerable right, %', value: figure(table, 'all', 'answerable') },
    { measure: 'F1 among 20 documents', value: figure(table, `among ${DOCUMENTS} documents`, 'f1') },
    { measure: 'right document of 20, %', value: figure(table, `among ${DOCUMENTS} documents`, 'sentence') },
  ],
}

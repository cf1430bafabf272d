/**
 * How good classification is on a task that no training saw: which service a person's first words are about
 * (Schema-Guided Dialogue, Rastogi et al. 2020, https://arxiv.org/abs/1909.05855).
 */
import { type Evaluation, figure, type TableRow } from '../../bench/evaluation.ts'
import { applyHead, fitHead } from '../../src/classifier/head.ts'
import { embedExamples, type LabelledText, labelsOf } from '../../src/classifier/train.ts'
import { crossValidate } from '../../src/classifier/validation.ts'
import { createRandom } from '../../src/decoding/random.ts'
import { classify } from './function.ts'

interface Row {
  services: string[]
  turns: { role: string; content: string }[]
}

/** Examples of each label, and how often they are drawn anew. */
const SHOTS = 8
const DRAWS = 5
const TRAINED_ON = 1000
const LEAST = 20

export const evaluation: Evaluation<Row> = {
  name: 'classify',
  model: 'embed',
  data: ['dialogue.dev', 'dialogue.train'],
  about: `Which kind of service the first words of a dialogue of dialogue.dev ask for, accuracy in percent. Few-shot: ${SHOTS} examples a label, mean of ${DRAWS} draws (± their standard deviation), tested on the rest. Trained: ${TRAINED_ON} examples of dialogue.train. No model here was trained on these labels. Seconds are those of this run.`,
  async *run(_, runtime, files) {
    const test = firstWords(files['dialogue.dev']!)
    const labels = labelsOf(test)
    const random = createRandom(7)
    const train = shuffled(firstWords(files['dialogue.train']!), random)
      .filter(({ label }) => labels.includes(label))
      .slice(0, TRAINED_ON)
    const { signal } = new AbortController()
    const context = { runtime, signal }
    const encoder = await runtime.encoder('embed', signal, 'hidden-states')
    const embedded = await embedExamples(encoder, test, labels, signal)
    const total = files['dialogue.dev']!.length + files['dialogue.train']!.length
    yield total / 2

    const counts = labels.map((_, label) => embedded.gold.filter((gold) => gold === label).length)
    const table: TableRow[] = [
      {
        method: 'majority',
        labels: labels.length,
        texts: test.length,
        accuracy: (100 * Math.max(...counts)) / test.length,
        note: '',
      },
    ]
    const draws = Array.from({ length: DRAWS }, () => {
      const chosen = new Set<number>()
      labels.forEach((_, label) => {
        const own = shuffled(
          embedded.gold.map((_, i) => i).filter((i) => embedded.gold[i] === label),
          random,
        )
        for (const i of own.slice(0, SHOTS)) chosen.add(i)
      })
      const shots = [...chosen]
      const head = fitHead(labels, {
        features: shots.map((i) => embedded.features[i]!),
        gold: shots.map((i) => embedded.gold[i]!),
      })
      const rest = embedded.gold.map((_, i) => i).filter((i) => !chosen.has(i))
      const right = rest.filter((i) => likeliest(applyHead(head, embedded.features[i]!)) === embedded.gold[i])
      return (100 * right.length) / rest.length
    })
    const mean = draws.reduce((a, b) => a + b) / DRAWS
    const deviation = Math.sqrt(draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (DRAWS - 1))
    table.push({
      method: 'few-shot',
      labels: labels.length,
      texts: test.length - SHOTS * labels.length,
      accuracy: mean,
      note: `± ${deviation.toFixed(2)}`,
    })

    for (const hypothesis of ['classify-topic', 'classify-plain']) {
      let right = 0
      for (let start = 0; start < test.length; start += 32) {
        const batch = test.slice(start, start + 32)
        const input = classify.input.parse({ text: batch.map(({ text }) => text), labels, hypothesis })
        const { results } = await classify.run(input, context)
        right += results.filter(({ label }, i) => label === batch[i]!.label).length
      }
      table.push({
        method: `zero-shot, ${hypothesis}`,
        labels: labels.length,
        texts: test.length,
        accuracy: (100 * right) / test.length,
        note: '',
      })
    }

    // Of some services dialogue.train has no dialogues.
    const known = labelsOf(train)
    const start = performance.now()
    const examples = await embedExamples(encoder, train, known, signal)
    const afterEmbedding = performance.now()
    const head = fitHead(known, examples)
    const afterHead = performance.now()
    const { accuracy } = crossValidate(known, examples)
    const rest = test.map((_, i) => i).filter((i) => known.includes(test[i]!.label))
    const right = rest.filter(
      (i) => known[likeliest(applyHead(head, embedded.features[i]!))] === test[i]!.label,
    )
    const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(2)
    table.push({
      method: 'trained',
      labels: known.length,
      texts: rest.length,
      accuracy: (100 * right.length) / rest.length,
      note: `cross-validated ${(100 * accuracy).toFixed(2)}; ${train.length} texts: head ${seconds(afterEmbedding, afterHead)} s, embeddings ${seconds(start, afterEmbedding)} s`,
    })
    yield total
    return table
  },
  headlines: (table) => {
    const majority = figure(table, 'majority', 'accuracy')
    return [
      {
        measure: 'few-shot accuracy',
        value: figure(table, 'few-shot', 'accuracy'),
        bar: Math.round(majority + 15),
      },
      { measure: 'zero-shot accuracy', value: figure(table, 'zero-shot, classify-topic', 'accuracy') },
      { measure: 'trained accuracy', value: figure(table, 'trained', 'accuracy') },
    ]
  },
}

const likeliest = (probabilities: number[]): number => probabilities.indexOf(Math.max(...probabilities))

/** Of dialogues with one service: what the person says first, labelled with its kind, e.g. Restaurants of Restaurants_1. */
function firstWords(rows: Row[]): LabelledText[] {
  const texts = rows.flatMap(({ services, turns }) => {
    const first = turns.find(({ role }) => role === 'user')
    return services.length === 1 && first
      ? [{ text: first.content, label: services[0]!.replace(/_\d+$/, '') }]
      : []
  })
  const count = (label: string) => texts.filter((text) => text.label === label).length
  const frequent = new Set(
    [...new Set(texts.map(({ label }) => label))].filter((label) => count(label) >= LEAST),
  )
  return texts.filter(({ label }) => frequent.has(label))
}

function shuffled<T>(items: T[], random: () => number): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(Math.floor(random() * rest.length), 1)[0]!)
}

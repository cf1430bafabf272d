/**
 * `npm run eval [EVALUATION…]`: measures the shipped models through the engine. Options: --data DIR (default
 * ../shared/data; needs xz), --limit N rows of each file,
 * --precision (default int8, which they are stored in), --write to put the tables into the models' cards. The last table
 * has one line a figure.
 */
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { evaluation as answer } from '../functions/answer/evaluation.ts'
import { tools, unfamiliar } from '../functions/chat/evaluation.ts'
import { evaluation as classify } from '../functions/classify/evaluation.ts'
import { evaluation as embed } from '../functions/embed/evaluation.ts'
import { evaluation as fillMask } from '../functions/fill-mask/evaluation.ts'
import { evaluation as generate } from '../functions/generate/evaluation.ts'
import { evaluation as score } from '../functions/score/evaluation.ts'
import { aspects, checklist, emotion, sentiment, xlnet } from '../functions/sentiment/evaluation.ts'
import { evaluation as summarize } from '../functions/summarize/evaluation.ts'
import { evaluation as translate } from '../functions/translate/evaluation.ts'
import type { Precision } from '../src/engine/weights.ts'
import { type Evaluation, type TableRow, table } from './evaluation.ts'
import { openRuntime } from './models.ts'
import { replaceBetween } from './section.ts'

const evaluations = [
  ...[sentiment, checklist, aspects, emotion, xlnet],
  ...[answer, embed, classify, tools, fillMask, score],
  ...[translate, summarize, generate, unfamiliar],
] as unknown as Evaluation[]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string', default: '../shared/data' },
    limit: { type: 'string', default: 'Infinity' },
    precision: { type: 'string', default: 'int8' },
    write: { type: 'boolean', default: false },
  },
})

async function readRows(name: string): Promise<unknown[]> {
  const path = `${values.data}/${name}.jsonl.xz`
  const { stdout } = await promisify(execFile)('xz', ['-dc', path], { maxBuffer: 2 ** 30 })
  return stdout
    .trimEnd()
    .split('\n')
    .slice(0, Number(values.limit))
    .map((line) => JSON.parse(line))
}

/** A bar on a terminal, a line each tenth elsewhere. */
function progressBar(name: string, total: number): (done: number) => void {
  const start = performance.now()
  let shown = 0
  return (done) => {
    // What lies beside its evaluation has no file whose rows could be counted.
    if (total === 0) return
    const tenths = Math.floor((10 * done) / total)
    if (!process.stderr.isTTY && tenths === shown) return
    shown = tenths
    const rate = done / ((performance.now() - start) / 1000)
    const filled = Math.round((30 * done) / total)
    const bar = '█'.repeat(filled) + '·'.repeat(30 - filled)
    const line = `${name} ${bar} ${done}/${total}  ${rate.toFixed(0)}/s  ${Math.ceil((total - done) / rate)} s left`
    if (process.stderr.isTTY) process.stderr.write(`\r${line.padEnd(90)}${done === total ? '\n' : ''}`)
    else process.stderr.write(`${line}\n`)
  }
}

const chosen = evaluations.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const unknown = positionals.filter((name) => !evaluations.some((evaluation) => evaluation.name === name))
if (unknown.length > 0) {
  console.error(
    `No evaluation of ${unknown.join(', ')}; there is ${evaluations.map(({ name }) => name).join(', ')}.`,
  )
  process.exit(2)
}
const summary: TableRow[] = []
for (const { name, model, data, about, run, headlines } of chosen) {
  const runtime = await openRuntime(values.precision as Precision)
  const files: Record<string, unknown[]> = {}
  for (const file of data) files[file] = await readRows(file)
  const rows = Object.values(files).flat()
  const showProgress = progressBar(name, rows.length)
  const steps = run(rows, runtime, files)
  let step = await steps.next()
  while (!step.done) {
    showProgress(step.value)
    step = await steps.next()
  }
  const { revision } = (await runtime.models()).find((info) => info.name === model)!
  const text = `${about} Model ${model} ${revision}, ${values.precision}, kernels ${runtime.kernels}.\n\n${table(step.value)}`
  console.log(`## ${name}\n\n${text}\n`)
  for (const { measure, value, bar, lower } of headlines(step.value))
    summary.push({
      evaluation: name,
      model: `${model} ${revision}`,
      measure,
      value: value.toFixed(2),
      bar:
        bar === undefined
          ? ''
          : `${lower ? '≤' : '≥'} ${bar}${(lower ? value <= bar : value >= bar) ? '' : ', missed'}`,
    })
  if (values.write) await replaceBetween(`models/${model}/README.md`, `eval ${name}`, `${text}\n`)
}
console.log(`## All\n\n${table(summary)}`)

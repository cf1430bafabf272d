/**
 * `npm run eval [FUNCTION…]`: measures the shipped models through the engine. Options: --data DIR (default
 * ../shared/data; needs xz), --limit N rows of each file,
 * --precision (default int8, which they are stored in), --write to put the table into the model's card.
 */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs, promisify } from 'node:util'
import { evaluation as sentiment } from '../functions/sentiment/evaluation.ts'
import type { Precision } from '../src/engine/weights.ts'
import { type Evaluation, table } from './evaluation.ts'
import { openRuntime } from './models.ts'

const evaluations = [sentiment] as unknown as Evaluation[]

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

/** Puts the table between the card's markers. */
async function writeCard(name: string, text: string): Promise<void> {
  const path = `models/${name}/README.md`
  const card = await readFile(path, 'utf8')
  const [start, end] = ['<!-- eval -->', '<!-- /eval -->']
  if (!card.includes(start) || !card.includes(end)) throw new Error(`${path} has no ${start} … ${end}`)
  const before = card.slice(0, card.indexOf(start) + start.length)
  await writeFile(path, `${before}\n${text}\n${card.slice(card.indexOf(end))}`)
}

const chosen = evaluations.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
const unknown = positionals.filter((name) => !evaluations.some((evaluation) => evaluation.name === name))
if (unknown.length > 0) {
  console.error(
    `No evaluation of ${unknown.join(', ')}; there is ${evaluations.map(({ name }) => name).join(', ')}.`,
  )
  process.exit(2)
}
for (const { name, data, about, run } of chosen) {
  const runtime = await openRuntime(values.precision as Precision)
  const rows: unknown[] = []
  for (const file of data) rows.push(...(await readRows(file)))
  const showProgress = progressBar(name, rows.length)
  const steps = run(rows, runtime)
  let step = await steps.next()
  while (!step.done) {
    showProgress(step.value)
    step = await steps.next()
  }
  const { revision } = (await runtime.models()).find((model) => model.name === name)!
  const text = `${about} Model ${name} ${revision}, ${values.precision}, kernels ${runtime.kernels}.\n\n${table(step.value)}`
  console.log(text)
  if (values.write) await writeCard(name, `${text}\n`)
}

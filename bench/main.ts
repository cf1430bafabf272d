/**
 * `npm run bench`: our engine and ONNX Runtime on the same weights, in one run: latency, cold start, memory, size, and
 * the CPU time of a request in workerd; decoding, with llama.cpp too; how cost grows, and how near it is to what the
 * machine can do; each function as a Worker of its own. Prints Markdown; --write puts it into docs/benchmark.md, the plots
 * beside it and the Workers' table into docs/workers.md, --only growth,workers measures those sections and writes no more
 * than their plots and tables. Latencies are medians of rounds in which each contestant
 * runs once, ratios are medians of the rounds' ratios.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measureDecoding } from './decode.ts'
import { table } from './evaluation.ts'
import { measureGrowth } from './growth.ts'
import { measureLatency } from './latency.ts'
import { MODELS } from './models.ts'
import { exportOnnx } from './onnx.ts'
import { readCheckpoint } from './onnx-weights.ts'
import { measureRoofline } from './roofline.ts'
import { replaceBetween, type Section } from './section.ts'
import { measureStart } from './start.ts'
import { measureCpu, measureSize } from './worker.ts'
import { measureWorkers } from './workers.ts'

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '60' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const folder = await mkdtemp(join(tmpdir(), 'edgewise-bench-'))
const say = (text: string) => process.stderr.write(`${text}\n`)

type Config = Parameters<typeof measureLatency>[0]

/** The sections' names, as --only has them, in the order of the report. */
function sections(config: Config): Record<string, () => Promise<Section>> {
  return {
    latency: () => measureLatency(config, rounds),
    cold: async () => {
      const path = join(folder, 'int8.onnx')
      const weights = await readFile(`${MODELS}/sentiment/model.safetensors`)
      await writeFile(path, exportOnnx(readCheckpoint(config, weights), 'int8'))
      return await measureStart(path)
    },
    size: () => measureSize(join(folder, 'upload')),
    cpu: () => measureCpu(folder),
    decode: () => measureDecoding(say),
    growth: measureGrowth,
    roofline: measureRoofline,
    workers: () => measureWorkers(join(folder, 'workers'), say),
  }
}

async function main(): Promise<void> {
  const config: Config = JSON.parse(await readFile(`${MODELS}/sentiment/config.json`, 'utf8'))
  const known = sections(config)
  const chosen = values.only?.split(',') ?? Object.keys(known)
  const unknown = chosen.find((name) => !Object.hasOwn(known, name))
  if (unknown !== undefined)
    throw new Error(`There is no section ${unknown}; choose from ${Object.keys(known).join(', ')}`)
  const measured: Section[] = []
  for (const name of chosen) {
    measured.push(await known[name]!())
    say(`${name} measured`)
  }
  const report = measured.flatMap((section) => section.report)
  const bars = measured.flatMap((section) => section.bars)

  const { hidden_size, num_hidden_layers, vocab_size } = config
  const header = [
    '# Benchmark',
    '',
    'Printed by `npm run bench -- --write`. The model is the shipped sentiment model ' +
      `(BERT, ${num_hidden_layers} layers of ${hidden_size}, vocabulary ${vocab_size}); ONNX Runtime gets the same ` +
      'weights, as fp32 and dynamically quantized to int8.',
    '',
    `${cpus()[0]!.model.trim()}, ${cpus().length} cores, Node ${process.version}, ${rounds} rounds.`,
    '',
    table(bars.map((bar) => ({ ...bar }))),
    '',
  ]
  const text = `${[...header, ...report].join('\n').trimEnd()}\n`
  console.log(text)
  const tables = measured.flatMap((section) => section.tables ?? [])
  for (const { page, text } of tables) console.log(`docs/${page}:\n\n${text}\n`)
  if (!values.write) return
  // A part of the sections must not replace all of them.
  if (!values.only) await writeFile('docs/benchmark.md', text)
  for (const { plots = {} } of measured)
    for (const [file, svg] of Object.entries(plots)) await writeFile(`docs/${file}`, svg)
  for (const { page, name, text } of tables) await replaceBetween(`docs/${page}`, name, text)
}

try {
  await main()
} finally {
  await rm(folder, { recursive: true })
}

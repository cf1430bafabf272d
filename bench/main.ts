/**
 * `npm run bench`: our engine and ONNX Runtime on the same weights, in one run: latency, cold start, memory, size, and
 * the CPU time of a request in workerd; decoding, with llama.cpp too; how cost grows, and how near it is to what the
 * machine can do. Prints Markdown; --write puts it into docs/benchmark.md and the plots beside it, --only growth,roofline
 * measures those sections and writes no more than their plots. Latencies are medians of rounds in which each contestant
 * runs once, ratios are medians of the rounds' ratios.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { freePort } from '../test/gateway.ts'
import { measureDecoding } from './decode.ts'
import { table } from './evaluation.ts'
import { measureGrowth } from './growth.ts'
import { MODELS, openPlainKernels, openRuntime } from './models.ts'
import { exportOnnx } from './onnx.ts'
import { readCheckpoint } from './onnx-weights.ts'
import { type Contestant, onnxruntimeNode, onnxruntimeWeb } from './peers.ts'
import { measureRoofline } from './roofline.ts'
import { type Bar, median, type Section, verdict } from './section.ts'

const LENGTHS = [16, 64, 128]
const REQUEST_TOKENS = 32
const CPU_REQUESTS = 1000
const COLD_ROUNDS = 7
const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '60' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const folder = await mkdtemp(join(tmpdir(), 'edgewise-bench-'))
/** What wrangler would upload. */
const upload = join(folder, 'upload')
const say = (text: string) => process.stderr.write(`${text}\n`)

/** Token ids of real text of exactly `length` tokens. */
async function realIds(length: number): Promise<number[]> {
  const encoder = await (await openRuntime()).encoder('sentiment')
  const card = await readFile('models/sentiment/README.md', 'utf8')
  const ids = encoder.tokenize(card.repeat(10)).slice(0, length - encoder.specialTokens)
  return Array.from(encoder.wrap(ids).inputIds)
}

async function latency(contestants: Contestant[], report: string[], bars: Bar[]): Promise<void> {
  const rows: Record<string, string | number>[] = []
  const largestDifference = new Map<string, number>()
  for (const length of LENGTHS) {
    const ids = await realIds(length)
    const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
    const reference = Array.from(await contestants.at(1)!.run(ids))
    for (let round = -10; round < rounds; round++)
      for (const { name, run } of contestants) {
        const start = performance.now()
        const logits = await run(ids)
        if (round >= 0) times.get(name)!.push(performance.now() - start)
        const difference = Math.max(...reference.map((x, i) => Math.abs(x - logits[i]!)))
        largestDifference.set(name, Math.max(difference, largestDifference.get(name) ?? 0))
      }
    const own = times.get(contestants[0]!.name)!
    for (const { name } of contestants) {
      const theirs = times.get(name)!
      const ratio = median(theirs.map((time, i) => time / own[i]!))
      rows.push({ tokens: length, contestant: name, 'median ms': median(theirs), 'time / edgewise': ratio })
      if (length === 128 && name === 'onnxruntime-web int8')
        bars.push({
          what: 'speed at 128 tokens over onnxruntime-web int8',
          measured: `${ratio.toFixed(2)} x`,
          bar: '>= 1.5 x',
          verdict: verdict(ratio, 1.5, true),
        })
    }
    say(`latency at ${length} tokens measured`)
  }
  report.push('## Latency', '', 'Token ids in, logits out, one sequence, one thread.', '', table(rows), '')
  const agreement = contestants.map(({ name }) => ({
    contestant: name,
    'largest difference': largestDifference.get(name)!.toFixed(4),
  }))
  report.push(`Logits against ${contestants.at(1)!.name}:`, '', table(agreement), '')
}

interface ColdStart {
  ms: number
  bytes: number
}

async function coldStarts(model: string, report: string[], bars: Bar[]): Promise<void> {
  // Within the repository, so that the one package that is not bundled is found.
  const outfile = 'dist/bench-cold.js'
  await build({
    entryPoints: ['bench/cold.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    external: ['onnxruntime-web', 'onnxruntime-node'],
  })
  const measure = async (what: string): Promise<ColdStart> => {
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, what, model])
    return JSON.parse(stdout)
  }
  const kinds = ['engine', 'session', 'edgewise', 'onnxruntime'] as const
  const runs = { engine: [], session: [], edgewise: [], onnxruntime: [] } as Record<string, ColdStart[]>
  for (let round = 0; round < COLD_ROUNDS; round++)
    for (const kind of kinds) runs[kind]!.push(await measure(kind))
  await rm(outfile)

  const row = (name: string, scope: string, kind: string) => ({
    contestant: name,
    scope,
    ms: median(runs[kind]!.map(({ ms }) => ms)),
    'resident MB more': median(runs[kind]!.map(({ bytes }) => bytes)) / 1e6,
  })
  const [bare, whole] = ['module and weights to first logits', 'JavaScript, tokenizer, module, weights']
  report.push(
    '## Cold start and memory',
    '',
    `Each in a fresh process, ${COLD_ROUNDS} times in turn, medians. Edgewise also verifies its files in the second scope.`,
    '',
    table([
      row('edgewise', bare, 'engine'),
      row('onnxruntime-web int8', bare, 'session'),
      row('edgewise', whole, 'edgewise'),
      row('onnxruntime-web int8', whole, 'onnxruntime'),
    ]),
    '',
  )
  const share = (own: string, peer: string, key: keyof ColdStart) =>
    median(runs[own]!.map((run, i) => run[key] / runs[peer]![i]![key]))
  const compare = (what: string, value: number, bar: number) =>
    bars.push({
      what: `${what}, share of onnxruntime-web's`,
      measured: `1 / ${(1 / value).toFixed(1)}`,
      bar: `<= 1 / ${1 / bar}`,
      verdict: verdict(value, bar, false),
    })
  compare(`cold start (${bare})`, share('engine', 'session', 'ms'), 1 / 15)
  compare(`cold start (${whole})`, share('edgewise', 'onnxruntime', 'ms'), 0.1)
  compare('resident memory', share('edgewise', 'onnxruntime', 'bytes'), 0.25)
  const weights = (await stat(`${MODELS}/sentiment/model.safetensors`)).size
  const beside = (median(runs.engine!.map(({ bytes }) => bytes)) - weights) / 1e6
  bars.push({
    what: `resident memory beside the weights' ${(weights / 1e6).toFixed(1)} MB (${bare})`,
    measured: `${beside.toFixed(1)} MB`,
    bar: '<= 15 MB',
    verdict: verdict(beside, 15, false),
  })
}

const gzipBytes = (bytes: Uint8Array) => gzipSync(bytes, { level: 9 }).length

let uploading: Promise<unknown> | undefined
/** Fills the folder `upload`. */
async function bundle(): Promise<void> {
  uploading ??= promisify(execFile)('node_modules/.bin/wrangler', ['deploy', '--dry-run', '--outdir', upload])
  await uploading
}

async function size(report: string[], bars: Bar[]): Promise<void> {
  await bundle()
  const files = (await readdir(upload)).filter((file) => /\.(js|wasm)$/.test(file))
  const rows = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(join(upload, file))
      const name = file.replace(/^[0-9a-f]{20,}-/, '')
      return { file: name, bytes: bytes.length, 'bytes gzip': gzipBytes(bytes) }
    }),
  )
  const total = rows.reduce((sum, row) => sum + row['bytes gzip'], 0)
  const ort = await readFile('node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm')
  rows.push({ file: "onnxruntime-web's wasm alone", bytes: ort.length, 'bytes gzip': gzipBytes(ort) })
  report.push('## Size', '', "What `wrangler deploy` uploads as the gateway's script.", '', table(rows), '')
  bars.push({
    what: 'Worker script with kernels, gzip',
    measured: `${(total / 1024).toFixed(0)} KB`,
    bar: '<= 400 KB',
    verdict: verdict(total / 1024, 400, false),
  })
  const builds = rows.filter(({ file }) => file.startsWith('kernels.')).map((row) => row['bytes gzip'])
  const largest = Math.max(...builds) / 1024
  bars.push({
    what: 'kernels, the larger of their two builds, gzip',
    measured: `${largest.toFixed(1)} KB`,
    bar: '<= 40 KB',
    verdict: verdict(largest, 40, false),
  })
}

/** CPU milliseconds of a process so far (Linux: /proc, 100 ticks a second). */
async function cpuTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** The uploaded script in workerd alone, the model files from a disk service in the place of static assets. */
async function requestCpu(report: string[], bars: Bar[]): Promise<void> {
  await bundle()
  const files = (await readdir(upload)).filter((file) => /\.(js|wasm)$/.test(file))
  const modules = files
    .sort((a, b) => Number(b.endsWith('.js')) - Number(a.endsWith('.js')))
    .map(
      (file) => `(name = "${file}", ${file.endsWith('.js') ? 'esModule' : 'wasm'} = embed "upload/${file}")`,
    )
  const port = await freePort()
  const config = join(folder, 'config.capnp')
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "assets", disk = (path = "${resolve('dist/assets')}"))
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
const worker :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  compatibilityDate = "2026-08-15",
  compatibilityFlags = ["enable_request_signal"],
  bindings = [(name = "ASSETS", service = "assets")]
);
`,
  )
  const workerd = spawn('node_modules/workerd/bin/workerd', ['serve', config], { stdio: 'inherit' })
  try {
    const url = `http://127.0.0.1:${port}`
    for (let waited = 0; !(await fetch(`${url}/healthz`).catch(() => undefined))?.ok; waited += 100) {
      if (waited > 20_000) throw new Error('workerd did not start')
      await sleep(100)
    }
    const encoder = await (await openRuntime()).encoder('sentiment')
    let text = 'The food is'
    while (encoder.tokenize(text).length + encoder.specialTokens < REQUEST_TOKENS) text += ' good'
    const post = () => fetch(`${url}/v1/sentiment`, { method: 'POST', body: JSON.stringify(text) })
    const health = () => fetch(`${url}/healthz`)
    const perRequest = async (ask: () => Promise<Response>) => {
      for (let i = 0; i < 100; i++) await (await ask()).text()
      const before = await cpuTime(workerd.pid!)
      for (let i = 0; i < CPU_REQUESTS; i++) {
        const response = await ask()
        if (!response.ok) throw new Error(await response.text())
        await response.text()
      }
      return ((await cpuTime(workerd.pid!)) - before) / CPU_REQUESTS
    }
    const [own, bare] = [await perRequest(post), await perRequest(health)]
    if (!(own > 0)) throw new Error("workerd's CPU time could not be read")
    report.push(
      '## CPU time of a request',
      '',
      `All of workerd's CPU time over ${CPU_REQUESTS} warm requests, divided by their number; HTTP is in it.`,
      '',
      table([
        { request: `POST /v1/sentiment, ${REQUEST_TOKENS} tokens`, 'CPU ms': own },
        { request: 'GET /healthz', 'CPU ms': bare },
      ]),
      '',
    )
    bars.push({
      what: `CPU time of a warm request of ${REQUEST_TOKENS} tokens in workerd`,
      measured: `${own.toFixed(2)} ms`,
      bar: '<= 10 ms',
      verdict: verdict(own, 10, false),
    })
  } finally {
    workerd.kill()
  }
}

type Config = Parameters<typeof exportOnnx>[0]['config'] & { vocab_size: number }

async function openContestants(config: Config): Promise<Contestant[]> {
  const checkpoint = readCheckpoint(config, await readFile(`${MODELS}/sentiment/model.safetensors`))
  const [fp32, int8] = [exportOnnx(checkpoint, 'fp32'), exportOnnx(checkpoint, 'int8')]
  const runtime = await openRuntime()
  const encoder = await runtime.encoder('sentiment')
  const plain = await import('../src/runtime/native.ts').then(async ({ createRuntime }) => {
    const { fileStorage } = await import('../src/storage/files.ts')
    const kernels = await openPlainKernels()
    return createRuntime({ storage: fileStorage(MODELS), kernels }).encoder('sentiment')
  })
  return [
    {
      name: `edgewise int8 ${runtime.kernels}`,
      run: async (ids: number[]) => (await encoder.classify([{ inputIds: ids }]))[0]!,
    },
    await onnxruntimeWeb('fp32', fp32),
    {
      name: 'edgewise int8 simd',
      run: async (ids: number[]) => (await plain.classify([{ inputIds: ids }]))[0]!,
    },
    await onnxruntimeWeb('int8', int8),
    await onnxruntimeNode('fp32', fp32),
    await onnxruntimeNode('int8', int8),
  ].filter((contestant) => contestant !== undefined)
}

/** The sections' names, as --only has them, in the order of the report. */
function sections(config: Config): Record<string, () => Promise<Section>> {
  const gathered = (measure: (report: string[], bars: Bar[]) => Promise<void>) => async () => {
    const section: Section = { report: [], bars: [] }
    await measure(section.report, section.bars)
    return section
  }
  return {
    latency: gathered(async (report, bars) => latency(await openContestants(config), report, bars)),
    cold: gathered(async (report, bars) => {
      const path = join(folder, 'int8.onnx')
      const weights = await readFile(`${MODELS}/sentiment/model.safetensors`)
      await writeFile(path, exportOnnx(readCheckpoint(config, weights), 'int8'))
      await coldStarts(path, report, bars)
    }),
    size: gathered(size),
    cpu: gathered(requestCpu),
    decode: () => measureDecoding(say),
    growth: measureGrowth,
    roofline: measureRoofline,
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
  if (!values.write) return
  // A part of the sections must not replace all of them.
  if (!values.only) await writeFile('docs/benchmark.md', text)
  for (const { plots = {} } of measured)
    for (const [file, svg] of Object.entries(plots)) await writeFile(`docs/${file}`, svg)
}

try {
  await main()
} finally {
  await rm(folder, { recursive: true })
}

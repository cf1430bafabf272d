/**
 * `npm run bench`: our engine and ONNX Runtime on the same weights, in one run: latency, cold start, memory, size, and
 * the CPU time of a request in workerd. Prints Markdown; --write puts it into docs/benchmark.md. Latencies are medians
 * of rounds in which each contestant runs once, ratios are medians of the rounds' ratios.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { startGateway } from '../test/gateway.ts'
import { table } from './evaluation.ts'
import { MODELS, openKernels, openRuntime } from './models.ts'
import { exportOnnx, readCheckpoint } from './onnx.ts'
import { type Contestant, onnxruntimeNode, onnxruntimeWeb } from './peers.ts'

const LENGTHS = [16, 64, 128]
const REQUEST_TOKENS = 32
const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, rounds: { type: 'string', default: '60' } },
})
const rounds = Number(values.rounds)
const folder = await mkdtemp(join(tmpdir(), 'edgewise-bench-'))
const say = (text: string) => process.stderr.write(`${text}\n`)

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
const verdict = (value: number, bar: number, atLeast: boolean) =>
  (atLeast ? value >= bar : value <= bar) ? 'met' : 'missed'

interface Bar {
  what: string
  measured: string
  bar: string
  verdict: string
}

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

async function coldStarts(model: string, report: string[], bars: Bar[]): Promise<void> {
  const measure = async (what: string) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', 'bench/cold.ts', what])
    return JSON.parse(stdout) as { ms: number; bytes: number }
  }
  const own: { ms: number; bytes: number }[] = []
  const peer: typeof own = []
  for (let i = 0; i < 7; i++) {
    own.push(await measure('edgewise'))
    peer.push(await measure(model))
  }
  const middle = (runs: typeof own, key: 'ms' | 'bytes') => median(runs.map((run) => run[key]))
  const row = (name: string, runs: typeof own) => ({
    contestant: name,
    'ms to the first answer': middle(runs, 'ms'),
    'resident MB more': middle(runs, 'bytes') / 1e6,
  })
  report.push(
    '## Cold start and memory',
    '',
    'Each in a fresh process, 7 times in turn, medians: from nothing loaded',
  )
  report.push('to the first answer, and how far that raised the peak of resident memory.', '')
  report.push(table([row('edgewise', own), row('onnxruntime-web int8', peer)]), '')
  const time = median(own.map(({ ms }, i) => ms / peer[i]!.ms))
  const memory = median(own.map(({ bytes }, i) => bytes / peer[i]!.bytes))
  bars.push(
    {
      what: "cold start, share of onnxruntime-web's",
      measured: `1 / ${(1 / time).toFixed(1)}`,
      bar: '<= 1 / 10',
      verdict: verdict(time, 0.1, false),
    },
    {
      what: "memory, share of onnxruntime-web's",
      measured: `1 / ${(1 / memory).toFixed(1)}`,
      bar: '<= 1 / 4',
      verdict: verdict(memory, 0.25, false),
    },
  )
  say('cold starts measured')
}

const gzipBytes = (bytes: Uint8Array) => gzipSync(bytes, { level: 9 }).length

async function size(report: string[], bars: Bar[]): Promise<void> {
  const out = join(folder, 'upload')
  await promisify(execFile)('node_modules/.bin/wrangler', ['deploy', '--dry-run', '--outdir', out])
  const files = (await readdir(out)).filter((file) => /\.(js|wasm)$/.test(file))
  const rows = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(join(out, file))
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
  say('size measured')
}

/** CPU milliseconds so far of a process and all its children (Linux: /proc, 100 ticks a second). */
async function cpuOfGroup(group: number): Promise<number> {
  let ticks = 0
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const isWorkerd = stat.includes('(workerd')
    if (isWorkerd && Number(fields[2]) === group) ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * 10
}

async function requestCpu(report: string[], bars: Bar[]): Promise<void> {
  const gateway = await startGateway()
  try {
    const encoder = await (await openRuntime()).encoder('sentiment')
    let text = ''
    while (encoder.tokenize(text).length + encoder.specialTokens < REQUEST_TOKENS) text += ' good'
    const post = () =>
      fetch(`${gateway.url}/v1/sentiment`, { method: 'POST', body: JSON.stringify({ text }) })
    const health = () => fetch(`${gateway.url}/healthz`)
    const perRequest = async (ask: () => Promise<Response>) => {
      const count = 400
      for (let i = 0; i < 50; i++) await (await ask()).text()
      const before = await cpuOfGroup(gateway.process.pid!)
      for (let i = 0; i < count; i++) await (await ask()).text()
      return ((await cpuOfGroup(gateway.process.pid!)) - before) / count
    }
    const [own, bare] = [await perRequest(post), await perRequest(health)]
    if (!(own > 0)) throw new Error("workerd's CPU time could not be read")
    report.push('## CPU time of a request', '')
    report.push(
      `All of workerd's CPU time under \`wrangler dev\`, its own proxy included, over 400 warm requests.`,
    )
    report.push(
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
    await gateway.stop()
  }
  say('CPU time measured')
}

async function main(): Promise<void> {
  const config = JSON.parse(await readFile(`${MODELS}/sentiment/config.json`, 'utf8'))
  const checkpoint = readCheckpoint(config, await readFile(`${MODELS}/sentiment/model.safetensors`))
  const fp32 = exportOnnx(checkpoint, 'fp32')
  const int8 = exportOnnx(checkpoint, 'int8')
  const int8Path = join(folder, 'int8.onnx')
  await writeFile(int8Path, int8)

  const runtime = await openRuntime()
  const encoder = await runtime.encoder('sentiment')
  const plain = await import('../src/runtime/native.ts').then(async ({ createRuntime }) => {
    const { fileStorage } = await import('../src/storage/files.ts')
    const { simd } = await openKernels()
    return createRuntime({ storage: fileStorage(MODELS), kernels: { simd } }).encoder('sentiment')
  })
  const contestants = [
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

  const report: string[] = []
  const bars: Bar[] = []
  await latency(contestants, report, bars)
  await coldStarts(int8Path, report, bars)
  await size(report, bars)
  await requestCpu(report, bars)

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
  if (values.write) await writeFile('docs/benchmark.md', text)
}

try {
  await main()
} finally {
  await rm(folder, { recursive: true })
}

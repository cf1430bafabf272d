/** The Worker as wrangler uploads it: the size of its script, and the CPU time of a request in workerd. */
import { execFile, spawn } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { functions } from '../functions/index.ts'
import type { EdgewiseFunction } from '../src/function.ts'
import { freePort } from '../test/gateway.ts'
import { table } from './evaluation.ts'
import { openRuntime } from './models.ts'
import { type Section, verdict } from './section.ts'

const REQUEST_TOKENS = 32
const CPU_REQUESTS = 1000
const EXAMPLE_REQUESTS = 200

const gzipBytes = (bytes: Uint8Array) => gzipSync(bytes, { level: 9 }).length

let uploading: Promise<unknown> | undefined
/** Fills the folder with what wrangler would upload. */
async function bundle(upload: string): Promise<void> {
  uploading ??= promisify(execFile)('node_modules/.bin/wrangler', ['deploy', '--dry-run', '--outdir', upload])
  await uploading
}

export async function measureSize(upload: string): Promise<Section> {
  const { report, bars }: Section = { report: [], bars: [] }
  await bundle(upload)
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
  return { report, bars }
}

/** CPU milliseconds of a process so far (Linux: /proc, 100 ticks a second). */
async function cpuTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** The uploaded script in workerd alone, the model files from a disk service in the place of static assets. */
export async function measureCpu(folder: string): Promise<Section> {
  const { report, bars }: Section = { report: [], bars: [] }
  const upload = join(folder, 'upload')
  await bundle(upload)
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
    const perRequest = async (ask: () => Promise<Response>, requests = CPU_REQUESTS) => {
      for (let i = 0; i < requests / 10; i++) await (await ask()).text()
      const before = await cpuTime(workerd.pid!)
      for (let i = 0; i < requests; i++) {
        const response = await ask()
        if (!response.ok) throw new Error(await response.text())
        await response.text()
      }
      return ((await cpuTime(workerd.pid!)) - before) / requests
    }
    const [own, bare] = [await perRequest(post), await perRequest(health)]
    if (!(own > 0)) throw new Error("workerd's CPU time could not be read")
    const examples = []
    // Those with routes of their own leave something behind, for which nothing is bound here.
    for (const { name, examples: all } of (functions as readonly EdgewiseFunction[]).filter(
      ({ routes }) => !routes,
    )) {
      const { title, input } = all[0]!
      const body = JSON.stringify(input)
      const headers = { 'content-type': 'application/json' }
      const ask = () => fetch(`${url}/v1/${name}`, { method: 'POST', body, headers })
      const milliseconds = await perRequest(ask, EXAMPLE_REQUESTS)
      examples.push({
        request: `POST /v1/${name}, example "${title}"`,
        'CPU ms': milliseconds,
        'free plan (10 ms)': milliseconds <= 10 ? 'fits' : 'does not fit',
      })
    }
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
      `The functions with their first examples, ${EXAMPLE_REQUESTS} requests each.`,
      '',
      table(examples),
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
  return { report, bars }
}

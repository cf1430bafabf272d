/** The Worker as wrangler uploads it: the size of its script, and the CPU time of a request in workerd. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { functions } from '../functions/index.ts'
import type { EdgewiseFunction } from '../src/function.ts'
import { table } from './evaluation.ts'
import { openRuntime } from './models.ts'
import { type Section, verdict } from './section.ts'
import { bundle, cpuPerRequest, firstAnswer, gzipBytes, modulesOf, serve } from './workerd.ts'

const REQUEST_TOKENS = 32
const CPU_REQUESTS = 1000
const EXAMPLE_REQUESTS = 200

let bundling: Promise<unknown> | undefined
/** Fills the folder with what wrangler would upload, once. */
async function bundleGateway(upload: string): Promise<void> {
  bundling ??= bundle('', upload)
  await bundling
}

export async function measureSize(upload: string): Promise<Section> {
  const { report, bars }: Section = { report: [], bars: [] }
  await bundleGateway(upload)
  const rows = await Promise.all(
    (await modulesOf(upload)).map(async (file) => {
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

/** The uploaded script in workerd alone, the model files from a disk service in the place of static assets. */
export async function measureCpu(folder: string): Promise<Section> {
  const { report, bars }: Section = { report: [], bars: [] }
  const upload = join(folder, 'upload')
  await bundleGateway(upload)
  const workerd = await serve(upload)
  try {
    const { url } = workerd
    await firstAnswer(`${url}/healthz`)
    const encoder = await (await openRuntime()).encoder('sentiment')
    let text = 'The food is'
    while (encoder.tokenize(text).length + encoder.specialTokens < REQUEST_TOKENS) text += ' good'
    const post = () => fetch(`${url}/v1/sentiment`, { method: 'POST', body: JSON.stringify(text) })
    const health = () => fetch(`${url}/healthz`)
    const [own, bare] = [
      await cpuPerRequest(workerd, post, CPU_REQUESTS),
      await cpuPerRequest(workerd, health, CPU_REQUESTS),
    ]
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
      const milliseconds = await cpuPerRequest(workerd, ask, EXAMPLE_REQUESTS)
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
    workerd.stop()
  }
  return { report, bars }
}

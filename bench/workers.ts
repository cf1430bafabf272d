/** One Worker a function: what `wrangler deploy --env NAME` uploads, and what that takes when it runs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { functions } from '../functions/index.ts'
import type { EdgewiseFunction } from '../src/function.ts'
import { createRuntime } from '../src/runtime/native.ts'
import { fileStorage } from '../src/storage/files.ts'
import { type TableRow, table } from './evaluation.ts'
import { MODELS, openKernels } from './models.ts'
import { median, type Section, verdict } from './section.ts'
import {
  bundle,
  cpuPerRequest,
  firstAnswer,
  gzipBytes,
  modulesOf,
  residentMemory,
  type Served,
  serve,
} from './workerd.ts'

/** Bytes after gzip that a script may have in the free plan (https://developers.cloudflare.com/workers/platform/limits/). */
export const FREE_SCRIPT_BYTES = 3 * 2 ** 20

const COLD_ROUNDS = 5
const REQUESTS = 200

/** The environments of wrangler.toml: one a Worker beside the gateway. */
export async function environments(): Promise<string[]> {
  const config = await readFile('wrangler.toml', 'utf8')
  return [...config.matchAll(/^\[env\.([\w-]+)\]$/gm)].map(([, name]) => name!)
}

/** Bytes of a script with its kernels, as it is and as it is uploaded. */
export async function scriptBytes(folder: string): Promise<{ raw: number; gzip: number }> {
  const modules = await modulesOf(folder)
  const contents = await Promise.all(modules.map((file) => readFile(join(folder, file))))
  return {
    raw: contents.reduce((sum, { length }) => sum + length, 0),
    gzip: contents.reduce((sum, bytes) => sum + gzipBytes(bytes), 0),
  }
}

/** The model files that a function's examples read, with their bytes. */
async function filesRead(fn: EdgewiseFunction): Promise<{ models: string[]; bytes: number }> {
  const storage = fileStorage(MODELS)
  const read = new Set<string>()
  const runtime = createRuntime({
    kernels: await openKernels(),
    storage: {
      open(path) {
        read.add(path)
        return storage.open(path)
      },
    },
  })
  for (const { input } of fn.examples)
    await fn.run(fn.input.parse(input), { runtime, signal: new AbortController().signal })
  const files = [...read]
  const sizes = await Promise.all(files.map(async (path) => (await readFile(join(MODELS, path))).length))
  const models = files.map((path) => path.split('/')[0]!).filter((name) => !/catalog|prompts/.test(name))
  return { models: [...new Set(models)], bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

/** Milliseconds from the start of workerd to its first answer. */
async function timeToAnswer(folder: string, path: string, init: RequestInit): Promise<number> {
  const start = performance.now()
  const workerd = await serve(folder)
  try {
    const response = await firstAnswer(workerd.url + path, init)
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return performance.now() - start
  } finally {
    workerd.stop()
  }
}

async function withWorker<Result>(folder: string, use: (served: Served) => Promise<Result>): Promise<Result> {
  const workerd = await serve(folder)
  try {
    return await use(workerd)
  } finally {
    workerd.stop()
  }
}

/** @param folder an empty one */
export async function measureWorkers(folder: string, say: (text: string) => void): Promise<Section> {
  const empty = join(folder, 'empty')
  await mkdir(empty, { recursive: true })
  await writeFile(join(empty, 'worker.js'), "export default { fetch: () => new Response('{}') }")
  const emptyBytes = await withWorker(empty, async ({ url, pid }) => {
    await (await firstAnswer(url)).text()
    return await residentMemory(pid)
  })

  const rows: TableRow[] = []
  let largest = 0
  for (const name of await environments()) {
    const fn = (functions as readonly EdgewiseFunction[]).find((fn) => fn.name === name)!
    const upload = join(folder, name)
    await bundle(name, upload)
    const { raw, gzip } = await scriptBytes(upload)
    largest = Math.max(largest, gzip)
    const { models, bytes } = await filesRead(fn)
    const [path, init] = [
      `/v1/${name}`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(fn.examples[0]!.input),
      },
    ]
    const cold: number[] = []
    for (let round = 0; round < COLD_ROUNDS; round++)
      cold.push((await timeToAnswer(upload, path, init)) - (await timeToAnswer(empty, '/', init)))
    const warm = await withWorker(upload, async (served) => {
      const { url, pid } = served
      await (await firstAnswer(url + path, init)).text()
      const { memoryUsed } = (await (await fetch(`${url}/healthz`)).json()) as { memoryUsed: number }
      const cpu = await cpuPerRequest(served, () => fetch(url + path, init), REQUESTS)
      return { memoryUsed, cpu, resident: (await residentMemory(pid)) - emptyBytes }
    })
    rows.push({
      Worker: `edgewise-${name}`,
      'script KB': Math.round(raw / 1024),
      'KB gzip': Math.round(gzip / 1024),
      models: models.join(', ') || 'none',
      'model files MB': bytes / 1e6,
      'WebAssembly MB': warm.memoryUsed / 1e6,
      'resident MB': warm.resident / 1e6,
      'cold ms': Math.round(median(cold)),
      'CPU ms': warm.cpu,
      'free plan (10 ms)': warm.cpu <= 10 ? 'fits' : 'does not fit',
    })
    say(`${name} measured`)
  }
  return {
    report: [],
    bars: [
      {
        what: "the largest script of one function's Worker, gzip",
        measured: `${(largest / 1024).toFixed(0)} KB`,
        bar: `<= ${FREE_SCRIPT_BYTES / 1024} KB`,
        verdict: verdict(largest, FREE_SCRIPT_BYTES, false),
      },
    ],
    tables: [{ page: 'workers.md', name: 'bench workers', text: table(rows) }],
  }
}

/** Workers as wrangler uploads them, in a workerd of their own. */
import { execFile, spawn } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { freePort } from '../test/gateway.ts'

export const gzipBytes = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length

/** Modules of a folder that was filled by bundle(), the script first. */
export const modulesOf = async (folder: string): Promise<string[]> =>
  (await readdir(folder))
    .filter((file) => /\.(js|wasm)$/.test(file))
    .sort((a, b) => Number(b.endsWith('.js')) - Number(a.endsWith('.js')))

/**
 * Fills a folder with what `wrangler deploy` would upload, and bundle-meta.json, esbuild's account of it.
 * @param environment of wrangler.toml; '' for the gateway
 */
export async function bundle(environment: string, folder: string): Promise<void> {
  const options = ['deploy', '--dry-run', '--metafile', '--env', environment, '--outdir', folder]
  await promisify(execFile)('node_modules/.bin/wrangler', options)
}

export interface Served {
  url: string
  pid: number
  stop(): void
}

/**
 * Starts workerd with the modules of a folder, the model files from a disk service in the place of static assets. It may
 * not yet listen.
 */
export async function serve(folder: string): Promise<Served> {
  const modules = (await modulesOf(folder)).map(
    (file) => `(name = "${file}", ${file.endsWith('.js') ? 'esModule' : 'wasm'} = embed "${file}")`,
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
  return { url: `http://127.0.0.1:${port}`, pid: workerd.pid!, stop: () => workerd.kill() }
}

/** What the first request to a Worker is answered with, which may not yet listen. */
export async function firstAnswer(url: string, init?: RequestInit): Promise<Response> {
  for (let waited = 0; waited < 20_000; waited += 5) {
    const response = await fetch(url, init).catch(() => undefined)
    if (response) return response
    await sleep(5)
  }
  throw new Error('workerd did not start')
}

/** CPU milliseconds of a process so far (Linux: /proc, 100 ticks a second). */
export async function cpuTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Bytes of a process in memory (Linux). */
export async function residentMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(status.match(/VmRSS:\s*(\d+) kB/)![1]) * 1024
}

/** CPU milliseconds that a Worker takes for a request, once it is warm. */
export async function cpuPerRequest(
  { pid }: Served,
  ask: () => Promise<Response>,
  requests: number,
): Promise<number> {
  const answer = async () => {
    const response = await ask()
    const text = await response.text()
    if (!response.ok) throw new Error(text)
  }
  for (let i = 0; i < requests / 10; i++) await answer()
  const before = await cpuTime(pid)
  for (let i = 0; i < requests; i++) await answer()
  return ((await cpuTime(pid)) - before) / requests
}

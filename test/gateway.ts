/** The gateway as `npm start` serves it: wrangler dev in a process of its own, on a free port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function answers(url: string): Promise<boolean> {
  return await fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )
}

/**
 * @param folder of another wrangler.toml than the repository's
 * @param environment of wrangler.toml, in place of the gateway
 * @param variables of the Worker, besides
 */
export async function startGateway(
  folder = '.',
  environment = '',
  variables: Record<string, string> = {},
): Promise<{ url: string; process: ChildProcess; stop(): Promise<void> }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = spawn(
    resolve('node_modules/.bin/wrangler'),
    [
      ...['dev', '--env', environment, '--ip', '127.0.0.1', '--port', String(port)],
      '--show-interactive-dev-session=false',
      ...Object.entries(variables).flatMap(([name, value]) => ['--var', `${name}:${value}`]),
    ],
    {
      cwd: folder,
      // A group of its own, so that stopping it stops workerd as well.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: 'false' },
    },
  )
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      log += data
    })
  const stop = async () => {
    if (child.exitCode !== null) return
    process.kill(-child.pid!, 'SIGTERM')
    await once(child, 'exit')
  }
  for (let waited = 0; waited < 60_000 && child.exitCode === null; waited += 200) {
    if (await answers(url)) return { url, process: child, stop }
    await sleep(200)
  }
  await stop()
  throw new Error(`wrangler dev did not serve:\n${log}`)
}

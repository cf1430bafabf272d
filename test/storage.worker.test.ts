/** Model storage that fails, inside workerd: a typed 503, never a wrong answer, and all is well once it works again. */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import relaxed from '../dist/kernels.relaxed.wasm'
import simd from '../dist/kernels.simd.wasm'
import { functions } from '../functions/index.ts'
import { createRuntime } from '../src/runtime/native.ts'
import { createApp } from '../src/server/app.ts'
import { type AssetFetcher, assetStorage } from '../src/storage/assets.ts'

type Fault = (response: Response, path: string) => Response | Promise<Response>

/** The service over the Worker's own assets, with a fault that can be taken away. */
function serviceWith(fault: Fault) {
  const state: { fault: Fault | undefined } = { fault }
  const assets: AssetFetcher = {
    async fetch(request) {
      const response = await env.ASSETS.fetch(request)
      return (await state.fault?.(response, new URL(request.url).pathname)) ?? response
    },
  }
  const runtime = createRuntime({ storage: assetStorage(assets), kernels: { relaxed, simd } })
  const app = createApp({ functions, runtime: () => runtime })
  const ask = (init?: RequestInit) =>
    app.request('/v1/sentiment', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"text": "A wonderful film."}',
      ...init,
    })
  return { state, runtime, ask }
}

/** Applies a fault to the one file only. */
const only =
  (file: string, fault: (response: Response) => Response | Promise<Response>): Fault =>
  (response, path) =>
    path.endsWith(file) ? fault(response) : response

const through = (transform: Transformer<Uint8Array, Uint8Array>) => (response: Response) =>
  new Response(response.body!.pipeThrough(new TransformStream(transform)))

const faults: [string, Fault, string][] = [
  ['weights missing', only('model.safetensors', () => new Response('', { status: 404 })), 'file_missing'],
  ['storage down', only('model.safetensors', () => new Response('', { status: 500 })), 'storage_failed'],
  ['storage that throws', only('config.json', () => Promise.reject(new Error('gone'))), 'storage_failed'],
  [
    'weights cut off',
    only('model.safetensors', async (response) => {
      const bytes = await response.arrayBuffer()
      return new Response(bytes.slice(0, bytes.byteLength - 1000))
    }),
    'file_truncated',
  ],
  [
    'weights cut within their header',
    only('model.safetensors', async (response) => new Response((await response.arrayBuffer()).slice(0, 100))),
    'file_truncated',
  ],
  ['weights empty', only('model.safetensors', () => new Response(new Uint8Array(0))), 'file_truncated'],
  [
    'one bit of the weights flipped',
    only('model.safetensors', async (response) => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      bytes[bytes.length - 5000]! ^= 1
      return new Response(bytes)
    }),
    'file_altered',
  ],
  [
    'bytes after the weights',
    only('model.safetensors', async (response) => {
      const bytes = new Uint8Array(await response.arrayBuffer())
      const longer = new Uint8Array(bytes.length + 16)
      longer.set(bytes)
      return new Response(longer)
    }),
    'file_altered',
  ],
  [
    'a connection lost halfway',
    only(
      'model.safetensors',
      through({
        transform(chunk, controller) {
          controller.enqueue(chunk)
          controller.error(new Error('connection lost'))
        },
      }),
    ),
    'storage_failed',
  ],
  [
    'another tokenizer',
    only('tokenizer.json', async (response) => new Response((await response.text()).replace('love', 'hate'))),
    'file_altered',
  ],
  [
    'another config',
    only('config.json', () => new Response('{"model_type": "bert", "hidden_size": 8}')),
    'file_truncated',
  ],
  ['a catalog that is not JSON', only('catalog.json', () => new Response('<html>')), 'catalog_invalid'],
  [
    'a catalog of another shape',
    only('catalog.json', () => new Response('{"models": 7}')),
    'catalog_invalid',
  ],
  [
    'two models with one name',
    only('catalog.json', async (response) => {
      const catalog = (await response.json()) as { models: object[] }
      return Response.json({ models: [...catalog.models, catalog.models[0]!] })
    }),
    'catalog_invalid',
  ],
  ['no catalog', only('catalog.json', () => new Response('', { status: 404 })), 'file_missing'],
]

describe('model storage', () => {
  it.each(faults)('%s', async (_, fault, code) => {
    const { state, ask } = serviceWith(fault)
    for (let attempt = 0; attempt < 2; attempt++) {
      const response = await ask()
      expect(await response.json()).toEqual({
        error: { code, message: expect.stringMatching(/./), hint: expect.stringMatching(/./) },
      })
      expect(response.status).toBe(503)
    }
    state.fault = undefined
    const response = await ask()
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ results: [{ label: 'positive' }] })
  })

  it('requests that come while a model loads share the load', async () => {
    let opened = 0
    const { ask } = serviceWith((response, path) => {
      if (path.endsWith('.safetensors')) opened++
      return response
    })
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask()))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(opened).toBe(1)
  })
})

describe('prompt storage', () => {
  const classify = (service: ReturnType<typeof serviceWith>) =>
    service.runtime.prompt('classify-topic').then((prompt) => prompt.render({ label: 'sports' }))

  it.each<[string, Fault, string]>([
    ['a prompt missing', only('.jinja', () => new Response('', { status: 404 })), 'file_missing'],
    ['a prompt altered', only('.jinja', () => new Response('This is not {{label}}......')), 'file_altered'],
  ])('%s', async (_, fault, code) => {
    const service = serviceWith(fault)
    await expect(classify(service)).rejects.toMatchObject({ code, status: 503 })
    service.state.fault = undefined
    expect(await classify(service)).toBe('This is about sports.')
  })
})

describe('a client that goes away', () => {
  it('during the load: its request ends, the load goes on for the others', async () => {
    const { ask } = serviceWith((response) => response)
    const leaver = new AbortController()
    const gone = ask({ signal: leaver.signal })
    const stays = ask()
    leaver.abort()
    expect((await gone).status).toBe(499)
    expect((await stays).status).toBe(200)
  })

  it('during the work: the rest of it is not done', async () => {
    const { ask } = serviceWith((response) => response)
    const text = Array.from({ length: 64 }, () => 'A text that keeps the model busy for a while. '.repeat(25))
    const body = JSON.stringify({ text })
    await ask()
    const time = async (signal?: AbortSignal) => {
      const start = Date.now()
      const { status } = await ask({ body, ...(signal && { signal }) })
      return { status, ms: Date.now() - start }
    }
    const leaver = new AbortController()
    setTimeout(() => leaver.abort(), 20)
    const left = await time(leaver.signal)
    const whole = await time()
    expect(left.status).toBe(499)
    expect(whole.status).toBe(200)
    expect(left.ms).toBeLessThan(whole.ms / 3)
  })
})

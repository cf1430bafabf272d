/** One Worker a function, as wrangler bundles it: what is in its script, and that it serves its function alone. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestHarness } from 'wrangler'
import { functions } from '../functions/index.ts'
import { startGateway } from '../test/gateway.ts'
import { bundle } from './workerd.ts'
import { environments, FREE_SCRIPT_BYTES, scriptBytes } from './workers.ts'

const names = await environments()
/** What a Worker serves besides the function that it is named after: what trains a classifier lies with what uses it. */
const beside: Record<string, string[]> = { classify: ['classifiers'] }
/** Functions that others are made of: chat answers from documents as `answer` does, and both write as `generate` does. */
const within: Record<string, string[]> = { chat: ['answer', 'generate'], code: ['generate'] }

let folder: string
/** Modules of each script that are in it. */
const inputs: Record<string, string[]> = {}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-workers-'))
  const waiting = ['', ...names]
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await bundle(name, join(folder, name || 'gateway'))
      const meta = await readFile(join(folder, name || 'gateway', 'bundle-meta.json'), 'utf8')
      const outputs = Object.values((JSON.parse(meta) as Metafile).outputs)
      inputs[name] = outputs.flatMap(({ inputs }) =>
        Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? path : [])),
      )
    }
  }
  await Promise.all([work(), work()])
}, 600_000)
afterAll(() => rm(folder, { recursive: true }))

interface Metafile {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>
}

it('each function has a Worker', () => {
  const served = names.flatMap((name) => [name, ...(beside[name] ?? [])])
  expect(served.sort()).toEqual(functions.map(({ name }) => name).sort())
})

describe.each(names)('the script of %s', (name) => {
  it('is within the limit of the free plan', async () => {
    const { raw, gzip } = await scriptBytes(join(folder, name))
    expect(gzip).toBeGreaterThan(50_000)
    expect(gzip).toBeLessThan(FREE_SCRIPT_BYTES)
    expect(raw).toBeLessThan((await scriptBytes(join(folder, 'gateway'))).raw)
  })

  it('has no other definition than its own', () => {
    const defined = inputs[name]!.filter((path) => /^functions\/[\w-]+\/function\.ts$/.test(path))
    const own = [name, ...(beside[name] ?? []), ...(within[name] ?? [])]
    expect(defined.sort()).toEqual(own.map((fn) => `functions/${fn}/function.ts`).sort())
  })

  it("has zod's messages in one language", () => {
    const locales = inputs[name]!.filter((path) => /zod\/v4\/locales\/(?!index)/.test(path))
    expect(locales.map((path) => path.split('/').at(-1))).toEqual(['en.js'])
  })
})

describe('what a function does not need is not in its script', () => {
  const parts: Record<string, RegExp> = {
    decoding: /^src\/decoding\/(generate|beam|speculative|grammar)/,
    decoders: /^src\/architectures\/(gpt2|llama|decoder)\.ts$|^src\/backends\/generator\.ts$/,
    encoders: /^src\/architectures\/bert\.ts$|^src\/backends\/encoder\.ts$/,
    templates: /@huggingface\/jinja|^src\/prompts\//,
    parsers: /@lezer|\/acorn\//,
    languages: /^src\/language\//,
    engine: /^src\/engine\/(weights|engine)\.ts$/,
  }
  const needed: Record<string, string[]> = {
    answer: ['encoders', 'engine'],
    chat: ['decoding', 'decoders', 'encoders', 'templates', 'engine'],
    classify: ['encoders', 'templates', 'engine'],
    code: ['decoding', 'decoders', 'templates', 'parsers', 'engine'],
    embed: ['encoders', 'engine'],
    'fill-mask': ['encoders', 'engine'],
    generate: ['decoding', 'decoders', 'templates', 'engine'],
    prompts: ['templates'],
    score: ['engine'],
    sentiment: ['encoders', 'engine'],
    summarize: ['decoding', 'decoders', 'encoders', 'templates', 'engine'],
    tokenize: [],
    translate: ['decoding', 'decoders', 'templates', 'languages', 'engine'],
  }

  it.each(names)('%s', (name) => {
    const found = Object.entries(parts).filter(([, part]) => inputs[name]!.some((path) => part.test(path)))
    expect(found.map(([part]) => part).sort()).toEqual(needed[name]!.toSorted())
  })

  it('nor are strings of it in the text of sentiment', async () => {
    const script = await readFile(join(folder, 'sentiment', 'worker.js'), 'utf8')
    const gateway = await readFile(join(folder, 'gateway', 'worker.js'), 'utf8')
    for (const marker of ['numBeams', 'No value that could', 'chat_template', 'ecmaVersion', 'macro'])
      expect([marker, gateway.includes(marker), script.includes(marker)]).toEqual([marker, true, false])
  })
})

describe('a Worker alone', () => {
  const server = createTestHarness()
  beforeAll(async () => {
    await server.update({
      workers: names.map((env) => ({
        configPath: 'wrangler.toml',
        env,
        prebuiltWorkerDir: join(folder, env),
      })),
    })
    await server.listen()
  }, 300_000)
  afterAll(() => server.close())
  const ask = (name: string, path: string, body: unknown) =>
    server.getWorker(`edgewise-${name}`).fetch(`http://edgewise${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  const examples = names.flatMap((worker) =>
    functions
      .filter(({ name }) => name === worker || beside[worker]?.includes(name))
      .flatMap(({ name, examples }) => examples.map(({ title, input }) => ({ worker, name, title, input }))),
  )
  it.each(examples)('$worker answers the example "$title" of $name', async ({ worker, name, input }) => {
    const response = await ask(worker, `/v1/${name}`, input)
    expect(response.status, await response.clone().text()).toBe(200)
  })

  it.each([
    ['sentiment', 'xlnet', 200],
    ['tokenize', 'chat', 200],
    ['score', 'sentiment', 503],
    ['sentiment', 'chat', 503],
    ['sentiment', 'nobody', 404],
  ])('%s with the model %s: status %d', async (name, model, status) => {
    const response = await ask(name, `/v1/${name}`, { text: 'What a film!', model })
    expect(response.status).toBe(status)
    if (status === 503)
      expect(await response.json()).toMatchObject({ error: { code: 'architecture_unsupported' } })
  })

  it.each(names)('%s serves no other function', async (name) => {
    const document = await server.getWorker(`edgewise-${name}`).fetch('http://edgewise/openapi.json')
    const { paths } = (await document.json()) as { paths: Record<string, { post?: { tags: string[] } }> }
    const served = functions.map((fn) => fn.name).filter((fn) => paths[`/v1/${fn}`]?.post)
    expect(served.sort()).toEqual([name, ...(beside[name] ?? [])].sort())
    const other = name === 'embed' ? 'sentiment' : 'embed'
    expect((await ask(name, `/v1/${other}`, { text: 'a' })).status).toBe(404)
  })
})

it('wrangler dev --env sentiment serves', async () => {
  const gateway = await startGateway('.', 'sentiment')
  try {
    const response = await fetch(`${gateway.url}/v1/sentiment`, { method: 'POST', body: 'What a film!' })
    expect(await response.json()).toMatchObject({ results: [{ label: 'positive' }] })
    expect((await fetch(`${gateway.url}/v1/embed`, { method: 'POST', body: 'a' })).status).toBe(404)
    expect((await fetch(gateway.url)).status).toBe(200)
  } finally {
    await gateway.stop()
  }
}, 120_000)

/**
 * The package as whoever installs it has it: packed, installed into a clean project, type-checked, imported by plain Node,
 * and a Worker that `npx edgewise init` writes there, which is deployed (dry) and asked. `npm run build` comes before.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { functions } from '../functions/index.ts'
import { startGateway } from './gateway.ts'

/** The Node of the person, not the one that this repository's tools need. */
const NODE =
  (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .map((folder) => join(folder, 'node'))
    .find((path) => existsSync(path)) ?? process.execPath
const TSC = resolve('node_modules/typescript/bin/tsc')

interface Manifest {
  version: string
  dependencies: Record<string, string>
  exports: Record<string, string | { types: string; default: string }>
}

let project: string
let files: string[]
let manifest: Manifest

/** Runs a program in the project; fails with all that it said. */
async function execute(program: string, args: string[], cwd = project): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { cwd, maxBuffer: 2 ** 26 })
    return stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${program} ${args.join(' ')}\n${stdout}\n${stderr}`)
  }
}

/** The part of our lockfile that the package's dependencies need, so that nothing is asked of a registry. */
async function lockedDependencies() {
  const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }>
  }
  const production = Object.entries(packages).filter(
    ([path, { dev, devOptional, optional }]) => path !== '' && !dev && !devOptional && !optional,
  )
  return { lockfileVersion: 3, packages: Object.fromEntries(production) }
}

beforeAll(async () => {
  project = await realpath(await mkdtemp(join(tmpdir(), 'edgewise-package-')))
  manifest = JSON.parse(await readFile('package.json', 'utf8'))
  // Without scripts: prepare would build again under the tests that run besides.
  const packed = await execute(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', project],
    '.',
  )
  const listed = JSON.parse(packed) as unknown
  // npm 10 writes a list, later ones an object by name.
  const [own] = Object.values(listed as object) as [{ filename: string; files: { path: string }[] }]
  files = own.files.map(({ path }) => path)
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await writeFile(join(project, 'package-lock.json'), JSON.stringify(await lockedDependencies()))
  await execute('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${own.filename}`])
}, 120_000)
afterAll(() => rm(project, { recursive: true, force: true }))

describe('the package', () => {
  it('holds what it exports, its command, the models and their cards, and nothing else', async () => {
    const allowed = [
      /^(README\.md|LICENSE|package\.json)$/,
      /^dist\/(cli\.js|kernels\.(relaxed|simd)\.wasm)$/,
      /^dist\/assets\/(_headers|reference\/[\w-]+\.(js|css|html))$/,
      /^dist\/package\/(src|functions)\/[\w/-]+\.(js|d\.ts)$/,
      /^dist\/package\/src\/language\/profiles\.json$/,
      /^models\/catalog\.json$/,
      /^models\/prompts\/[\w-]+\.jinja$/,
      /^models\/\w+\/(README\.md|\w+\.json|model\.safetensors)$/,
    ]
    expect(files.filter((path) => !allowed.some((pattern) => pattern.test(path)))).toEqual([])
    expect(files.filter((path) => /test|training|evaluation|fixture|bench|\.map$/.test(path))).toEqual([])
    const { models } = JSON.parse(await readFile('models/catalog.json', 'utf8'))
    for (const { name, files: own } of models)
      for (const file of [...Object.keys(own), 'README.md']) expect(files).toContain(`models/${name}/${file}`)
  })

  it('has each file that its exports name, with its declarations', () => {
    const named = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : [entry.types, entry.default],
    )
    for (const path of named) {
      const pattern = new RegExp(`^${path.slice(2).replaceAll('.', '\\.').replace('*', '[^/]+')}$`)
      expect(
        files.some((file) => pattern.test(file)),
        path,
      ).toBe(true)
    }
  })

  it('depends on what its modules and its command import, and on nothing else', async () => {
    const imported = new Set<string>()
    for (const path of files.filter((path) => /^dist\/package\/.*\.(js|d\.ts)$/.test(path))) {
      const code = await readFile(path, 'utf8')
      for (const [, name] of code.matchAll(/(?:from |import |import\()['"]((?:@[\w-]+\/)?[\w-]+)[/'"]/g))
        imported.add(name!)
    }
    expect([...imported].sort()).toEqual(Object.keys(manifest.dependencies).sort())
  })
})

const CLIENT = `
import { createClient, RateLimitError, RequestError, similarity } from 'edgewise/client'
import type { functions } from 'edgewise/functions'
import type { sentiment } from 'edgewise/functions/sentiment'

const nlp = createClient<typeof functions>({ baseUrl: 'http://localhost:8787', apiKey: 'key', retries: 1 })
export const label: 'negative' | 'neutral' | 'positive' = (await nlp.sentiment('Fine.')).results[0]!.label
export const tokens: number = (await nlp.fillMask({ text: '[MASK]', topK: 3 })).tokens
for await (const part of nlp.translate.stream({ text: 'x', target: 'de' })) part.text.trim()
export const names: string[] = (await nlp.classifiers.list()).classifiers.map(({ name }) => name)
export const near: number = similarity([1], [1])
export const alone = createClient<readonly [typeof sentiment]>({ baseUrl: '' })

// @ts-expect-error: 7 is no text
nlp.sentiment(7)
// @ts-expect-error: there is no such field
nlp.sentiment({ text: 'x', txet: 'y' })
// @ts-expect-error: it does not stream
nlp.sentiment.stream({ text: 'x' })
// @ts-expect-error: this client has one function
alone.translate('x')

export const isLimited = (error: unknown): number | undefined =>
  error instanceof RateLimitError ? error.retryAfter : error instanceof RequestError ? error.status : undefined
`

const WORKER = `
import { defineFunction, EdgewiseError, textList, texts } from 'edgewise'
import { partsOf, type ServiceBinding } from 'edgewise/binding'
import { huggingFace } from 'edgewise/compat/huggingface'
import { libreTranslate } from 'edgewise/compat/libretranslate'
import { openAi } from 'edgewise/compat/openai'
import type { functions } from 'edgewise/functions'
import { sentiment } from 'edgewise/functions/sentiment'
import { createWorker } from 'edgewise/worker'
import * as z from 'zod'

const shout = defineFunction({
  name: 'shout',
  summary: 'Say it louder',
  description: 'In capitals.',
  primary: 'text',
  input: z.strictObject({ text: texts, most: z.int().default(100) }),
  output: z.object({ results: z.array(z.object({ text: z.string(), label: z.string() })) }),
  examples: [{ title: 'A text', input: { text: 'hello' } }],
  async run({ text, most }, context) {
    const { results } = await sentiment.run(sentiment.input.parse({ text }), context)
    if (most < 1) throw new EdgewiseError('invalid_input', 'most: must be 1.', 'Leave it out.')
    return { results: textList(text).map((one, i) => ({ text: one.toUpperCase(), label: results[i]!.label })) }
  },
})

export default createWorker([sentiment, shout], [openAi, huggingFace, libreTranslate])

export async function ask(env: { NLP: ServiceBinding<typeof functions> }): Promise<string> {
  for await (const { text } of partsOf(env.NLP.translateStream({ text: 'x', target: 'de' }))) return text
  return (await env.NLP.sentiment('x')).results[0]!.label
}

// @ts-expect-error: no functions
createWorker(7)
`

const LOCAL = `
import { functions } from 'edgewise/functions'
import { createLocalApp, createLocalRuntime } from 'edgewise/node'

export const app = await createLocalApp(functions, { classifiers: '/tmp/none' })
export const response: Response = await app.fetch(new Request('http://local/healthz'))
export const used: number = (await createLocalRuntime({ models: '/tmp/none' })).memoryUsed()
`

describe('the declarations', () => {
  const base = { strict: true, target: 'es2023', noEmit: true, skipLibCheck: false }
  const bundler = { module: 'esnext', moduleResolution: 'bundler' }
  const node = { module: 'nodenext', moduleResolution: 'nodenext' }
  const nodeTypes = { lib: ['es2023'], types: ['node'], typeRoots: [resolve('node_modules/@types')] }
  it.each([
    ['a bundler and a page', { ...bundler, lib: ['es2023', 'dom'], types: [] }, ['client', 'worker']],
    ['a bundler and a Worker', { ...bundler, lib: ['es2023', 'webworker'], types: [] }, ['client', 'worker']],
    [
      'exact types',
      { ...bundler, lib: ['es2023', 'dom'], types: [], exactOptionalPropertyTypes: true },
      ['client'],
    ],
    ['Node', { ...node, ...nodeTypes }, ['client', 'worker', 'local']],
  ])('compile with libraries checked, for %s', async (name, options, modules) => {
    await writeFile(join(project, 'client.ts'), CLIENT)
    await writeFile(join(project, 'worker.ts'), WORKER)
    await writeFile(join(project, 'local.ts'), LOCAL)
    const config = {
      compilerOptions: { ...base, ...options },
      files: modules.map((module) => `${module}.ts`),
    }
    const path = join(project, `tsconfig.${name.replaceAll(' ', '-')}.json`)
    await writeFile(path, JSON.stringify(config))
    expect(await execute(process.execPath, [TSC, '-p', path])).toBe('')
  })
})

describe('in Node', () => {
  it('each entry but that of Workers can be imported, and each function by its name', async () => {
    const names = functions.map(({ name }) => name)
    await writeFile(
      join(project, 'entries.mjs'),
      `const dialects = ['openai', 'huggingface', 'libretranslate'].map((name) => 'edgewise/compat/' + name)
       const hosts = ['edgewise', 'edgewise/binding', 'edgewise/client', 'edgewise/node', 'edgewise/functions']
       for (const entry of [...hosts, ...dialects])
         if (Object.keys(await import(entry)).length === 0) throw new Error(entry)
       const { functions } = await import('edgewise/functions')
       for (const name of ${JSON.stringify(names)}) {
         const own = Object.values(await import('edgewise/functions/' + name))
         if (!own.some((one) => functions.includes(one) && one.name === name)) throw new Error(name)
       }`,
    )
    expect(await execute(NODE, ['entries.mjs'])).toBe('')
  })

  it('what is no entry cannot be imported', async () => {
    await expect(execute(NODE, ['-e', "import('edgewise/dist/package/src/errors.js')"])).rejects.toThrow(
      /ERR_PACKAGE_PATH_NOT_EXPORTED/,
    )
  })

  it('functions answer within the process, from the package’s models', async () => {
    await writeFile(
      join(project, 'local.mjs'),
      `import { createClient } from 'edgewise/client'
       import { sentiment } from 'edgewise/functions/sentiment'
       import { createLocalApp } from 'edgewise/node'
       const app = await createLocalApp([sentiment])
       const nlp = createClient({
         baseUrl: 'http://local',
         fetch: async (url, init) => await app.fetch(new Request(url, init)),
       })
       console.log((await nlp.sentiment('I loved it.')).results[0].label)`,
    )
    expect(await execute(NODE, ['local.mjs'])).toBe('positive\n')
  })

  it('the command answers from the package’s models', async () => {
    const answer = await execute('npx', ['--no-install', 'edgewise', 'sentiment', 'I loved it.'])
    expect(JSON.parse(answer)).toMatchObject({ results: [{ label: 'positive' }] })
    expect(await execute('npx', ['--no-install', 'edgewise', '--version'])).toBe(`${manifest.version}\n`)
  })
})

describe('npx edgewise init', () => {
  let worker: string
  beforeAll(async () => {
    worker = join(project, 'edgewise-worker')
    await execute('npx', ['--no-install', 'edgewise', 'init', '--functions', 'sentiment'])
  }, 60_000)

  it('writes a Worker that depends on the package where it is', async () => {
    const { dependencies } = JSON.parse(await readFile(join(worker, 'package.json'), 'utf8'))
    expect(existsSync(resolve(worker, dependencies.edgewise.replace(/^file:/, '')))).toBe(true)
    expect((await readdir(join(worker, 'public/models'))).sort()).toEqual([
      'catalog.json',
      'emotion',
      'prompts',
      'sentiment',
    ])
  })

  it('whose types hold', async () => {
    expect(await execute(process.execPath, [TSC], worker)).toBe('')
  })

  it('that can be deployed', async () => {
    const wrangler = resolve('node_modules/.bin/wrangler')
    const said = await execute(wrangler, ['deploy', '--dry-run', '--outdir', 'out'], worker)
    expect(said).toContain('env.ASSETS')
    const bundle = await readdir(join(worker, 'out'))
    expect(bundle.filter((file) => file.endsWith('.wasm'))).toHaveLength(2)
    // Of the functions, the one that was asked for.
    const script = await readFile(join(worker, 'out/worker.js'), 'utf8')
    expect(script).toContain('Tell whether a text is negative')
    expect(script).not.toContain('Translate')
    // Of zod's messages in fifty languages, none.
    // Without the alias of zod/v4/core it is half a megabyte more.
    expect(script.length).toBeLessThan(500_000)
  })

  it('that serves, and is asked by the client in plain Node', async () => {
    const gateway = await startGateway(worker)
    try {
      const reference = await fetch(`${gateway.url}/reference/`)
      expect(await reference.text()).toContain('swagger-ui')
      await writeFile(
        join(project, 'ask.mjs'),
        `import { createClient, InvalidInputError, NotFoundError } from 'edgewise/client'
         const nlp = createClient({ baseUrl: '${gateway.url}' })
         const { results } = await nlp.sentiment({ text: 'I loved it.', emotion: true })
         const kinds = await Promise.all(
           [nlp.sentiment(''), nlp.translate('x'), nlp.sentiment({ text: 'x', model: 'embed' })].map((call) =>
             call.catch((error) => [error.name, error.code, typeof error.requestId]),
           ),
         )
         const isKind = await nlp.sentiment('').catch((error) => error instanceof InvalidInputError)
         console.log(JSON.stringify({ label: results[0].label, emotion: typeof results[0].emotion.label, kinds, isKind }))`,
      )
      expect(JSON.parse(await execute(NODE, ['ask.mjs']))).toEqual({
        label: 'positive',
        emotion: 'string',
        kinds: [
          ['InvalidInputError', 'invalid_input', 'string'],
          ['NotFoundError', 'not_found', 'string'],
          ['NotFoundError', 'unknown_model', 'string'],
        ],
        isKind: true,
      })
    } finally {
      await gateway.stop()
    }
  }, 90_000)
})

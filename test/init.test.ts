/** `edgewise init` from the checkout: what it writes, what it refuses, and that functions find in it the models they ask for. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { functions } from '../functions/index.ts'
import { classifierStore } from '../src/classifier/store.ts'
import { neededCatalog } from '../src/cli/init.ts'
import { compileKernels } from '../src/engine/kernels.ts'
import { EdgewiseError } from '../src/errors.ts'
import type { EdgewiseFunction } from '../src/function.ts'
import { createRuntime } from '../src/runtime/native.ts'
import { type Catalog, catalogSchema } from '../src/storage/catalog.ts'
import { fileStorage } from '../src/storage/files.ts'
import { folderStorage } from '../src/storage/folder.ts'

const all = functions as readonly unknown[] as readonly EdgewiseFunction[]

let home: string
let catalog: Catalog
beforeAll(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'edgewise-init-')))
  catalog = catalogSchema.parse(JSON.parse(await readFile('models/catalog.json', 'utf8')))
})
afterAll(() => rm(home, { recursive: true }))

/** Runs the built command in a folder. */
const init = (args: string[], cwd = home) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    execFile(process.execPath, [resolve('dist/cli.js'), 'init', ...args], { cwd }, (error, stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
const read = (...path: string[]) => readFile(join(home, ...path), 'utf8')
const namesOf = ({ models }: Catalog) => models.map(({ name }) => name)

describe('edgewise init', () => {
  it('writes a Worker of the functions that are named, with their models alone', async () => {
    const { code, stdout } = await init(['My NLP!', '--functions', 'fill-mask, translate,fill-mask'])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^Wrote My NLP!: fill-mask, translate\.\nModels: encoder, translate \(\d+\.\d MB\)/,
    )
    expect(await read('My NLP!', 'src/worker.ts')).toBe(
      [
        "import { fillMask } from 'edgewise/functions/fill-mask'",
        "import { translate } from 'edgewise/functions/translate'",
        "import { createWorker } from 'edgewise/worker'",
        '',
        'export default createWorker([fillMask, translate])',
        '',
      ].join('\n'),
    )
    const models = join(home, 'My NLP!/public/models')
    expect((await readdir(models)).sort()).toEqual(['catalog.json', 'encoder', 'prompts', 'translate'])
    const written = catalogSchema.parse(JSON.parse(await read('My NLP!', 'public/models/catalog.json')))
    expect(written.models).toEqual(
      catalog.models.filter(({ name }) => name === 'encoder' || name === 'translate'),
    )
    for (const { name, files } of written.models)
      expect((await readdir(join(models, name))).sort()).toEqual(Object.keys(files).sort())
  })

  it('deploys as this repository does, with the tools that it is tested with', async () => {
    const config = await read('My NLP!', 'wrangler.toml')
    expect(config).toMatch(/^name = "my-nlp"$/m)
    const own = await readFile('wrangler.toml', 'utf8')
    for (const setting of ['compatibility_date', 'compatibility_flags', 'send_metrics', 'minify'])
      expect(config).toContain(own.match(new RegExp(`^${setting} = .*$`, 'm'))![0])
    expect(config).not.toContain('CLASSIFIERS')
    const { version, devDependencies } = JSON.parse(await readFile('package.json', 'utf8'))
    const { node, typescript, wrangler } = devDependencies
    expect(version).toMatch(/./)
    expect(JSON.parse(await read('My NLP!', 'package.json'))).toMatchObject({
      name: 'my-nlp',
      devDependencies: { node, typescript, wrangler },
      dependencies: { edgewise: expect.stringMatching(/^file:(\.\.\/)+/) },
    })
  })

  it('names its folder and takes all functions where nothing is said, and binds what they keep things in', async () => {
    const folder = join(home, 'plain')
    await mkdir(folder)
    const { code } = await init([], folder)
    expect(code).toBe(0)
    expect(await read('plain/edgewise-worker/src/worker.ts')).toBe(
      [
        "import { functions } from 'edgewise/functions'",
        "import { createWorker } from 'edgewise/worker'",
        '',
        'export default createWorker(functions)',
        '',
      ].join('\n'),
    )
    expect(await read('plain/edgewise-worker/wrangler.toml')).toMatch(
      /^\[\[kv_namespaces\]\]\nbinding = "CLASSIFIERS"$/m,
    )
    await rm(folder, { recursive: true })
  })

  it('writes into a folder that is not empty by --force alone, and leaves what it does not write', async () => {
    const folder = join(home, 'used')
    await mkdir(join(folder, '.git'), { recursive: true })
    expect((await init(['used', '--functions', 'prompts'])).code).toBe(0)
    await writeFile(join(folder, 'notes.txt'), 'mine')
    await writeFile(join(folder, 'src/worker.ts'), 'mine')
    const refused = await init(['used', '--functions', 'prompts'])
    expect(refused).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/not empty.*--force/),
    })
    expect(await read('used/src/worker.ts')).toBe('mine')
    expect((await init(['used', '--functions', 'prompts', '--force'])).code).toBe(0)
    expect(await read('used/src/worker.ts')).toContain('createWorker([prompts])')
    expect(await read('used/notes.txt')).toBe('mine')
  })

  it.each<[string, string[], number, RegExp]>([
    [
      'an unknown function',
      ['new', '--functions', 'sentiment,nope'],
      2,
      /no function "nope"; there are senti/,
    ],
    ['no name', ['new', '--functions', ' , '], 2, /--functions takes names/],
    ['two folders', ['new', 'old'], 2, /one FOLDER/],
    ['an unknown option', ['new', '--functoins', 'x'], 2, /--functoins/],
    ['a file in place of the folder', ['file'], 2, /file is not a folder/],
    [
      'a file in place of the folder, by force',
      ['file', '--force'],
      3,
      /file could not be written.*storage_f/,
    ],
    ['a folder below a file', ['file/new'], 2, /file\/new is not a folder/],
    ['models that are not there', ['new', '--models', 'nowhere'], 3, /file_missing/],
    ['models without a catalog that can be read', ['new', '--models', 'broken'], 3, /catalog_invalid/],
    ['models that lack what is needed', ['new', '--models', 'few'], 1, /"sentiment", which sentiment needs/],
  ])('refuses %s, and writes nothing', async (_, args, code, message) => {
    await writeFile(join(home, 'file'), '')
    await mkdir(join(home, 'broken'), { recursive: true })
    await writeFile(join(home, 'broken/catalog.json'), '{"models": 1}')
    await mkdir(join(home, 'few'), { recursive: true })
    await writeFile(join(home, 'few/catalog.json'), '{"models": []}')
    const result = await init(args)
    expect(result.stderr).toMatch(message)
    expect(result.stderr).not.toMatch(/\n\s+at /)
    expect(result).toMatchObject({ code, stdout: '' })
    expect(await readdir(home)).not.toContain('new')
  })

  it('says how it is used', async () => {
    expect((await init(['--help'])).stdout).toMatch(/^Usage: edgewise init \[FOLDER\]/)
  })
})

describe('the models of a function', () => {
  /** What a function's Worker has: its own models and no others. */
  async function runtimeOf(fn: EdgewiseFunction) {
    const files = fileStorage('models')
    const own = JSON.stringify(neededCatalog([fn], catalog))
    const read = async (build: string) => new Uint8Array(await readFile(`dist/kernels.${build}.wasm`))
    return createRuntime({
      storage: {
        open: async (path) => (path === 'catalog.json' ? new Blob([own]).stream() : await files.open(path)),
      },
      kernels: await compileKernels(read),
    })
  }

  /** Inputs that ask for models which the examples do not. */
  const FURTHER: Record<string, object[]> = {
    chat: [
      {
        messages: 'Is it raining in Oslo?',
        maxNewTokens: 48,
        tools: ['get_weather', 'book_table'].map((name) => ({ name, description: name, parameters: {} })),
      },
    ],
  }

  it.each(all.map((fn) => ({ name: fn.name, fn })))(
    'answer its examples without any other: $name',
    async ({ name, fn }) => {
      const runtime = await runtimeOf(fn)
      const classifiers = classifierStore(folderStorage(join(home, 'classifiers')))
      const context = { runtime, classifiers, signal: new AbortController().signal }
      for (const input of [...fn.examples.map(({ input }) => input), ...(FURTHER[name] ?? [])]) {
        const answer = (await fn.run(fn.input.parse(input), context)) as { method?: string }
        // Without embeddings it would answer too, and less well.
        expect(answer.method).not.toBe('bm25')
      }
      const models = await runtime.models()
      if (name !== 'tokenize')
        expect(models.filter(({ loaded }) => !loaded).map(({ name }) => name)).toEqual([])
    },
  )

  it('are all that its input names by default', () => {
    const known = new Set(namesOf(catalog))
    for (const fn of all) {
      const { properties = {} } = z.toJSONSchema(fn.input, { io: 'input', unrepresentable: 'any' })
      const named = Object.values(properties).flatMap((field) =>
        typeof field === 'object' && known.has(String(field.default)) ? [String(field.default)] : [],
      )
      expect(namesOf(neededCatalog([fn], catalog))).toEqual(expect.arrayContaining(named))
    }
  })

  it('must be in the catalog, further ones need not', () => {
    const fn = { ...all[0]!, model: 'sentiment', furtherModels: ['of-tomorrow'] }
    expect(namesOf(neededCatalog([fn], catalog))).toEqual(['sentiment'])
    expect(() => neededCatalog([{ ...fn, model: 'of-tomorrow' }], catalog)).toThrow(EdgewiseError)
  })
})

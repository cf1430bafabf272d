/** `edgewise init`: a Worker of some functions, with the models that they need, in a folder of its own. */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { EdgewiseError } from '../errors.ts'
import { camelCase, type EdgewiseFunction } from '../function.ts'
import { packagePath } from '../runtime/local.ts'
import { type Catalog, readCatalog } from '../storage/catalog.ts'
import { fileStorage } from '../storage/files.ts'
import { type ExitCode, UsageError } from './errors.ts'
import { initUsage } from './help.ts'

const DEFAULT_FOLDER = 'edgewise-worker'

/** @throws UsageError; EdgewiseError `unknown_model`, `storage_failed` and what reading the catalog throws */
export async function init(args: string[], functions: readonly EdgewiseFunction[]): Promise<ExitCode> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      functions: { type: 'string', multiple: true },
      force: { type: 'boolean' },
      models: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(initUsage(DEFAULT_FOLDER))
    return 0
  }
  const [folder = DEFAULT_FOLDER, ...rest] = positionals
  if (rest.length > 0) throw new UsageError('init takes one FOLDER.')
  const chosen = chooseFunctions(values.functions, functions)
  if (!values.force) await requireEmpty(folder)

  const models = values.models ?? process.env.EDGEWISE_MODELS ?? packagePath('models')
  const catalog = neededCatalog(chosen, await readCatalog(fileStorage(models)))
  const all = chosen.length === functions.length
  await written(folder, async () => {
    await writeFiles(folder, await sources(folder, chosen, all, catalog))
    await copyFiles(models, join(folder, 'public/models'), filesOf(catalog))
    const reference = packagePath('dist/assets/reference')
    await copyFiles(reference, join(folder, 'public/reference'), await readdir(reference))
    await copyFiles(packagePath('dist/assets'), join(folder, 'public'), ['_headers'])
  })
  console.log(
    [
      `Wrote ${folder}: ${chosen.map(({ name }) => name).join(', ')}.`,
      `Models: ${catalog.models.map(({ name }) => name).join(', ') || 'none'} (${megabytes(catalog)} MB).`,
      '',
      `  cd ${folder}`,
      '  npm install',
      '  npm start                                serves it at http://localhost:8787',
      '  npx wrangler login && npm run deploy     puts it on Cloudflare',
    ].join('\n'),
  )
  return 0
}

/** @param given names, some of them separated by commas; all functions without */
function chooseFunctions(given: string[] | undefined, functions: readonly EdgewiseFunction[]) {
  if (given === undefined) return functions
  const names = new Set(given.flatMap((value) => value.split(',')).map((name) => name.trim()))
  names.delete('')
  if (names.size === 0) throw new UsageError('--functions takes names, such as sentiment,translate.')
  return [...names].map((name) => {
    const fn = functions.find((fn) => fn.name === name)
    if (fn) return fn
    const known = functions.map(({ name }) => name).join(', ')
    throw new UsageError(`There is no function "${name}"; there are ${known}.`)
  })
}

/** @throws UsageError where there is something already; a folder that git alone has been in is empty */
async function requireEmpty(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return []
    if (cause.code === 'ENOTDIR') throw new UsageError(`${folder} is not a folder.`)
    throw unwritable(folder, cause)
  })
  if (entries.some((entry) => entry !== '.git'))
    throw new UsageError(`${folder} is not empty. Name another folder, or write into it by --force.`)
}

/**
 * The part of a catalog that functions need: their models, the further ones that it has, and all templates.
 * @throws EdgewiseError `unknown_model` where it lacks a function's own
 */
export function neededCatalog(functions: readonly EdgewiseFunction[], { models, prompts }: Catalog): Catalog {
  for (const { name, model } of functions)
    if (model !== undefined && !models.some(({ name }) => name === model))
      throw new EdgewiseError(
        'unknown_model',
        `The catalog has no model "${model}", which ${name} needs.`,
        'Name a folder of models that has it by --models.',
      )
  const needed = new Set(functions.flatMap(({ model, furtherModels = [] }) => [model, ...furtherModels]))
  return { models: models.filter(({ name }) => needed.has(name)), prompts }
}

/** Paths below the folder of the models, but for the catalog's own. */
const filesOf = ({ models, prompts }: Catalog): string[] => [
  ...models.flatMap(({ name, files }) => Object.keys(files).map((file) => `${name}/${file}`)),
  ...Object.keys(prompts).map((name) => `prompts/${name}.jinja`),
]

function megabytes({ models }: Catalog): string {
  const sizes = models.flatMap(({ files }) => Object.values(files).map(({ size }) => size))
  return (sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(1)
}

async function copyFiles(from: string, to: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(to, path)), { recursive: true })
    await copyFile(join(from, path), join(to, path))
  }
}

async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
}

/** @throws EdgewiseError `storage_failed` where the file system does not let it */
async function written(folder: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (cause) {
    if (cause instanceof Error && 'syscall' in cause) throw unwritable(folder, cause)
    throw cause
  }
}

const unwritable = (folder: string, cause: Error): EdgewiseError =>
  new EdgewiseError(
    'storage_failed',
    `${folder} could not be written: ${cause.message}.`,
    'Check its permissions and the disk.',
    { cause },
  )

/** What Cloudflare and npm take as a name. */
const nameOf = (folder: string): string =>
  basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-|-$/g, '') || DEFAULT_FOLDER

/** The files that are written, by their paths. */
async function sources(
  folder: string,
  functions: readonly EdgewiseFunction[],
  all: boolean,
  catalog: Catalog,
): Promise<Record<string, string>> {
  const name = nameOf(folder)
  return {
    'package.json': json(await manifest(name, folder)),
    'wrangler.toml': wranglerConfig(name, functions),
    'src/worker.ts': worker(functions, all),
    'tsconfig.json': json({
      compilerOptions: {
        target: 'es2024',
        module: 'esnext',
        moduleResolution: 'bundler',
        lib: ['es2024', 'webworker', 'webworker.iterable'],
        types: [],
        strict: true,
        noEmit: true,
      },
      include: ['src'],
    }),
    '.gitignore': 'node_modules/\n.wrangler/\n.dev.vars*\n',
    'README.md': readme(name, functions, catalog),
    'public/models/catalog.json': json(catalog),
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** Tools have the versions that this package is tested with. */
async function manifest(name: string, folder: string) {
  const own = JSON.parse(await readFile(packagePath('package.json'), 'utf8'))
  const { node, typescript, wrangler } = own.devDependencies
  const { esbuild, node: nodeScripts, workerd } = own.allowScripts
  return {
    name,
    private: true,
    type: 'module',
    scripts: { start: 'wrangler dev', deploy: 'wrangler deploy', types: 'tsc' },
    dependencies: { [own.name]: (await sourceOf(own.name, folder)) ?? own.version },
    // wrangler needs Node 22: npm scripts take this one, whichever is installed.
    devDependencies: { node, typescript, wrangler },
    allowScripts: { esbuild, node: nodeScripts, workerd },
  }
}

/** Where this package is from, as npm names it, if not from a registry: a checkout, or the file that was installed. */
async function sourceOf(name: string, folder: string): Promise<string | undefined> {
  const own = packagePath('.')
  const path = (to: string) => `file:${relative(resolve(folder), to).replaceAll(sep, '/')}`
  if (basename(dirname(own)) !== 'node_modules') return path(own)
  const lock = JSON.parse(await readFile(join(dirname(own), '.package-lock.json'), 'utf8').catch(() => '{}'))
  const from: unknown = lock.packages?.[`node_modules/${name}`]?.resolved
  const isFile = typeof from === 'string' && from.startsWith('file:')
  return isFile ? path(resolve(dirname(dirname(own)), from.slice('file:'.length))) : undefined
}

function wranglerConfig(name: string, functions: readonly EdgewiseFunction[]): string {
  const bindings = new Set(functions.flatMap(({ bindings = [] }) => bindings))
  const namespaces = [...bindings].map((binding) => `[[kv_namespaces]]\nbinding = "${binding}"\n`)
  return `name = "${name}"
main = "src/worker.ts"
compatibility_date = "2026-08-15"
# request.signal aborts when the client goes away.
compatibility_flags = ["enable_request_signal"]
send_metrics = false
minify = true

[alias]
# hono-openapi asks for all of zod/v4/core when it runs; this is what it needs, and half a megabyte less.
"zod/v4/core" = "edgewise/json-schema"

[assets]
directory = "public"
binding = "ASSETS"

${namespaces.length > 0 ? `# Where classifiers that users train are kept. Made at the first deployment.\n${namespaces.join('\n')}\n` : ''}[dev]
port = 8787
local_protocol = "http"
`
}

function worker(functions: readonly EdgewiseFunction[], all: boolean): string {
  const names = functions.map(({ name }) => camelCase(name))
  const imports = all
    ? ["import { functions } from 'edgewise/functions'"]
    : functions.map(({ name }, i) => `import { ${names[i]} } from 'edgewise/functions/${name}'`)
  return [
    ...imports,
    "import { createWorker } from 'edgewise/worker'",
    '',
    `export default createWorker(${all ? 'functions' : `[${names.join(', ')}]`})`,
    '',
  ].join('\n')
}

function readme(name: string, functions: readonly EdgewiseFunction[], { models }: Catalog): string {
  const cards = models.map((model) => `\`node_modules/edgewise/models/${model.name}/README.md\``)
  return `# ${name}

A Cloudflare Worker of edgewise:

${functions.map((fn) => `- \`POST /v1/${fn.name}\`: ${fn.summary}`).join('\n')}

\`\`\`sh
npm install
npm start
\`\`\`

serves it at http://localhost:8787, the reference of its API at http://localhost:8787/reference/. It needs no account.

\`\`\`sh
npx wrangler login
npm run deploy
\`\`\`

deploys it. Its models are static assets in \`public/models\`.${
    cards.length > 0 ? ` What their data allows, their cards say:\n${cards.join(',\n')}.` : ''
  }

Other functions: \`npx edgewise init . --force --functions NAME,NAME\` writes all of this again.
`
}

/** Runs the code blocks of the documentation as they are written, in a workspace and against a gateway. */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import type { Block } from './markdown.ts'
import { differencesOfOutput } from './printed.ts'
import { moduleName, type Workspace } from './workspace.ts'

/** Where the documentation says that the service is. */
const ADDRESS = /\blocalhost:8787\b/g
const TIME_LIMIT = 60_000

export interface Surroundings {
  workspace: Workspace
  /** The service that is asked in place of the one at ADDRESS. */
  url: string
}

/** Runs a block. @throws Error that says what went wrong and where */
export async function run(block: Block, surroundings: Surroundings): Promise<void> {
  const runners: Record<string, (block: Block, surroundings: Surroundings) => Promise<void>> = {
    sh: runShell,
    ts: runModule,
    toml: checkConfiguration,
    json: async ({ code }) => void JSON.parse(code),
    py: compilePython,
    text: async () => {},
  }
  const runner = Object.hasOwn(runners, block.language) ? runners[block.language] : undefined
  await (
    runner?.(block, surroundings) ??
    Promise.reject(new Error(`"${block.language}" is none of ${Object.keys(runners).join(', ')}`))
  ).catch((error: Error) => {
    error.message = `${block.page}:${block.line}: ${error.message}`
    throw error
  })
}

// ------------------------------------------------------------------------------------------------- commands

/** Whether an error is what a block shows: by the status before it, or by what it prints. */
export function showsError({ before, printed }: Block): boolean {
  if (printed?.language === 'json') return 'error' in JSON.parse(printed.code)
  return /\b[45]\d\d\b/.test(before)
}

async function runShell(block: Block, { workspace, url }: Surroundings): Promise<void> {
  const output = await bash(addressed(block.code, url), workspace, showsError(block))
  checkOutput(block, output)
}

/** Of deployments that were tried: several pages have the same. */
const tried = new Set<string>()

/** Tries what a block that cannot be run would deploy. */
export async function tryDeployment({ code }: Block, { workspace }: Surroundings): Promise<void> {
  const commands = code
    .split(/\n|&&/)
    .map((command) => command.trim())
    .filter((command) => /^(npx wrangler|npm run) deploy\b/.test(command) && !tried.has(command))
  for (const command of commands) {
    await bash(command, workspace)
    tried.add(command)
  }
}

async function bash(script: string, { folder, path }: Workspace, expectsError = false): Promise<string> {
  return await execute('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: path,
      PATH_WITHOUT: process.env.PATH,
      HOME: folder,
      EDGEWISE_HOME: join(folder, '.edgewise'),
      EDGEWISE_MODELS: join(folder, 'models'),
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      CURL_EXPECTS_ERROR: expectsError ? '1' : '',
      NO_COLOR: '1',
    },
  })
}

// -------------------------------------------------------------------------------------------------- modules

/** A Worker is bundled as it would be deployed; anything else runs in Node. */
const isWorker = (code: string): boolean => /^export default\b|from 'cloudflare:workers'/m.test(code)

async function runModule(block: Block, { workspace: { folder }, url }: Surroundings): Promise<void> {
  const path = join(folder, moduleName(block.page, block.line))
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, addressed(block.code, url))
  if (isWorker(block.code)) return await bundle(path)
  const output = await execute(process.execPath, [path], { cwd: folder, env: process.env })
  checkOutput(block, output)
}

async function bundle(path: string): Promise<void> {
  await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    loader: { '.wasm': 'binary' },
    logLevel: 'silent',
  })
}

/** Checks the types of all modules at once, with the repository's settings. @throws Error with the compiler's messages */
export async function checkTypes(
  blocks: Block[],
  { workspace: { folder }, url }: Surroundings,
): Promise<void> {
  const modules = blocks.filter(({ language }) => language === 'ts')
  if (modules.length === 0) return
  for (const { page, line, code } of modules) {
    const path = join(folder, moduleName(page, line))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, addressed(code, url))
  }
  const settings = {
    extends: './tsconfig.json',
    // What a page leaves out is left out for brevity.
    compilerOptions: { moduleDetection: 'force' },
    include: [],
    files: [
      ...modules.map(({ page, line }) => moduleName(page, line)),
      'src/server/wasm.d.ts',
      'src/server/workerd.d.ts',
    ],
  }
  await writeFile(join(folder, 'tsconfig.docs.json'), JSON.stringify(settings))
  await execute(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.docs.json'], {
    cwd: folder,
    env: process.env,
  })
}

// -------------------------------------------------------------------------------------------- configuration

/** A Worker that is bundled in no time: settings are what is tried. */
const EMPTY = 'empty.worker.js'

/**
 * A block with a `main` is a whole wrangler.toml; any other is a part, which takes the place of the same keys, tables and
 * bindings of the repository's. wrangler must take the whole.
 */
async function checkConfiguration(block: Block, { workspace }: Surroundings): Promise<void> {
  const isWhole = /^main *=/m.test(block.code)
  const file = isWhole
    ? join(dirname(block.page), `wrangler.${block.line}.toml`)
    : `wrangler.${block.page.replaceAll('/', '-')}.${block.line}.toml`
  const path = join(workspace.folder, file)
  const own = await readFile(join(workspace.folder, 'wrangler.toml'), 'utf8')
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, isWhole ? block.code : joined(own, block.code))
  await writeFile(join(workspace.folder, EMPTY), 'export default { fetch: () => new Response() }\n')
  const output = await bash(`npx wrangler deploy --config ${file} 2>&1`, workspace)
  if (/unexpected fields/i.test(output)) throw new Error(output)
}

function joined(own: string, block: string): string {
  const [keys, tables] = partsOf(block)
  const [ownKeys, ownTables] = partsOf(own.replace(/^main = .*$/m, `main = "${EMPTY}"`))
  const isGiven = (line: string) => keys.some((other) => keyOf(other) !== '' && keyOf(other) === keyOf(line))
  const isReplaced = (table: string) =>
    tables.some((other) =>
      table.startsWith('[[')
        ? nameOf(other) !== '' && nameOf(other) === nameOf(table)
        : keyOf(other) === keyOf(table),
    )
  return [
    ...keys,
    ...ownKeys.filter((line) => !isGiven(line)),
    ...ownTables.filter((table) => !isReplaced(table)),
    ...tables,
  ].join('\n')
}

/** The lines before all tables, and the tables. */
function partsOf(toml: string): [keys: string[], tables: string[]] {
  const [first = '', ...rest] = toml.split(/^(?=\[)/m)
  return first.startsWith('[') ? [[], [first, ...rest]] : [first.split('\n'), rest]
}

/** Of a line, or of a table's first one. */
const keyOf = (text: string): string => text.match(/^(\[.*\]|[\w-]+)/)?.[0] ?? ''

/** Of a binding. */
const nameOf = (table: string): string => table.match(/^(?:binding|name) = "(\w+)"$/m)?.[1] ?? ''

// ------------------------------------------------------------------------------------------------------ rest

async function compilePython(
  { page, line, code }: Block,
  { workspace: { folder } }: Surroundings,
): Promise<void> {
  const path = join(folder, `${page.replaceAll('/', '-')}.${line}.py`)
  await writeFile(path, code)
  try {
    await execute('python3', ['-m', 'py_compile', path], { cwd: folder, env: process.env })
  } catch (error) {
    // Nothing here is written in Python: without one its blocks are left to those who have it.
    if (((error as Error).cause as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    console.warn(`${page}:${line}: there is no python3 to compile it`)
  }
}

const addressed = (code: string, url: string): string => code.replace(ADDRESS, new URL(url).host)

function checkOutput({ printed }: Block, output: string): void {
  const problems = printed ? differencesOfOutput(printed.language, printed.code, output) : []
  if (problems.length > 0)
    throw new Error(
      `what it prints is not what line ${printed!.line} says:\n${problems.join('\n')}\n\n${output}`,
    )
}

/** What a program prints. @throws Error with all it wrote where it fails or takes too long */
async function execute(
  program: string,
  args: string[],
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<string> {
  const options = { cwd, env, timeout: TIME_LIMIT, maxBuffer: 2 ** 26 }
  const running = promisify(execFile)(program, args, options)
  running.child.stdin?.end()
  try {
    return (await running).stdout
  } catch (error) {
    const { code, killed, stdout = '', stderr = '' } = error as Error & Record<string, string>
    throw new Error(
      `${killed ? `not done after ${TIME_LIMIT} ms` : `exit status ${code}`}\n${stdout}${stderr}`,
      { cause: error },
    )
  }
}

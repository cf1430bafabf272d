/**
 * Builds what is deployed and published beside the Worker's script: dist/assets (the page, the API reference and the
 * model files, served as static assets), dist/cli.js and dist/package (the modules that the package exports).
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import * as z from 'zod'
import { functions } from './functions/index.ts'
import { type Catalog, catalogSchema } from './src/storage/catalog.ts'

const assets = 'dist/assets'
const modules = 'dist/package'

/** The folder of an installed package. */
const packageFolder = (name: string): string =>
  dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`)))

async function copyModels(): Promise<void> {
  const catalog: Catalog = catalogSchema.parse(JSON.parse(await readFile('models/catalog.json', 'utf8')))
  await cp('models/prompts', join(assets, 'models/prompts'), { recursive: true })
  await cp('models/catalog.json', join(assets, 'models/catalog.json'))
  for (const { name, files } of catalog.models)
    for (const file of Object.keys(files))
      await cp(join('models', name, file), join(assets, 'models', name, file))
}

/** The page gets the functions' names, schemas and examples at build time: what it shows is what is defined. */
async function buildPlayground(): Promise<void> {
  for (const file of ['index.html', 'style.css']) await cp(join('playground', file), join(assets, file))
  const forms = functions.map(({ name, summary, primary, examples, input }) => ({
    name,
    summary,
    primary,
    examples,
    schema: z.toJSONSchema(input, { io: 'input' }),
  }))
  await build({
    entryPoints: ['playground/page.ts'],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    outfile: join(assets, 'page.js'),
    define: { FUNCTIONS: JSON.stringify(forms) },
    logLevel: 'warning',
  })
}

/** Swagger UI served from here, so that reading the reference tells nobody. */
async function copyReference(): Promise<void> {
  const swagger = packageFolder('swagger-ui-dist')
  await mkdir(join(assets, 'reference'), { recursive: true })
  for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css'])
    await cp(join(swagger, file), join(assets, 'reference', file))
  for (const file of ['index.html', 'start.js'])
    await cp(join('playground/reference', file), join(assets, 'reference', file))
}

async function buildCli(): Promise<void> {
  await build({
    entryPoints: ['src/cli/main.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: 'dist/cli.js',
    banner: { js: '#!/usr/bin/env node' },
    logLevel: 'warning',
  })
}

/** JavaScript and declarations of the modules; their types are checked by `npm run types`. */
async function compileModules(): Promise<void> {
  await rm(modules, { recursive: true, force: true })
  const tsc = join(packageFolder('typescript'), 'bin/tsc')
  await promisify(execFile)(process.execPath, [tsc, '-p', 'tsconfig.package.json'])
  // The kernels are in dist, from wherever they are imported.
  const worker = join(modules, 'src/server/worker.js')
  const code = await readFile(worker, 'utf8')
  await writeFile(worker, code.replaceAll("'../../dist/kernels.", "'../../../kernels."))
}

/** https://developers.cloudflare.com/workers/static-assets/headers/ */
const HEADERS = `/*
  Content-Security-Policy: default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'
  X-Content-Type-Options: nosniff
  Referrer-Policy: no-referrer
/models/*
  Access-Control-Allow-Origin: *
`

await rm(assets, { recursive: true, force: true })
await mkdir(assets, { recursive: true })
await Promise.all([copyModels(), buildPlayground(), copyReference(), buildCli(), compileModules()])
await writeFile(join(assets, '_headers'), HEADERS)

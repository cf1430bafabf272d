/**
 * Writes the catalog.json of a folder of models, this one unless another is named: `npm run catalog [-- FOLDER]`, after a
 * model or a prompt has changed. A model's task, summary and license come from the front matter of its card.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Catalog, CatalogModel } from '../src/storage/catalog.ts'

const root = process.argv[2] ?? import.meta.dirname

const FILES = /^(config|tokenizer|tokenizer_config|generation_config)\.json$|\.safetensors(\.index\.json)?$/

async function describe(name: string): Promise<CatalogModel> {
  const folder = join(root, name)
  if (!existsSync(join(folder, 'README.md')))
    throw new Error(`${name} has no README.md: write pipeline_tag, summary and license into its front matter`)
  const card = await readFile(join(folder, 'README.md'), 'utf8')
  const field = (key: string): string => {
    const value = card.match(new RegExp(`^${key}: *(.+)$`, 'm'))?.[1]
    if (!value) throw new Error(`${name}/README.md has no ${key} in its front matter: add a line "${key}: …"`)
    return value
  }
  const files: CatalogModel['files'] = {}
  for (const file of (await readdir(folder)).filter((file) => FILES.test(file)).sort())
    files[file] = await fingerprint(join(folder, file))
  return {
    name,
    task: field('pipeline_tag'),
    summary: field('summary'),
    license: field('license'),
    files,
  }
}

async function fingerprint(path: string) {
  const bytes = await readFile(path)
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

async function describePrompts(): Promise<Catalog['prompts']> {
  const folder = join(root, 'prompts')
  const prompts: Catalog['prompts'] = {}
  if (!existsSync(folder)) return prompts
  for (const file of (await readdir(folder)).sort())
    prompts[file.replace(/\.jinja$/, '')] = await fingerprint(join(folder, file))
  return prompts
}

const entries = await readdir(root, { withFileTypes: true })
const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
const models = folders.filter((name) => name !== 'prompts').sort()
const catalog: Catalog = { models: await Promise.all(models.map(describe)), prompts: await describePrompts() }
await writeFile(join(root, 'catalog.json'), `${JSON.stringify(catalog, null, 2)}\n`)
for (const { name, files } of catalog.models)
  console.log(
    name,
    Object.values(files).reduce((sum, { size }) => sum + size, 0),
    'bytes',
  )

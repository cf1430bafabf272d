/**
 * Writes models/catalog.json from the folders beside it: `npm run catalog`, after a model has changed. A model's
 * task, summary and license come from the front matter of its card.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Catalog, CatalogModel } from '../src/storage/catalog.ts'

const FILES = /^(config|tokenizer|tokenizer_config|generation_config)\.json$|\.safetensors(\.index\.json)?$/

async function describe(name: string): Promise<CatalogModel> {
  const folder = join(import.meta.dirname, name)
  const card = await readFile(join(folder, 'README.md'), 'utf8')
  const field = (key: string): string => {
    const value = card.match(new RegExp(`^${key}: *(.+)$`, 'm'))?.[1]
    if (!value) throw new Error(`${name}/README.md has no ${key} in its front matter`)
    return value
  }
  const files: CatalogModel['files'] = {}
  for (const file of (await readdir(folder)).filter((file) => FILES.test(file)).sort()) {
    const bytes = await readFile(join(folder, file))
    files[file] = { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
  }
  return {
    name,
    task: field('pipeline_tag'),
    summary: field('summary'),
    license: field('license'),
    files,
  }
}

const entries = await readdir(import.meta.dirname, { withFileTypes: true })
const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
const catalog: Catalog = { models: await Promise.all(folders.sort().map(describe)) }
await writeFile(join(import.meta.dirname, 'catalog.json'), `${JSON.stringify(catalog, null, 2)}\n`)
for (const { name, files } of catalog.models)
  console.log(
    name,
    Object.values(files).reduce((sum, { size }) => sum + size, 0),
    'bytes',
  )

/** The pages of the documentation. */
import { glob, readFile } from 'node:fs/promises'
import { type Page, readPage } from './markdown.ts'

export async function readPages(): Promise<(Page & { path: string; markdown: string })[]> {
  const paths: string[] = []
  for await (const path of glob(['README.md', 'docs/**/*.md', 'models/*/README.md'])) paths.push(path)
  return await Promise.all(
    paths.sort().map(async (path) => {
      const markdown = await readFile(path, 'utf8')
      return { path, markdown, ...readPage(path, markdown) }
    }),
  )
}

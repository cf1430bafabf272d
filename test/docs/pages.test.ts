/** What holds of the documentation's pages without running anything. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { anchorsOf, linksOf, sectionOf } from './markdown.ts'
import { readPages } from './pages.ts'

/** Most blocks that may be left out. */
const MOST_NOT_RUN = 24

const pages = await readPages()
const blocks = pages.flatMap((page) => page.blocks)

/** Files that a page, or a section of it, links to, with the parts of them that are named. */
const filesOf = (path: string, markdown: string) =>
  linksOf(markdown)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [file = '', anchor] = link.split('#')
      return { file: file === '' ? path : join(dirname(path), file), anchor }
    })

it('every page is found', () => {
  expect(pages.map(({ path }) => path)).toContain('README.md')
  expect(pages.map(({ path }) => path)).toContain('docs/functions/sentiment.md')
  expect(blocks.length).toBeGreaterThan(50)
})

it('code is in fences, with its language', () => {
  expect(pages.flatMap(({ path, indented }) => indented.map((line) => `${path}:${line}`))).toEqual([])
  expect(blocks.filter(({ language }) => language === '')).toEqual([])
})

it('what is not run says why, and is little', () => {
  const left = blocks.filter(({ notRun }) => notRun !== undefined)
  console.log(`Not run:\n${left.map(({ page, line, notRun }) => `${page}:${line}: ${notRun}`).join('\n')}`)
  expect(left.filter(({ notRun }) => notRun === '')).toEqual([])
  expect(left.length).toBeLessThanOrEqual(MOST_NOT_RUN)
})

it('every page is in an index', () => {
  const indexed = ['docs/README.md', 'docs/functions/README.md'].flatMap((index) =>
    filesOf(index, pages.find(({ path }) => path === index)!.markdown).map(({ file }) => file),
  )
  const others = pages.map(({ path }) => path).filter((path) => /^docs\/.*(?<!README)\.md$/.test(path))
  expect(others.filter((path) => !indexed.includes(path))).toEqual([])
})

it.each(pages)('$path links to what there is', async ({ path, markdown }) => {
  const dead: string[] = []
  for (const { file, anchor } of filesOf(path, markdown)) {
    if (!existsSync(file)) dead.push(file)
    else if (anchor !== undefined && !anchorsOf(await readFile(file, 'utf8')).includes(anchor))
      dead.push(`${file}#${anchor}`)
  }
  expect(dead).toEqual([])
})

describe('figures', () => {
  const sections = pages.flatMap(({ path, markdown }) =>
    ['Quality', 'Speed']
      .map((title) => ({ path, title, text: sectionOf(markdown, title) }))
      .filter(({ path, text }) => text !== undefined && path.startsWith('docs/')),
  )

  it.each(sections)('of $path, $title, are those of the pages it links to', async ({ path, text = '' }) => {
    const sources = await Promise.all(filesOf(path, text).map(({ file }) => readFile(file, 'utf8')))
    const figures = text.replace(/\]\([^)]*\)/g, ']').match(/\b\d+\.\d+\b/g) ?? []
    // What is said to be measured is measured by what the section links to.
    expect(figures.filter((figure) => !sources.some((source) => source.includes(figure)))).toEqual([])
  })
})

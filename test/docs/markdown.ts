/** The code blocks of a page of documentation (https://spec.commonmark.org/0.31.2/). */

export interface Block {
  /** Path of its page. */
  page: string
  /** Of its fence, counted from 1. */
  line: number
  /** The fence's first word. */
  language: string
  code: string
  /** The paragraph before it. */
  before: string
  /** Why it cannot be run here, where a comment before it says so: `<!-- not run: REASON -->`. */
  notRun?: string
  /** What it prints: the block of `json` or `text` that follows directly. */
  printed?: Block
}

export interface Page {
  blocks: Block[]
  /** Lines of code that is indented in place of fenced: nobody knows its language. */
  indented: number[]
}

const FENCE = /^(\s*)(`{3,}|~{3,})\s*(\S*)/
const MARK = /^<!--\s*not run:?(.*?)-->$/s

/** Languages of what a block before prints. */
const PRINTED = ['json', 'text']

/** @throws Error where a fence is not closed */
export function readPage(page: string, markdown: string): Page {
  const lines = markdown.split('\n')
  const blocks: Block[] = []
  const indented: number[] = []
  /** What stands since the last block: paragraphs and comments. */
  let between: string[] = []
  let inList = false
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    const fence = line.match(FENCE)
    if (fence) {
      const [, indent = '', marks = '', language = ''] = fence
      const closing = new RegExp(`^\\s*${marks[0]}{${marks.length},}\\s*$`)
      const end = lines.findIndex((line, at) => at > i && closing.test(line))
      if (end < 0) throw new Error(`${page}:${i + 1}: the block is not closed`)
      const code = lines
        .slice(i + 1, end)
        .map((line) => line.replace(new RegExp(`^ {0,${indent.length}}`), ''))
      const block: Block = {
        page,
        line: i + 1,
        language,
        code: `${code.join('\n')}\n`,
        ...textBefore(between),
      }
      const previous = blocks.at(-1)
      const isPrinted =
        previous && !previous.printed && PRINTED.includes(language) && between.join('').trim() === ''
      if (isPrinted && !PRINTED.includes(previous.language)) previous.printed = block
      else blocks.push(block)
      between = []
      i = end
      continue
    }
    if (/^\s*([-*+]|\d+[.)])\s/.test(line)) inList = true
    else if (/^\S/.test(line)) inList = false
    const follows = i === 0 || lines[i - 1]!.trim() === '' || indented.at(-1) === i
    if (/^( {4}|\t)\s*\S/.test(line) && follows && !inList) indented.push(i + 1)
    between.push(line)
  }
  return { blocks, indented }
}

/** The last paragraph, and the mark behind it. */
function textBefore(lines: string[]): Pick<Block, 'before' | 'notRun'> {
  const paragraphs = lines
    .join('\n')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '')
  const mark = paragraphs.at(-1)?.match(MARK)
  return {
    before: (mark ? paragraphs.at(-2) : paragraphs.at(-1)) ?? '',
    ...(mark && { notRun: mark[1]!.trim() }),
  }
}

/** What links lead to, code aside. */
export function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^(`{3,})[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!)
}

/** Anchors of the headings, as GitHub makes them. */
export function anchorsOf(markdown: string): string[] {
  const headings = markdown.replace(/^(`{3,})[\s\S]*?^\1/gm, '').matchAll(/^#+ +(.*)$/gm)
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}

/** What stands under a heading of the second level. */
export const sectionOf = (markdown: string, title: string): string | undefined =>
  markdown.match(new RegExp(`^## ${title}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm'))?.[1]

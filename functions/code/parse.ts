/** Whether code is in the grammar of its language: Lezer's parser for Python, acorn for JavaScript. */
import { parser as python } from '@lezer/python'
import { parse } from 'acorn'

export const LANGUAGES = ['python', 'javascript'] as const

export type Language = (typeof LANGUAGES)[number]

export interface Parsed {
  parses: boolean
  /** Of the first mistake: what it is, and where, counted from 1. */
  problem?: { message: string; line: number; column: number }
}

export const parseCode = (code: string, language: Language): Parsed =>
  language === 'python' ? parsePython(code) : parseJavaScript(code)

function parsePython(code: string): Parsed {
  let wrong: { at: number; message: string } | undefined
  python.parse(code).iterate({
    enter({ type, from, node }) {
      if (wrong) return false
      if (type.isError) wrong = { at: from, message: 'unexpected here' }
      // Lezer lets a line step out to a column that no line above has.
      if (type.name === 'Body' || type.name === 'Script') {
        let column: number | undefined
        for (let child = node.firstChild; child && !wrong; child = child.nextSibling) {
          const start = code.lastIndexOf('\n', child.from - 1) + 1
          const indentation = code.slice(start, child.from)
          if (child.type.isError || child.name === 'Comment' || child.name === ':' || /\S/.test(indentation))
            continue
          column ??= indentation.length
          if (indentation.length !== column) wrong = { at: child.from, message: 'unexpected indentation' }
        }
      }
      return undefined
    },
  })
  if (!wrong) return { parses: true }
  const before = code.slice(0, wrong.at).split('\n')
  return {
    parses: false,
    problem: { message: wrong.message, line: before.length, column: before.at(-1)!.length + 1 },
  }
}

function parseJavaScript(code: string): Parsed {
  try {
    parse(code, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true })
    return { parses: true }
  } catch (error) {
    const { message, loc } = error as SyntaxError & { loc?: { line: number; column: number } }
    if (!loc) throw error
    return {
      parses: false,
      problem: { message: message.replace(/ \(\d+:\d+\)$/, ''), line: loc.line, column: loc.column + 1 },
    }
  }
}

/** From anything thrown to the error body that a caller gets. */
import type * as z from 'zod'
import { EdgewiseError } from '../errors.ts'

/** Errors of our own pass; anything else is a bug, which is logged and told nothing of to the outside. */
export function asEdgewiseError(error: unknown): EdgewiseError {
  if (error instanceof EdgewiseError) return error
  console.error(error)
  return new EdgewiseError(
    'internal',
    'Something failed that should not have.',
    'Try again; if it stays, report it with the x-request-id of this response.',
    { cause: error },
  )
}

/** An `invalid_input` that names the fields and what is wrong with them, three at most. */
export function inputError(error: z.ZodError, hint: string): EdgewiseError {
  const problems = error.issues.slice(0, 3).map((issue) => {
    const { path, message } = deepest(issue)
    const field = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
    return field ? `${field.replace(/^\./, '')}: ${message}` : message
  })
  return new EdgewiseError('invalid_input', `${problems.join('; ')}.`, hint)
}

type Issue = z.core.$ZodIssue

/** A union fails in each of its branches; the one that got furthest says what was meant. */
function deepest(issue: Issue, prefix: PropertyKey[] = []): Issue {
  const path = [...prefix, ...issue.path]
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return { ...issue, path }
  const firsts = issue.errors.map((branch) => branch[0]!)
  const closest = firsts.find((first) => first.code !== 'invalid_type' || first.path.length > 0)
  if (closest) return deepest(closest, path)
  const expected = firsts.map((first) => (first.code === 'invalid_type' ? first.expected : '')).join(' or ')
  return { ...firsts[0]!, message: `Invalid input: expected ${expected}`, path }
}

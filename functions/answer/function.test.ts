import { expect, it } from 'vitest'
import { openRuntime } from '../../bench/models.ts'
import { EdgewiseError } from '../../src/errors.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { answer, MAX_CONTEXT_LENGTH } from './function.ts'
import { trimAnswer } from './reader.ts'

const runtime = await openRuntime()
const question = 'Where does Anna live?'
const documents = ['Bob lives in Rome.', 'Anna lives in Oslo.']

const ask = (input: object, { signal = new AbortController().signal, on = runtime } = {}) =>
  answer.run(answer.input.parse({ question, ...input }), { runtime: on, signal })

/** The runtime, but for embeddings, which fail with an error of this code. */
const withoutEmbeddings = (code: 'file_missing' | 'unknown_model'): Runtime => ({
  ...runtime,
  encoder: async (name, signal, task) => {
    if (name === 'embed') throw new EdgewiseError(code, 'No embeddings.', 'None.')
    return runtime.encoder(name, signal, task)
  },
})

it('reads what BM25 picks where embeddings cannot be loaded, and says so', async () => {
  const result = await ask({ documents, passages: 1 }, { on: withoutEmbeddings('file_missing') })
  expect(result.method).toBe('bm25')
  expect(result.passages).toMatchObject([{ document: { index: 1 } }])
  expect((await ask({ documents })).method).toBe('bm25+embeddings')
})

it('does not hide a wrong name of the embedding model', async () => {
  const result = ask({ documents }, { on: withoutEmbeddings('unknown_model') })
  await expect(result).rejects.toMatchObject({ code: 'unknown_model' })
})

it('tells documents of one id apart by their index', async () => {
  const result = await ask({ documents: documents.map((text) => ({ id: 'same', text })) })
  expect(result.passages!.map(({ document }) => document).sort((a, b) => a.index - b.index)).toEqual([
    { index: 0, id: 'same' },
    { index: 1, id: 'same' },
  ])
})

it('stops when its caller goes away, before and while it reads', async () => {
  const context = 'Anna lives in Oslo. '.repeat(2_000)
  const gone = ask({ context }, { signal: AbortSignal.abort() })
  await expect(gone).rejects.toMatchObject({ code: 'request_aborted' })
  const controller = new AbortController()
  const going = ask({ context }, { signal: controller.signal })
  setTimeout(() => controller.abort(), 20)
  await expect(going).rejects.toMatchObject({ code: 'request_aborted' })
})

it('takes documents of 500,000 characters together and no more', () => {
  const full = Array(10).fill('a'.repeat(MAX_CONTEXT_LENGTH))
  expect(answer.input.safeParse({ question, documents: full }).success).toBe(true)
  const { error } = answer.input.safeParse({ question, documents: [...full, 'a'] })
  expect(error?.issues[0]?.message).toMatch(/500000 characters together/)
})

it.each([
  ['“May 1932”,', 'May 1932'],
  [' in Oslo; ', 'in Oslo'],
  ["the city's hall", "the city's hall"],
  ['a “small” step', 'a “small” step'],
  ['”', '”'],
])('trims %j to %j', (text, expected) => {
  expect(text.slice(...trimAnswer(text, [0, text.length]))).toBe(expected)
})

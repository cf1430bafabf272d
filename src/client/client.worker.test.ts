/** The client inside a Worker, asking through another Worker's fetch as a service binding has it. */
import { exports } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import type { functions } from '../../functions/index.ts'
import { createClient, InvalidInputError, RequestError } from './client.ts'

const nlp = createClient<typeof functions>({
  baseUrl: 'https://edgewise.test',
  fetch: (url, init) => exports.default.fetch(new Request(url, init)),
})

it('asks functions and routes', async () => {
  expect((await nlp.sentiment('I loved it.')).results[0]!.label).toBe('positive')
  const { text } = await nlp.prompts.render({ name: 'classify-topic', values: { label: 'sports' } })
  expect(text).toBe('This is about sports.')
})

it('reads a stream, and leaves one', async () => {
  const input = { text: 'I have no time. Where is my book?', target: 'de' } as const
  const parts = nlp.translate.stream(input)
  let written = ''
  let next = await parts.next()
  for (; !next.done; next = await parts.next()) written += next.value.text
  expect(next.value.results[0]!.translation).toBe(written)
  for await (const { text } of nlp.translate.stream(input)) {
    expect(written.startsWith(text)).toBe(true)
    break
  }
})

it('throws errors by their kind, with the id of the request', async () => {
  const error = await nlp.sentiment('').catch((error: unknown) => error)
  expect(error).toBeInstanceOf(InvalidInputError)
  expect(error).toBeInstanceOf(RequestError)
  expect(error).toMatchObject({ code: 'invalid_input', status: 400, requestId: expect.stringMatching(/./) })
  const signal = AbortSignal.abort()
  await expect(nlp.sentiment('Fine.', { signal })).rejects.toBe(signal.reason)
})

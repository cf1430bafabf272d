/** Asking the Worker under test, inside workerd. */
import { exports } from 'cloudflare:workers'
import { expect } from 'vitest'
import { ERROR_STATUS, type ErrorBody } from '../src/errors.ts'

const url = 'https://edgewise.test'

export const send = (path: string, init?: RequestInit): Promise<Response> =>
  exports.default.fetch(new Request(url + path, init))

export const post = (path: string, body: BodyInit, type = 'application/json'): Promise<Response> =>
  send(path, { method: 'POST', body, headers: { 'content-type': type } })

/** The answer of a function, which must be one. */
export async function answerOf<Answer = Record<string, unknown>>(
  name: string,
  input: unknown,
): Promise<Answer> {
  const response = await post(`/v1/${name}`, JSON.stringify(input))
  const body = await response.json()
  expect(response.status, JSON.stringify(body)).toBe(200)
  return body as Answer
}

/** Expects a typed error that says what was wrong and what to do, and shows nothing of the inside. */
export async function expectError(response: Response, code: string, message = /./): Promise<void> {
  const { error } = (await response.json()) as ErrorBody
  expect(error).toEqual({ code, message: expect.stringMatching(message), hint: expect.stringMatching(/./) })
  expect(response.status).toBe(ERROR_STATUS[error.code])
  expect(JSON.stringify(error)).not.toMatch(/\bat \w+ \(|\.ts:/)
}

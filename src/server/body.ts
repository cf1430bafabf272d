/** A request's body: a JSON object, or a bare text or list that stands for a function's primary field. */
import { EdgewiseError } from '../errors.ts'

/** Most bytes of a request's body. */
export const MAX_BODY_BYTES = 2 ** 20

/**
 * Reads a body that the size limit has already been put on. `application/json` and curl's default form type are
 * parsed as JSON, where anything but an object is the primary field's value; `text/plain` is that value as it is.
 * @throws EdgewiseError `unsupported_media_type`, `invalid_utf8`, `invalid_json`
 */
export async function readInput(request: Request, primary: string): Promise<unknown> {
  const type = (request.headers.get('content-type') ?? 'application/json').split(';')[0]!.trim().toLowerCase()
  const plain = type === 'text/plain'
  if (
    !plain &&
    type !== 'application/x-www-form-urlencoded' &&
    !/^application\/([\w.+-]+\+)?json$/.test(type)
  )
    throw new EdgewiseError(
      'unsupported_media_type',
      `A body of type ${type} is not understood.`,
      'Send content-type: application/json, or text/plain with the text alone.',
    )
  const text = decode(await request.arrayBuffer())
  if (plain) return { [primary]: text }
  try {
    return objectOf(JSON.parse(text), primary)
  } catch (cause) {
    throw new EdgewiseError(
      'invalid_json',
      text.trim() === '' ? 'The body is empty.' : 'The body is not valid JSON.',
      `Send an object such as {"${primary}": "…"}.`,
      { cause },
    )
  }
}

/** JSON's value as an input: anything but an object is the primary field's value. */
export function objectOf(value: unknown, primary: string): Record<string, unknown> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Record<string, unknown>) : { [primary]: value }
}

function decode(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new EdgewiseError('invalid_utf8', 'The body is not valid UTF-8.', 'Encode it as UTF-8.', { cause })
  }
}

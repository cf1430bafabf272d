/** Who may ask, and how often: API keys and a limit on the rate, both only where the Worker has them. */
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { EdgewiseError } from '../errors.ts'

/** Cloudflare's rate limiting binding (https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/). */
export interface RateLimiter {
  limit(options: { key: string }): Promise<{ success: boolean }>
}

export interface Access {
  /** Keys of which one must come as `Authorization: Bearer KEY`; separated by commas or white space. */
  keys?: string | undefined
  limiter?: RateLimiter | undefined
}

/** Seconds until asking again makes sense: the shorter of the binding's two periods, as it does not tell which it has. */
const RETRY_AFTER = '10'

/**
 * Of a service that keeps nothing behind keys.
 * @param accessOf the request's, from its bindings
 * @param keyOf the key of a request that has none in its header, where its protocol has another place for it
 */
export function guard(
  accessOf: (bindings: object) => Access,
  keyOf: (c: Context) => Promise<string | undefined> = async () => undefined,
) {
  return createMiddleware(async (c, next) => {
    const { keys = '', limiter } = accessOf(c.env as object)
    const accepted = keys.split(/[\s,]+/).filter((key) => key !== '')
    // What tells that the service lives and how to use it is for everybody; a browser asks for leave without a key.
    const isOpen = c.req.method === 'OPTIONS' || ['/healthz', '/openapi.json'].includes(c.req.path)
    if (isOpen) return await next()
    const given =
      c.req.header('authorization')?.match(/^Bearer +(\S+)$/i)?.[1] ??
      (accepted.length > 0 ? await keyOf(c) : undefined)
    if (accepted.length > 0 && !(given !== undefined && (await isOneOf(given, accepted)))) {
      c.header('WWW-Authenticate', 'Bearer')
      throw new EdgewiseError(
        'unauthorized',
        given === undefined ? 'The request has no API key.' : 'The API key is not known.',
        'Send an API key of this service as "Authorization: Bearer KEY".',
      )
    }
    if (limiter) {
      // Without keys, one that is made up would have a limit of its own.
      const key = (accepted.length > 0 ? given : c.req.header('cf-connecting-ip')) ?? ''
      if (!(await limiter.limit({ key })).success) {
        c.header('Retry-After', RETRY_AFTER)
        throw new EdgewiseError('rate_limited', 'Too many requests.', `Wait ${RETRY_AFTER} seconds.`)
      }
    }
    await next()
  })
}

/** Compared by their hashes, so that the time it takes tells nothing of a key. */
async function isOneOf(given: string, keys: readonly string[]): Promise<boolean> {
  const [own, ...others] = await Promise.all(
    [given, ...keys].map(async (key) => {
      const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key))
      return new Uint8Array(hash)
    }),
  )
  return others.some((hash) => hash.reduce((differs, byte, i) => differs | (byte ^ own![i]!), 0) === 0)
}

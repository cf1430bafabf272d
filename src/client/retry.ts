/** When a request is sent again, and how long that waits. */
import { NetworkError, RateLimitError, RequestError, UnavailableError } from './errors.ts'

/** Of the first retry, in milliseconds; each further one waits twice as long. */
const FIRST_DELAY = 500

/** Whether the same request may succeed later: too many, not now, or lost on its way. */
const isTransient = (error: RequestError): boolean =>
  error instanceof RateLimitError ||
  error instanceof UnavailableError ||
  (error instanceof NetworkError && error.status === 0)

/** Milliseconds: what the service asks for, else twice the last, less up to a half so that clients do not come at once. */
const delayOf = ({ retryAfter }: RequestError, attempt: number, most: number): number =>
  retryAfter === undefined
    ? Math.min(most, FIRST_DELAY * 2 ** attempt) * (1 - Math.random() / 2)
    : Math.min(most, retryAfter * 1000)

/** Ends at once with the signal's reason when that is aborted. */
const wait = (milliseconds: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', stop, { once: true })
  })

/**
 * Tries until it succeeds, fails for good, or has been tried again `retries` times.
 * @param most milliseconds of a wait
 * @throws the signal's reason once that is aborted, else what the last try threw
 */
export async function withRetries<Answer>(
  tried: () => Promise<Answer>,
  { retries, most, signal }: { retries: number; most: number; signal: AbortSignal | undefined },
): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await tried()
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof RequestError && isTransient(error) && attempt < retries)) throw error
      await wait(delayOf(error, attempt, most), signal)
    }
  }
}

/** What a request fails with: a class for each kind of failure, told apart by `instanceof`. */
import { ERROR_STATUS, type ErrorBody, type ErrorCode } from '../errors.ts'

/** What is known of a failure besides. */
interface Details {
  cause?: unknown
  requestId?: string | undefined
  retryAfter?: number | undefined
}

/** A request that failed. Kinds that have no class of their own (405, 500, 501) are this one. */
export class RequestError extends Error {
  override readonly name: string = 'RequestError'
  /** The service's stable code, or `network` when no answer of the service came. */
  readonly code: ErrorCode | 'network'
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  /** What can be done about it. */
  readonly hint: string
  /** The response's x-request-id, which the service's logs know. */
  readonly requestId: string | undefined
  /** Seconds after which the service asks to be asked again. */
  readonly retryAfter: number | undefined

  constructor(
    code: ErrorCode | 'network',
    status: number,
    message: string,
    hint: string,
    { cause, requestId, retryAfter }: Details = {},
  ) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
    this.status = status
    this.hint = hint
    this.requestId = requestId
    this.retryAfter = retryAfter
  }
}

/** 400 and 413: what was sent cannot be answered; the message names the field. */
export class InvalidInputError extends RequestError {
  override readonly name = 'InvalidInputError'
}

/** 401: the service wants an API key, and not this one. */
export class UnauthorizedError extends RequestError {
  override readonly name = 'UnauthorizedError'
}

/** 404: no such function, model, classifier or prompt. */
export class NotFoundError extends RequestError {
  override readonly name = 'NotFoundError'
}

/** 409: it exists already, or its model has changed since. */
export class ConflictError extends RequestError {
  override readonly name = 'ConflictError'
}

/** 429: too many requests, also after the retries. */
export class RateLimitError extends RequestError {
  override readonly name = 'RateLimitError'
}

/** 503: the service or its model cannot answer now, also after the retries. */
export class UnavailableError extends RequestError {
  override readonly name = 'UnavailableError'
}

/** No answer of the service came, or it broke off. */
export class NetworkError extends RequestError {
  override readonly name = 'NetworkError'
}

const KINDS: Record<number, typeof RequestError> = {
  400: InvalidInputError,
  401: UnauthorizedError,
  404: NotFoundError,
  409: ConflictError,
  413: InvalidInputError,
  429: RateLimitError,
  503: UnavailableError,
}

/** Statuses that say the same whoever sends them, be it a proxy before the service. */
const SPEAKS_FOR_ITSELF = [401, 429, 503]

/** The error of a response, from its body where that is one of the service. */
export function failureOf(response: Response, body: unknown, service: string): RequestError {
  const { status, headers, ok } = response
  const details = {
    requestId: headers.get('x-request-id') ?? undefined,
    retryAfter: secondsOf(headers.get('retry-after')),
  }
  const error = (body as Partial<ErrorBody> | null | undefined)?.error
  if (typeof error?.code !== 'string') {
    const Kind = SPEAKS_FOR_ITSELF.includes(status) ? KINDS[status]! : NetworkError
    const message = `${service} answered ${status} without an answer of edgewise.`
    return new Kind(
      'network',
      status,
      message,
      'Check that the address is that of an edgewise service.',
      details,
    )
  }
  // An error within a stream comes behind a status 200.
  const ownStatus = ok ? (ERROR_STATUS[error.code] ?? 500) : status
  const Kind = KINDS[ownStatus] ?? RequestError
  return new Kind(error.code, ownStatus, error.message, error.hint, details)
}

/** The wait that Retry-After asks for (RFC 9110, 10.2.3), in seconds: a number of them, or a date. */
function secondsOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter)
  const date = /^[A-Z]/.test(retryAfter) ? Date.parse(retryAfter) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000)
}

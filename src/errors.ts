/**
 * Every failure that leaves edgewise is an EdgewiseError: a stable code, an HTTP status, what was wrong and
 * what to do about it. Nothing else crosses the edge of the system, so no stack trace ever does.
 */

/** Stable codes and the HTTP status each is sent with. Codes are part of the public interface. */
export const ERROR_STATUS = {
  invalid_json: 400,
  invalid_utf8: 400,
  invalid_input: 400,
  context_exceeded: 400,
  schema_unsupported: 400,
  language_unsupported: 400,
  template_invalid: 400,
  budget_too_small: 400,
  unauthorized: 401,
  not_found: 404,
  unknown_model: 404,
  unknown_prompt: 404,
  unknown_classifier: 404,
  method_not_allowed: 405,
  already_exists: 409,
  classifier_outdated: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  request_aborted: 499,
  internal: 500,
  not_configured: 501,
  catalog_invalid: 503,
  config_invalid: 503,
  tokenizer_invalid: 503,
  architecture_unsupported: 503,
  file_missing: 503,
  file_truncated: 503,
  file_altered: 503,
  storage_failed: 503,
  tensor_missing: 503,
  tensor_invalid: 503,
  weights_malformed: 503,
  memory_exceeded: 503,
} as const

export type ErrorCode = keyof typeof ERROR_STATUS

/** The JSON body of every error response. */
export interface ErrorBody {
  error: { code: ErrorCode; message: string; hint: string }
}

export class EdgewiseError extends Error {
  override readonly name = 'EdgewiseError'
  readonly code: ErrorCode
  readonly hint: string

  /**
   * @param code stable, machine-readable; decides the HTTP status
   * @param message what was wrong, with the offending name or value
   * @param hint what the caller can do about it
   */
  constructor(code: ErrorCode, message: string, hint: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.hint = hint
  }

  get status(): number {
    return ERROR_STATUS[this.code]
  }

  toJSON(): ErrorBody {
    return { error: { code: this.code, message: this.message, hint: this.hint } }
  }
}

/** Throws `request_aborted` if the caller has gone away; called between units of work. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new EdgewiseError('request_aborted', 'The request was aborted by its caller.', 'Send it again.')
}

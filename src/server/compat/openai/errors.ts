/** Errors in OpenAI's form, of which its clients make their classes by the status. */
import type { EdgewiseError } from '../../../errors.ts'

/** https://platform.openai.com/docs/guides/error-codes */
export function errorBody({ status, code, message, hint }: EdgewiseError) {
  const type =
    status === 401
      ? 'authentication_error'
      : status === 429
        ? 'rate_limit_error'
        : status < 500
          ? 'invalid_request_error'
          : 'server_error'
  return {
    error: {
      message: `${message} ${hint}`,
      type,
      param: code === 'unknown_model' ? 'model' : null,
      code: code === 'unknown_model' ? 'model_not_found' : code,
    },
  }
}

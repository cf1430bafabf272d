/** Errors in Hugging Face's form: one text that says what was wrong. */
import type { EdgewiseError } from '../../../errors.ts'

export const errorBody = ({ message, hint }: EdgewiseError) => ({ error: `${message} ${hint}` })

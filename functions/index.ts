/** Every function there is. The gateway serves all of them; one line adds one. */
import { sentiment } from './sentiment/function.ts'

export const functions = [sentiment] as const

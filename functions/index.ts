/** Every function there is. The gateway serves all of them; one line adds one. */
import { answer } from './answer/function.ts'
import { chat } from './chat/function.ts'
import { classifiers } from './classifiers/function.ts'
import { classify } from './classify/function.ts'
import { code } from './code/function.ts'
import { embed } from './embed/function.ts'
import { fillMask } from './fill-mask/function.ts'
import { generate } from './generate/function.ts'
import { prompts } from './prompts/function.ts'
import { score } from './score/function.ts'
import { sentiment } from './sentiment/function.ts'
import { summarize } from './summarize/function.ts'
import { tokenize } from './tokenize/function.ts'
import { translate } from './translate/function.ts'

export const functions = [
  sentiment,
  answer,
  classify,
  classifiers,
  embed,
  fillMask,
  score,
  tokenize,
  translate,
  summarize,
  generate,
  chat,
  code,
  prompts,
] as const

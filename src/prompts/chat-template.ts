/** The chat template of a model: Jinja in its tokenizer_config.json, as Hugging Face publishes it. */
import * as z from 'zod'
import { EdgewiseError } from '../errors.ts'
import { createTemplate, type JinjaTemplate } from './template.ts'

/** One turn of a conversation, with whatever else the template reads of it. */
export interface ChatMessage {
  role: string
  content: string
  [field: string]: unknown
}

export interface ChatTemplate {
  /**
   * The prompt of a conversation that the assistant is to answer.
   * @throws EdgewiseError `template_invalid` where the template refuses these messages
   */
  render(messages: readonly ChatMessage[], values?: Record<string, unknown>): string
}

/** A special token is a string, or an object that says how it is matched. */
const tokenText = z
  .union([z.string(), z.object({ content: z.string() }).transform(({ content }) => content)])
  .nullish()

const tokenizerConfig = z.object({
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .nullish(),
  bos_token: tokenText,
  eos_token: tokenText,
  pad_token: tokenText,
  unk_token: tokenText,
})

/** Of tokenizer_config.json; undefined where it has no template. @throws EdgewiseError `config_invalid` */
export function createChatTemplate(json: unknown): ChatTemplate | undefined {
  const parsed = tokenizerConfig.safeParse(json)
  if (!parsed.success) return undefined
  const { chat_template: templates, ...tokens } = parsed.data
  const source =
    typeof templates === 'string'
      ? templates
      : (templates?.find(({ name }) => name === 'default') ?? templates?.[0])?.template
  if (source == null) return undefined
  let template: JinjaTemplate
  try {
    template = createTemplate(source)
  } catch (cause) {
    throw new EdgewiseError(
      'config_invalid',
      `The chat template of tokenizer_config.json does not parse: ${(cause as Error).message}.`,
      'Use the file that was published with the model.',
      { cause },
    )
  }
  return {
    render(messages, values = {}) {
      try {
        return template.render({ ...tokens, add_generation_prompt: true, ...values, messages })
      } catch (cause) {
        throw new EdgewiseError(
          'template_invalid',
          `The chat template refuses these messages: ${(cause as Error).message.slice(0, 300)}.`,
          'Use the roles in the order that this model was trained with.',
          { cause },
        )
      }
    },
  }
}

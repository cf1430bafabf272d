/** A conversation as a prompt that fits. */
import { EdgewiseError } from '../../src/errors.ts'
import type { ChatMessage } from '../../src/prompts/chat-template.ts'
import type { Generator } from '../../src/runtime/runtime.ts'
import type { Tool } from './tools.ts'

/**
 * Tokens of a conversation by the model's template. Where they leave no room for the reply, the earliest messages are left
 * out, but for those of the system and the last one.
 * @param reply tokens of the reply; at most half of the context is kept free for it
 * @throws EdgewiseError `config_invalid` where the model has no template, `template_invalid`, `context_exceeded`
 */
export function promptOf(
  generator: Generator,
  messages: readonly ChatMessage[],
  tools: readonly Tool[],
  reply: number,
): { ids: number[]; leftOut: number } {
  const { chatTemplate, contextLength } = generator
  if (!chatTemplate)
    throw new EdgewiseError(
      'config_invalid',
      `Model "${generator.name}" has no chat template.`,
      'Choose a model whose tokenizer_config.json has one; GET /v1/models lists what there is.',
    )
  const room = contextLength - Math.min(reply, Math.floor(contextLength / 2))
  const plain = messages.map((message) => ({
    ...message,
    content: withoutTokens(message.content, generator),
  }))
  const values =
    tools.length > 0 ? { tools: tools.map((tool) => ({ type: 'function', function: tool })) } : {}
  const kept = [...plain]
  for (let leftOut = 0; ; leftOut++) {
    const ids = generator.encode(chatTemplate.render(kept, values))
    const earliest = kept.findIndex(({ role }, i) => role !== 'system' && i < kept.length - 1)
    if (ids.length <= room || earliest < 0) return { ids, leftOut }
    kept.splice(earliest, 1)
  }
}

/** Characters of a message by which it is judged. */
const JUDGED = 1_000

/**
 * How much a person's message surprises the model, in nats a token: what it adds to a conversation without it. A model that
 * is surprised has seen little of the kind. Needs a chat template.
 */
export async function surpriseOf(
  generator: Generator,
  content: string,
  signal: AbortSignal,
): Promise<number> {
  const text = withoutTokens(content.trim().slice(0, JUDGED), generator)
  const told = async (content: string) => {
    const ids = generator.encode(generator.chatTemplate!.render([{ role: 'user', content }]))
    const logprobs = await generator.logprobs(ids.slice(0, generator.contextLength), signal)
    return { tokens: ids.length, nats: -logprobs.reduce((sum, logprob) => sum + logprob, 0) }
  }
  const [whole, empty] = [await told(text), await told('')]
  return Math.max(0, whole.nats - empty.nats) / Math.max(1, whole.tokens - empty.tokens)
}

/** A message's text must not pass for the tokens that part turns: each is broken by a space. */
function withoutTokens(content: string, { tokenizer }: Generator): string {
  for (const id of tokenizer.specialIds) {
    const token = tokenizer.tokenOf(id)!
    if (token.length > 1) content = content.replaceAll(token, `${token[0]} ${token.slice(1)}`)
  }
  return content
}

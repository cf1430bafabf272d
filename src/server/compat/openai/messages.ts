/** Messages and tools of OpenAI's chat completions, as the chat function takes them. */
import * as z from 'zod'
import type { chat } from '../../../../functions/chat/function.ts'
import { EdgewiseError } from '../../../errors.ts'
import { optional } from './request.ts'

type ChatInput = z.input<(typeof chat)['input']>
export type Message = Exclude<ChatInput['messages'], string>[number]
export type Tool = NonNullable<ChatInput['tools']>[number]
export type ToolChoice = NonNullable<ChatInput['toolChoice']>

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() })
const content = z.union([z.string(), z.array(textPart)], {
  error: 'must be text: a string, or parts of type "text"',
})
const call = z.looseObject({
  id: z.string(),
  type: z.literal('function'),
  function: z.looseObject({ name: z.string(), arguments: z.string() }),
})

export const message = z.discriminatedUnion('role', [
  z.looseObject({ role: z.enum(['system', 'developer']), content }),
  z.looseObject({ role: z.literal('user'), content }),
  z.looseObject({
    role: z.literal('assistant'),
    content: optional(content),
    tool_calls: optional(z.array(call)),
  }),
  z.looseObject({ role: z.literal('tool'), content, tool_call_id: z.string() }),
])

export const tool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({
    name: z.string(),
    description: optional(z.string()),
    parameters: optional(z.record(z.string(), z.json())),
  }),
})

export const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) }),
])

const textOf = (content: z.output<typeof message>['content']): string =>
  typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('')

/** @throws EdgewiseError `invalid_input` where a tool answers a call that is not there, or arguments are no JSON */
export function messagesOf(given: readonly z.output<typeof message>[]): Message[] {
  const names = new Map<string, string>()
  return given.map((one): Message => {
    if (one.role === 'tool') {
      const name = names.get(one.tool_call_id)
      if (name === undefined)
        throw new EdgewiseError(
          'invalid_input',
          `messages: no call has the id "${one.tool_call_id.slice(0, 100)}".`,
          'Send the message of the assistant that calls before the one that answers.',
        )
      return { role: 'tool', name, content: textOf(one.content) }
    }
    if (one.role === 'assistant') {
      const toolCalls = one.tool_calls?.map(({ id, function: { name, arguments: text } }) => {
        names.set(id, name)
        return { name, arguments: argumentsOf(text, name) }
      })
      return { role: 'assistant', content: textOf(one.content), ...(toolCalls && { toolCalls }) }
    }
    return { role: one.role === 'user' ? 'user' : 'system', content: textOf(one.content) }
  })
}

export function argumentsOf(text: string, name: string): Record<string, z.core.util.JSONType> {
  const parsed = z.record(z.string(), z.json()).safeParse(parse(text))
  if (parsed.success) return parsed.data
  throw new EdgewiseError(
    'invalid_input',
    `messages: the arguments of the call of "${name}" are no JSON object.`,
    'Send them as they came.',
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const toolOf = (given: {
  name: string
  description?: string | undefined
  parameters?: Record<string, z.core.util.JSONType> | undefined
}): Tool => ({
  name: given.name,
  description: given.description ?? '',
  ...(given.parameters && { parameters: given.parameters }),
})

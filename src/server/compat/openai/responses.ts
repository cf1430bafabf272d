/** POST /v1/responses, of texts, on the chat function (https://platform.openai.com/docs/api-reference/responses). */
import type { Context } from 'hono'
import * as z from 'zod'
import type { chat } from '../../../../functions/chat/function.ts'
import { EdgewiseError } from '../../../errors.ts'
import { dataEvent, type EventFormat, eventStream } from '../../events.ts'
import type { Service } from '../../service.ts'
import { errorBody } from './errors.ts'
import { chatLogprobs } from './logprobs.ts'
import { argumentsOf, type Message, toolOf } from './messages.ts'
import {
  ANY_OBJECT,
  decodingOf,
  jsonSchema,
  model,
  newId,
  now,
  optional,
  readRequest,
  sampling,
} from './request.ts'

type Reply = z.output<(typeof chat)['output']>

/** Nothing is kept, so that there is nothing to go on from. */
const REFUSED = ['previous_response_id', 'conversation', 'background', 'prompt', 'include']

const text = z.looseObject({ type: z.enum(['input_text', 'output_text', 'text']), text: z.string() })
const content = z.union([z.string(), z.array(text)], {
  error: 'must be text: a string, or parts of type "input_text" or "output_text"',
})
const item = z.union(
  [
    z.looseObject({
      type: optional(z.literal('message')),
      role: z.enum(['system', 'developer', 'user', 'assistant']),
      content,
    }),
    z.looseObject({
      type: z.literal('function_call'),
      call_id: z.string(),
      name: z.string(),
      arguments: z.string(),
    }),
    z.looseObject({ type: z.literal('function_call_output'), call_id: z.string(), output: content }),
  ],
  { error: 'must be a message of text, a function_call or a function_call_output' },
)
const tool = z.looseObject({
  type: z.literal('function', { error: 'must be "function"' }),
  name: z.string(),
  description: optional(z.string()),
  parameters: optional(z.record(z.string(), z.json())),
})

export const responseRequest = z.looseObject({
  model,
  input: z.union([z.string().min(1), z.array(item).min(1)]),
  instructions: optional(z.string()),
  max_output_tokens: optional(z.int().min(1)),
  temperature: sampling.temperature,
  top_p: sampling.top_p,
  top_logprobs: optional(z.int().min(0).max(20)),
  text: optional(
    z.looseObject({
      format: optional(
        z.discriminatedUnion('type', [
          z.looseObject({ type: z.literal('text') }),
          z.looseObject({ type: z.literal('json_object') }),
          jsonSchema.extend({ type: z.literal('json_schema') }),
        ]),
      ),
    }),
  ),
  tools: optional(z.array(tool)),
  tool_choice: optional(
    z.union([
      z.enum(['none', 'auto', 'required']),
      z.looseObject({ type: z.literal('function'), name: z.string() }),
    ]),
  ),
  stream: optional(z.boolean()),
})

export const response = z.looseObject({
  id: z.string(),
  object: z.literal('response'),
  created_at: z.int(),
  status: z.enum(['in_progress', 'completed', 'incomplete']),
  error: z.null(),
  incomplete_details: z.object({ reason: z.literal('max_output_tokens') }).nullable(),
  model: z.string(),
  output: z.array(
    z.discriminatedUnion('type', [
      z.object({
        id: z.string(),
        type: z.literal('message'),
        status: z.enum(['completed', 'incomplete']),
        role: z.literal('assistant'),
        content: z.array(
          z.object({
            type: z.literal('output_text'),
            text: z.string(),
            annotations: z.array(z.never()),
            logprobs: z.array(z.unknown()),
          }),
        ),
      }),
      z.object({
        id: z.string(),
        type: z.literal('function_call'),
        status: z.literal('completed'),
        call_id: z.string(),
        name: z.string(),
        arguments: z.string(),
      }),
    ]),
  ),
  usage: z
    .object({
      input_tokens: z.int(),
      input_tokens_details: z.object({ cached_tokens: z.int() }),
      output_tokens: z.int(),
      output_tokens_details: z.object({ reasoning_tokens: z.int() }),
      total_tokens: z.int(),
    })
    .nullable(),
})

type Request = z.output<typeof responseRequest>

const textOf = (given: z.output<typeof content>) =>
  typeof given === 'string' ? given : given.map(({ text }) => text).join('')

function messagesOf({ instructions, input }: Request): Message[] {
  const names = new Map<string, string>()
  const items = typeof input === 'string' ? [{ role: 'user' as const, content: input }] : input
  return [
    ...(instructions === undefined ? [] : [{ role: 'system' as const, content: instructions }]),
    ...items.map((one): Message => {
      if ('role' in one && one.role !== undefined) {
        const { role, content } = one as { role: 'developer' | Message['role']; content: string }
        return { role: role === 'developer' ? 'system' : role, content: textOf(content) }
      }
      if (one.type === 'function_call') {
        const { call_id, name, arguments: given } = one as Record<'call_id' | 'name' | 'arguments', string>
        names.set(call_id, name)
        return { role: 'assistant', content: '', toolCalls: [{ name, arguments: argumentsOf(given, name) }] }
      }
      const { call_id, output } = one as { call_id: string; output: z.output<typeof content> }
      const name = names.get(call_id)
      if (name === undefined)
        throw new EdgewiseError(
          'invalid_input',
          `input: no call has the id "${call_id.slice(0, 100)}".`,
          'Send the function_call before its output.',
        )
      return { role: 'tool', name, content: textOf(output) }
    }),
  ]
}

function inputOf(request: Request): z.input<(typeof chat)['input']> {
  const { text, tools, tool_choice: choice, top_logprobs: top } = request
  const format = text?.format
  const schema =
    format?.type === 'json_schema' ? format.schema : format?.type === 'json_object' ? ANY_OBJECT : undefined
  return {
    model: request.model,
    messages: messagesOf(request),
    ...decodingOf(request, request.max_output_tokens),
    ...(top !== undefined && { logprobs: true, topLogprobs: top }),
    ...(schema && { schema }),
    ...(tools && { tools: tools.map(toolOf) }),
    ...(choice && { toolChoice: typeof choice === 'object' ? { name: choice.name } : choice }),
  }
}

/** What a response says of its request. */
const echoOf = (request: Request) => ({
  object: 'response' as const,
  error: null,
  instructions: request.instructions ?? null,
  model: request.model,
  max_output_tokens: request.max_output_tokens ?? null,
  metadata: request.metadata ?? {},
  parallel_tool_calls: false,
  previous_response_id: null,
  store: false,
  temperature: request.temperature ?? 0,
  text: { format: request.text?.format ?? { type: 'text' } },
  tool_choice: request.tool_choice ?? 'auto',
  tools: request.tools ?? [],
  top_p: request.top_p ?? 1,
  truncation: 'auto',
})

type Output = z.input<typeof response>['output']

/** @param text as it was sent, of a stream */
function outputOf(reply: Reply, ids: readonly string[], text = reply.message.content): Output {
  const { toolCalls } = reply.message
  if (toolCalls)
    return toolCalls.map(({ name, arguments: given }, i) => ({
      id: ids[i]!,
      type: 'function_call',
      status: 'completed',
      call_id: newId('call'),
      name,
      arguments: JSON.stringify(given),
    }))
  return [
    {
      id: ids[0]!,
      type: 'message',
      status: isWhole(reply) ? 'completed' : 'incomplete',
      role: 'assistant',
      content: [{ type: 'output_text', text, annotations: [], logprobs: chatLogprobs(reply.logprobs ?? []) }],
    },
  ]
}

const isWhole = ({ finishReason }: Reply): boolean => finishReason === 'stop'

const endOf = (reply: Reply, output: Output) => ({
  status: isWhole(reply) ? ('completed' as const) : ('incomplete' as const),
  incomplete_details: isWhole(reply) ? null : { reason: 'max_output_tokens' as const },
  output,
  usage: {
    input_tokens: reply.usage.promptTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: reply.usage.completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: reply.usage.promptTokens + reply.usage.completionTokens,
  },
})

export async function respond(c: Context, service: Service, fn: typeof chat): Promise<Response> {
  const request = await readRequest(c, responseRequest, REFUSED)
  const head = { id: newId('resp'), created_at: now(), ...echoOf(request) }
  if (request.stream) return await eventStream(service.write(fn, inputOf(request), c), events(head))
  const reply = await service.run(fn, inputOf(request), c)
  return c.json({
    ...head,
    ...endOf(reply, outputOf(reply, [newId('item')])),
  } satisfies z.input<typeof response>)
}

/** Events by their types (https://platform.openai.com/docs/api-reference/responses-streaming), numbered through. */
function events(head: object): EventFormat<Reply> {
  const id = newId('item')
  const place = { item_id: id, output_index: 0 }
  const started = { ...head, status: 'in_progress', incomplete_details: null, output: [], usage: null }
  let number = 0
  let written = ''
  const event = (type: string, data: object) =>
    `event: ${type}\n${dataEvent({ type, sequence_number: number++, ...data })}`
  const begin = () =>
    number > 0
      ? ''
      : event('response.created', { response: started }) +
        event('response.in_progress', { response: started })
  const partOf = (text: string, logprobs: Reply['logprobs'] = []) => ({
    type: 'output_text',
    text,
    annotations: [],
    logprobs: chatLogprobs(logprobs),
  })
  const beginText = () => {
    const item = { id, type: 'message', status: 'in_progress', role: 'assistant', content: [] }
    return (
      event('response.output_item.added', { output_index: 0, item }) +
      event('response.content_part.added', { ...place, content_index: 0, part: partOf('') })
    )
  }
  const endText = (text: string, logprobs: Reply['logprobs']) =>
    event('response.output_text.done', {
      ...place,
      content_index: 0,
      text,
      logprobs: chatLogprobs(logprobs ?? []),
    }) + event('response.content_part.done', { ...place, content_index: 0, part: partOf(text, logprobs) })
  const call = (item: Output[0] & { type: 'function_call' }) =>
    event('response.output_item.added', {
      output_index: 0,
      item: { ...item, status: 'in_progress', arguments: '' },
    }) +
    event('response.function_call_arguments.delta', { ...place, delta: item.arguments }) +
    event('response.function_call_arguments.done', { ...place, name: item.name, arguments: item.arguments })
  return {
    part({ text, logprobs }) {
      const start = written === '' ? begin() + beginText() : ''
      written += text
      const delta = { ...place, content_index: 0, delta: text, logprobs: chatLogprobs(logprobs ?? []) }
      return start + event('response.output_text.delta', delta)
    },
    end(reply) {
      const start = begin()
      const output = outputOf(reply, [id], written)
      const item = output[0]!
      const body =
        item.type === 'function_call'
          ? call(item)
          : (written === '' ? beginText() : '') + endText(written, reply.logprobs)
      const end = endOf(reply, output)
      return (
        start +
        body +
        event('response.output_item.done', { output_index: 0, item }) +
        event(`response.${end.status}`, { response: { ...head, ...end } })
      )
    },
    error(error) {
      const { message, param, code } = errorBody(error).error
      return begin() + event('error', { code, message, param })
    },
  }
}

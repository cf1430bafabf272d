/** POST /v1/chat/completions on the chat function (https://platform.openai.com/docs/api-reference/chat). */
import type { Context } from 'hono'
import * as z from 'zod'
import type { chat } from '../../../../functions/chat/function.ts'
import { dataEvent, type EventFormat, eventStream } from '../../events.ts'
import type { Service } from '../../service.ts'
import { errorBody } from './errors.ts'
import { inTurn } from './in-turn.ts'
import { chatLogprobs } from './logprobs.ts'
import { message, messagesOf, tool, toolChoice, toolOf } from './messages.ts'
import {
  ANY_OBJECT,
  decodingOf,
  jsonSchema,
  model,
  n,
  newId,
  now,
  optional,
  readRequest,
  sampling,
} from './request.ts'

type Reply = z.output<(typeof chat)['output']>

const REFUSED = ['functions', 'function_call', 'audio', 'prediction', 'web_search_options']

export const chatRequest = z.looseObject({
  model,
  messages: z.array(message).min(1),
  max_completion_tokens: optional(z.int().min(1)),
  max_tokens: optional(z.int().min(1)).describe('The older name of max_completion_tokens'),
  n,
  ...sampling,
  logprobs: optional(z.boolean()),
  top_logprobs: optional(z.int().min(0).max(20)),
  response_format: optional(
    z.discriminatedUnion('type', [
      z.looseObject({ type: z.literal('text') }),
      z.looseObject({ type: z.literal('json_object') }),
      z.looseObject({ type: z.literal('json_schema'), json_schema: jsonSchema }),
    ]),
  ).describe('JSON always validates: no other token can be written'),
  tools: optional(z.array(tool)),
  tool_choice: optional(toolChoice),
  stream: optional(z.boolean()),
  stream_options: optional(z.looseObject({ include_usage: optional(z.boolean()) })),
  documents: optional(z.array(z.union([z.string(), z.looseObject({ text: z.string() })]))).describe(
    'Of edgewise: texts to answer from, see POST /v1/chat',
  ),
})

const tokenLogprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()).nullable() })
const logprobs = z
  .object({
    content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })),
    refusal: z.null(),
  })
  .nullable()
const ended = z.enum(['stop', 'length', 'tool_calls'])
const toolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string().describe('JSON') }),
})
export const usage = z.object({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
})

export const chatCompletion = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  system_fingerprint: z.string().describe('The revision of the model'),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        refusal: z.null(),
        tool_calls: z.array(toolCall).optional(),
      }),
      logprobs,
      finish_reason: ended,
      edgewise: z
        .object({
          method: z.string(),
          evidence: z.unknown(),
          unfamiliar: z.boolean(),
          leftOut: z.int(),
        })
        .describe(
          'Who speaks, from what document, whether the model has seen little of the kind, and how many earlier messages ' +
            'had no room: see POST /v1/chat',
        ),
    }),
  ),
  usage,
})

type Request = z.output<typeof chatRequest>

function inputOf(request: Request, index: number): z.input<(typeof chat)['input']> {
  const { response_format: format, tools, tool_choice: choice, seed, n = 1 } = request
  const schema =
    format?.type === 'json_schema'
      ? format.json_schema.schema
      : format?.type === 'json_object'
        ? ANY_OBJECT
        : undefined
  return {
    model: request.model,
    messages: messagesOf(request.messages),
    ...decodingOf(
      { ...request, ...(seed !== undefined && { seed: seed + index }) },
      request.max_completion_tokens ?? request.max_tokens,
      n,
    ),
    ...(request.logprobs && { logprobs: true, topLogprobs: request.top_logprobs ?? 0 }),
    ...(schema && { schema }),
    ...(tools && { tools: tools.map((one) => toolOf(one.function)) }),
    ...(choice && { toolChoice: typeof choice === 'object' ? { name: choice.function.name } : choice }),
    ...(request.documents && { documents: request.documents as string[] }),
  }
}

const finishReasonOf = ({ message, finishReason }: Reply): z.output<typeof ended> =>
  message.toolCalls ? 'tool_calls' : finishReason === 'stop' ? 'stop' : 'length'

const toolCallsOf = ({ message }: Reply) =>
  message.toolCalls?.map(({ name, arguments: given }) => ({
    id: newId('call'),
    type: 'function' as const,
    function: { name, arguments: JSON.stringify(given) },
  }))

const usageOf = (replies: readonly Reply[]) => {
  // The prompt is the same in all.
  const prompt_tokens = replies[0]!.usage.promptTokens
  const completion_tokens = replies.reduce((sum, { usage }) => sum + usage.completionTokens, 0)
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

export async function completeChat(c: Context, service: Service, fn: typeof chat): Promise<Response> {
  const request = await readRequest(c, chatRequest, REFUSED)
  const texts = request.n ?? 1
  const head = { id: newId('chatcmpl'), created: now() }
  if (request.stream) {
    const writings = Array.from({ length: texts }, (_, i) => service.write(fn, inputOf(request, i), c))
    return await eventStream(
      inTurn(writings, 1),
      chunks(head, request.model, request.stream_options?.include_usage === true),
    )
  }
  const replies: Reply[] = []
  for (let i = 0; i < texts; i++) replies.push(await service.run(fn, inputOf(request, i), c))
  return c.json({
    ...head,
    object: 'chat.completion',
    model: request.model,
    system_fingerprint: replies[0]!.model.revision,
    choices: replies.map((reply, index) => {
      const calls = toolCallsOf(reply)
      return {
        index,
        message: {
          role: 'assistant',
          content: calls ? null : reply.message.content,
          refusal: null,
          ...(calls && { tool_calls: calls }),
        },
        logprobs: reply.logprobs ? { content: chatLogprobs(reply.logprobs), refusal: null } : null,
        finish_reason: finishReasonOf(reply),
        edgewise: {
          method: reply.method,
          evidence: reply.evidence ?? null,
          unfamiliar: reply.unfamiliar ?? false,
          leftOut: reply.leftOut,
        },
      }
    }),
    usage: usageOf(replies),
  } satisfies z.input<typeof chatCompletion>)
}

/** Chunks of chat.completion.chunk; the reader is told the end of each text with the last part, or of all at the end. */
function chunks(head: object, model: string, includeUsage: boolean): EventFormat<Reply[]> {
  const begun = new Set<number>()
  /** Tokens told of each text. */
  const told = new Map<number, number>()
  const chunk = (choices: object[], usage: object | null = null) =>
    dataEvent({
      ...head,
      object: 'chat.completion.chunk',
      model,
      choices,
      ...(includeUsage && { usage }),
    })
  const choice = (
    index: number,
    delta: object,
    logprobs: Reply['logprobs'],
    finish_reason: string | null = null,
  ) =>
    chunk([
      {
        index,
        delta,
        logprobs: logprobs?.length ? { content: chatLogprobs(logprobs), refusal: null } : null,
        finish_reason,
      },
    ])
  const begin = (index: number) => {
    if (begun.has(index)) return ''
    begun.add(index)
    return choice(index, { role: 'assistant', content: '' }, undefined)
  }
  return {
    part({ index, text, logprobs }) {
      told.set(index, (told.get(index) ?? 0) + (logprobs?.length ?? 0))
      return begin(index) + choice(index, { content: text }, logprobs)
    },
    end: (replies) =>
      replies
        .map((reply, index) => {
          const calls = toolCallsOf(reply)?.map((call, i) => ({ index: i, ...call }))
          return (
            begin(index) +
            (calls ? choice(index, { tool_calls: calls }, undefined) : '') +
            choice(index, {}, reply.logprobs?.slice(told.get(index) ?? 0), finishReasonOf(reply))
          )
        })
        .join('') +
      (includeUsage ? chunk([], usageOf(replies)) : '') +
      'data: [DONE]\n\n',
    error: (error) => dataEvent(errorBody(error)),
  }
}

/**
 * Chat: the next turn of a conversation. From documents where they are given, as a call of a tool where one fits, else in the
 * model's own words. A small model knows little: what documents say goes before what it would make up.
 */
import * as z from 'zod'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction, drain, type FunctionContext, type TextPart } from '../../src/function.ts'
import type { ChatMessage } from '../../src/prompts/chat-template.ts'
import { modelName, modelUsed, probability } from '../../src/texts.ts'
import { answer } from '../answer/function.ts'
import { decodingFields } from '../generate/function.ts'
import { completion, usage, write } from '../generate/writing.ts'
import { promptOf, surpriseOf } from './conversation.ts'
import { chooseTool, toolCall, toolDefinition, toolSchema } from './tools.ts'

const MAX_MESSAGES = 200
/** The model that the next figure is of. */
const SHIPPED = 'chat'
/**
 * From this surprise on, in nats a token, a message is unlike what the shipped model was trained on: where most dialogues of
 * dialogue.train stay below and most questions of qa.train above (`npm run eval unfamiliar`).
 */
export const UNFAMILIAR = 4.25
const MAX_CONTENT = 50_000

const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string().max(MAX_CONTENT, `must be at most ${MAX_CONTENT} characters`),
  toolCalls: z.array(toolCall).optional().describe('Of an assistant: what it called'),
  name: z.string().max(64).optional().describe('Of a tool: which one answers'),
})

const input = z.strictObject({
  messages: z
    .union([
      z.string().min(1, 'must not be empty').max(MAX_CONTENT, `must be at most ${MAX_CONTENT} characters`),
      z
        .array(message)
        .min(1, 'must hold at least one message')
        .max(MAX_MESSAGES, `must hold at most ${MAX_MESSAGES} messages`)
        .refine(
          (messages) => ['user', 'tool'].includes(messages.at(-1)?.role ?? ''),
          'must end with a user or a tool',
        ),
    ])
    .describe('The conversation so far, or the one message of a user'),
  documents: answer.input.shape.documents.describe(
    'Texts to answer from: the reply quotes them, or says that they do not tell',
  ),
  documentsOnly: z
    .boolean()
    .default(true)
    .describe('Where the documents do not tell, the model is not asked either'),
  tools: z
    .array(toolDefinition)
    .max(16, 'must hold at most 16 tools')
    .default([])
    .describe('What may be called'),
  toolChoice: z
    .union([z.enum(['auto', 'none', 'required']), z.strictObject({ name: z.string() })])
    .default('auto')
    .describe('auto calls a tool whose description is near to the last message; required calls the nearest'),
  ...decodingFields,
  schema: decodingFields.schema.describe(
    'A JSON schema: the reply is JSON that validates, unless a tool is called',
  ),
  maxNewTokens: z
    .int()
    .min(1)
    .max(2_048)
    .default(96)
    .describe('Most tokens to write; the context is a limit too'),
  repetitionPenalty: z
    .number()
    .positive()
    .max(10)
    .default(1.1)
    .describe('Above 1 makes tokens that occurred less likely'),
  stream: z.boolean().default(false).describe('Sends the reply as it is written'),
  model: modelName('chat'),
})

const output = z.object({
  message: z.object({
    role: z.literal('assistant'),
    content: z.string(),
    toolCalls: z.array(toolCall).optional(),
  }),
  method: z
    .enum(['model', 'documents', 'not-in-documents', 'tool', 'tool-result'])
    .describe(
      'Who speaks: the model; a quoted document; nobody, as the documents do not tell; a call of a tool; what a tool told',
    ),
  evidence: z
    .object({
      answer: z.string(),
      document: z.object({ index: z.int(), id: z.string().optional() }),
      start: z.int().describe('Of the quoted sentence in its document'),
      end: z.int(),
      score: probability,
    })
    .optional()
    .describe('Where documents answer: what in the quoted sentence does, and where it stands'),
  unfamiliar: z
    .literal(true)
    .optional()
    .describe(
      'The message is unlike what the shipped model was trained on: its reply is most likely made up',
    ),
  finishReason: completion.shape.finishReason,
  logprobs: completion.shape.logprobs,
  leftOut: z.int().describe('Earlier messages that had no room in the context'),
  usage,
  model: modelUsed,
})

type Input = z.output<typeof input>
type Output = z.output<typeof output>

export const chat = defineFunction({
  name: 'chat',
  summary: 'Reply in a conversation, from documents or by a tool where they are given',
  description:
    'The next turn of a conversation, written by the chat template of the model itself. With `documents` the reply is a ' +
    'sentence of them, with its place, or says that they do not tell. With `tools` it may be a call whose arguments ' +
    'validate by the schema of the tool. The earliest messages are left out where the context has no room, never the ' +
    'system’s. The shipped model is tiny: it talks about restaurants, travel and bookings, and knows no facts.',
  model: 'chat',
  // Documents are answered from as by answer; the tool is chosen by embeddings.
  furtherModels: ['answer', 'embed'],
  primary: 'messages',
  input,
  output,
  examples: [
    { title: 'A message', input: { messages: 'I am looking for a restaurant in San Jose.' } },
    {
      title: 'From documents',
      input: {
        messages: 'How long does delivery take?',
        documents: [
          'You may send back what you bought within 30 days. We refund the full price.',
          'We ship on the day of the order. Delivery takes three to five days.',
        ],
      },
    },
    {
      title: 'A tool',
      input: {
        messages: 'What will the weather be like in Oslo tomorrow?',
        tools: [
          {
            name: 'get_weather',
            description: 'Tells the weather of a city on a day',
            parameters: {
              type: 'object',
              properties: { city: { type: 'string', maxLength: 24 }, day: { enum: ['today', 'tomorrow'] } },
              required: ['city', 'day'],
              additionalProperties: false,
            },
          },
        ],
        toolChoice: 'required',
      },
    },
  ],
  run: async (input, context) => await drain(reply(input, context)),
  stream: reply,
})

async function* reply(
  {
    messages: given,
    documents,
    documentsOnly,
    tools,
    toolChoice,
    schema,
    model,
    stream: _,
    ...options
  }: Input,
  context: FunctionContext,
): AsyncGenerator<TextPart, Output, void> {
  const { runtime, signal } = context
  const messages: ChatMessage[] = typeof given === 'string' ? [{ role: 'user', content: given }] : given
  const generator = await runtime.generator(model, signal)
  const used = { name: generator.name, revision: generator.revision }
  const last = messages.findLast(({ role }) => role === 'user')?.content ?? ''

  if (documents && schema !== undefined)
    throw new EdgewiseError(
      'invalid_input',
      'schema: what documents say is quoted, not written as JSON.',
      'Leave out schema or documents.',
    )
  if (documents && last !== '') {
    const found = await quoted(last, documents, context)
    if (found || documentsOnly) {
      const content = found?.sentence ?? 'The documents do not tell.'
      yield { index: 0, text: content }
      return {
        message: { role: 'assistant', content },
        method: found ? 'documents' : 'not-in-documents',
        ...(found && { evidence: found.evidence }),
        finishReason: 'stop',
        leftOut: 0,
        usage: { promptTokens: found?.tokens ?? 0, completionTokens: 0 },
        model: used,
      }
    }
  }

  const results = messages.slice(messages.findLastIndex(({ role }) => role !== 'tool') + 1)
  if (results.length > 0 && schema === undefined && (toolChoice === 'auto' || toolChoice === 'none')) {
    // The sentence that answers, or all of it: the model would only make something up beside it.
    const told = results.map(({ content }) => content).filter((content) => content.trim() !== '')
    const found = last !== '' && told.length > 0 ? await quoted(last, told, context) : undefined
    const content = found?.sentence ?? told.join('\n')
    yield { index: 0, text: content }
    return {
      message: { role: 'assistant', content },
      method: 'tool-result',
      finishReason: 'stop',
      leftOut: 0,
      usage: { promptTokens: found?.tokens ?? 0, completionTokens: 0 },
      model: used,
    }
  }

  const tool = await chooseTool(tools, toolChoice, last, context)
  const { ids, leftOut } = promptOf(generator, messages, tool ? [tool] : tools, options.maxNewTokens)
  const writing = write(generator, ids, {
    ...options,
    index: 0,
    signal,
    ...(tool ? { schema: toolSchema(tool) } : schema !== undefined && { schema }),
  })
  let next = await writing.next()
  // The JSON of a call is no text for a person.
  for (; !next.done; next = await writing.next()) if (!tool) yield next.value
  const { completions, usage } = next.value
  const [{ text, finishReason, logprobs }] = completions as [(typeof completions)[0]]
  const unfamiliar =
    !tool && model === SHIPPED && last !== '' && (await surpriseOf(generator, last, signal)) > UNFAMILIAR
  return {
    message: {
      role: 'assistant',
      content: tool ? '' : text.trim(),
      ...(tool && { toolCalls: [JSON.parse(text) as z.output<typeof toolCall>] }),
    },
    method: tool ? 'tool' : 'model',
    ...(unfamiliar && { unfamiliar }),
    finishReason,
    ...(logprobs && { logprobs }),
    leftOut,
    usage,
    model: used,
  }
}

/** The sentence of the documents that answers, if one does. */
async function quoted(
  question: string,
  documents: NonNullable<Input['documents']>,
  context: FunctionContext,
) {
  const ask = (question: string) => answer.run(answer.input.parse({ question, documents, topK: 0 }), context)
  const result = await ask(question).catch((error: unknown) => {
    // A long message often ends with its question.
    const sentence = question.match(/[^.!?\n]+\?(?=\s*$)/)?.[0]
    if (error instanceof EdgewiseError && error.code === 'context_exceeded' && sentence) return ask(sentence)
    throw error
  })
  if (!result.answerable || !result.sentence) return undefined
  const { answer: span, sentence, document, score, tokens } = result
  return {
    sentence: sentence.text,
    tokens,
    evidence: { answer: span!, document: document!, start: sentence.start, end: sentence.end, score },
  }
}

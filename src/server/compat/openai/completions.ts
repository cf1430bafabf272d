/** POST /v1/completions on the generate function (https://platform.openai.com/docs/api-reference/completions). */
import type { Context } from 'hono'
import * as z from 'zod'
import type { generate } from '../../../../functions/generate/function.ts'
import { dataEvent, type EventFormat, eventStream } from '../../events.ts'
import type { Service } from '../../service.ts'
import { usage } from './chat-completions.ts'
import { errorBody } from './errors.ts'
import { inTurn } from './in-turn.ts'
import { completionLogprobs } from './logprobs.ts'
import { decodingOf, model, n, newId, now, optional, readRequest, sampling } from './request.ts'

type Answer = z.output<(typeof generate)['output']>
type Completion = Answer['completions'][0]

const REFUSED = ['suffix', 'echo']

export const completionRequest = z.looseObject({
  model,
  prompt: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(64)], {
    error: 'must be a text that is not empty, or up to 64 of them; tokens are those of another model',
  }),
  max_tokens: optional(z.int().min(1)).describe('16 unless given'),
  n,
  best_of: optional(z.literal(1, { error: 'must be 1' })),
  ...sampling,
  logprobs: optional(z.int().min(0).max(20)),
  stream: optional(z.boolean()),
  stream_options: optional(z.looseObject({ include_usage: optional(z.boolean()) })),
})

export const completion = z.object({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.int(),
  model: z.string(),
  system_fingerprint: z.string().describe('The revision of the model'),
  choices: z.array(
    z.object({
      index: z.int(),
      text: z.string(),
      logprobs: z
        .object({
          tokens: z.array(z.string()),
          token_logprobs: z.array(z.number()),
          top_logprobs: z.array(z.record(z.string(), z.number())),
          text_offset: z.array(z.int()),
        })
        .nullable(),
      finish_reason: z.enum(['stop', 'length']),
    }),
  ),
  usage,
})

type Request = z.output<typeof completionRequest>

/** Tokens that are written where the request does not say. */
const MAX_TOKENS = 16

const inputOf = (request: Request, prompt: string): z.input<(typeof generate)['input']> => ({
  model: request.model,
  prompt,
  n: request.n ?? 1,
  ...decodingOf(request, request.max_tokens ?? MAX_TOKENS, request.n),
  ...(request.logprobs !== undefined && { logprobs: true, topLogprobs: request.logprobs }),
})

const finishReasonOf = ({ finishReason }: Completion) => (finishReason === 'stop' ? 'stop' : 'length')

const usageOf = (answers: readonly Answer[]) => {
  const prompt_tokens = answers.reduce((sum, { usage }) => sum + usage.promptTokens, 0)
  const completion_tokens = answers.reduce((sum, { usage }) => sum + usage.completionTokens, 0)
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

export async function complete(c: Context, service: Service, fn: typeof generate): Promise<Response> {
  const request = await readRequest(c, completionRequest, REFUSED)
  const prompts = [request.prompt].flat()
  const head = { id: newId('cmpl'), created: now() }
  if (request.stream) {
    const writings = prompts.map((prompt) => service.write(fn, inputOf(request, prompt), c))
    return await eventStream(inTurn(writings, request.n ?? 1), chunks(head, request))
  }
  const answers: Answer[] = []
  for (const prompt of prompts) answers.push(await service.run(fn, inputOf(request, prompt), c))
  return c.json({
    ...head,
    object: 'text_completion',
    model: request.model,
    system_fingerprint: answers[0]!.model.revision,
    choices: answers
      .flatMap(({ completions }) => completions)
      .map((one, index) => ({
        index,
        text: one.text,
        logprobs: one.logprobs ? completionLogprobs(one.logprobs, 0) : null,
        finish_reason: finishReasonOf(one),
      })),
    usage: usageOf(answers),
  } satisfies z.input<typeof completion>)
}

function chunks(head: object, { model, stream_options }: Request): EventFormat<Answer[]> {
  const includeUsage = stream_options?.include_usage === true
  /** Of each text: tokens told, and the characters before the next. */
  const told = new Map<number, { tokens: number; characters: number }>()
  const chunk = (choices: object[], usage: object | null = null) =>
    dataEvent({ ...head, object: 'text_completion', model, choices, ...(includeUsage && { usage }) })
  const choice = (
    index: number,
    text: string,
    logprobs: Completion['logprobs'],
    finish_reason: string | null,
  ) => {
    const before = told.get(index) ?? { tokens: 0, characters: 0 }
    told.set(index, {
      tokens: before.tokens + (logprobs?.length ?? 0),
      characters: before.characters + (logprobs ?? []).reduce((sum, { token }) => sum + token.length, 0),
    })
    return chunk([
      {
        index,
        text,
        logprobs: logprobs?.length ? completionLogprobs(logprobs, before.characters) : null,
        finish_reason,
      },
    ])
  }
  return {
    part: ({ index, text, logprobs }) => choice(index, text, logprobs, null),
    end: (answers) =>
      answers
        .flatMap(({ completions }) => completions)
        .map((one, index) =>
          choice(index, '', one.logprobs?.slice(told.get(index)?.tokens ?? 0), finishReasonOf(one)),
        )
        .join('') +
      (includeUsage ? chunk([], usageOf(answers)) : '') +
      'data: [DONE]\n\n',
    error: (error) => dataEvent(errorBody(error)),
  }
}

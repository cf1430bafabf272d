/**
 * text-generation, as Hugging Face's Text Generation Inference answers it
 * (https://huggingface.co/docs/text-generation-inference/reference/api_reference).
 */
import type { Context } from 'hono'
import * as z from 'zod'
import type { generate } from '../../../../functions/generate/function.ts'
import type { EdgewiseError } from '../../../errors.ts'
import type { TextPart, TokenLogprob } from '../../../function.ts'
import type { ModelInfo } from '../../../runtime/runtime.ts'
import type { Tokenizer } from '../../../text/tokenizer.ts'
import { dataEvent, type EventFormat, eventStream } from '../../events.ts'
import type { Service } from '../../service.ts'
import { errorBody } from './errors.ts'
import { defineTask, requestOf, truncate, unsupported } from './task.ts'

type Answer = z.output<(typeof generate)['output']>
type Completion = Answer['completions'][0]

const schema = z.record(z.string(), z.json())

const decoding = {
  temperature: z
    .number()
    .min(0)
    .max(5)
    .optional()
    .describe('Other than 1 draws tokens; 0 takes the likeliest'),
  top_k: z.int().min(0).optional().describe('Draws from the k likeliest tokens'),
  top_p: z.number().positive().max(1).optional().describe('Draws from the fewest tokens that hold this'),
  do_sample: z.boolean().default(false).describe('Draws tokens; else the likeliest is taken'),
  seed: z.int().min(0).optional().describe('The same seed and parameters give the same text'),
  repetition_penalty: z
    .number()
    .positive()
    .optional()
    .describe('Above 1 makes tokens that occurred less likely'),
  frequency_penalty: z
    .number()
    .min(-2)
    .max(2)
    .optional()
    .describe('Taken off a token for each time that it was written'),
  stop: z
    .array(z.string().min(1).max(100))
    .max(8, 'must hold at most 8 strings')
    .default([])
    .describe('Ends the text behind any of them'),
  truncate: z.int().min(1).optional().describe('Reads the last so many tokens of the prompt'),
  best_of: z.int().min(1).max(8).default(1).describe('Draws so many texts and answers with the likeliest'),
  return_full_text: z.boolean().optional().describe('Puts the prompt in front of the text'),
  details: z.boolean().default(false).describe('Also tells the tokens with their log-probabilities'),
  top_n_tokens: z.int().min(0).max(20).default(0).describe('Of details: the likeliest tokens at each place'),
  grammar: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.enum(['json', 'json_object']), value: schema }),
      z.strictObject({ type: z.literal('json_schema'), value: z.looseObject({ schema }) }),
    ])
    .optional()
    .describe('A JSON schema: the text is JSON that validates'),
  typical_p: unsupported('draw by top_k or top_p', 1),
  watermark: unsupported('no text is marked', false),
  decoder_input_details: unsupported('tokens of the prompt are not scored', false),
  adapter_id: unsupported('there are no adapters'),
}

const maxNewTokens = z.int().min(1).max(2_048).default(100).describe('Most tokens to write')
const prompt = z
  .string()
  .min(1, 'must not be empty')
  .max(50_000, 'must be at most 50000 characters; shorten it')

const token = z.object({ id: z.int(), text: z.string(), logprob: z.number(), special: z.boolean() })
const finishReason = z.enum(['length', 'eos_token', 'stop_sequence'])
const sequence = z.object({
  finish_reason: finishReason,
  generated_tokens: z.int(),
  seed: z.int().nullable(),
  prefill: z.array(token).describe('Empty'),
  tokens: z.array(token),
  top_tokens: z.array(z.array(token)).optional(),
})
const generated = z.object({
  generated_text: z.string(),
  details: sequence
    .extend({ best_of_sequences: z.array(sequence.extend({ generated_text: z.string() })).optional() })
    .optional(),
})

type Token = z.output<typeof token>
type Parameters = z.output<z.ZodObject<typeof decoding>>

/** What is asked for, decided. */
interface Writing {
  /** As it was given. */
  prompt: string
  parameters: Parameters
  /** Whether the prompt stands in front of the text. */
  full: boolean
  /** Of what is drawn. */
  seed: number | undefined
  tokenizer: Tokenizer
  fn: typeof generate
  input: z.input<(typeof generate)['input']>
}

async function prepare(
  prompt: string,
  maxNewTokens: number,
  parameters: Parameters,
  full: boolean,
  model: ModelInfo,
  service: Service,
  c: Context,
): Promise<Writing> {
  const { temperature = 1, top_k, top_p, grammar, best_of, do_sample } = parameters
  const { runtime, signal } = service.context(c)
  const { tokenizer } = await runtime.generator(model.name, signal)
  const draws = temperature > 0 && (do_sample || temperature !== 1 || (top_k ?? 0) > 0 || (top_p ?? 1) < 1)
  const seed = draws ? (parameters.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!) : undefined
  return {
    prompt,
    parameters,
    full,
    seed,
    tokenizer,
    fn: service.find<typeof generate>('generate')!,
    input: {
      prompt:
        parameters.truncate === undefined ? prompt : truncate(prompt, parameters.truncate, 'last', tokenizer),
      maxNewTokens,
      temperature: draws ? temperature : 0,
      topK: top_k,
      topP: top_p,
      seed,
      repetitionPenalty: parameters.repetition_penalty,
      frequencyPenalty: parameters.frequency_penalty,
      stop: parameters.stop,
      schema: grammar?.type === 'json_schema' ? grammar.value.schema : grammar?.value,
      logprobs: true,
      topLogprobs: parameters.top_n_tokens,
      n: best_of,
      model: model.name,
    },
  }
}

const finishReasonOf = ({ finishReason, stopString }: Completion) =>
  finishReason !== 'stop' ? 'length' : stopString === undefined ? 'eos_token' : 'stop_sequence'

/** A stop string is a part of the text, as in Text Generation Inference. */
const textOf = ({ text, stopString = '' }: Completion, { full, prompt }: Writing) =>
  (full ? prompt : '') + text + stopString

const tokenOf = ({ id, token, logprob }: Omit<TokenLogprob, 'top'>, { tokenizer }: Writing): Token => ({
  id,
  text: token,
  logprob,
  special: tokenizer.specialIds.has(id),
})

const topOf = ({ top = [] }: TokenLogprob, writing: Writing) => top.map((one) => tokenOf(one, writing))

function sequenceOf(completion: Completion, index: number, writing: Writing): z.output<typeof sequence> {
  const { logprobs = [] } = completion
  return {
    finish_reason: finishReasonOf(completion),
    generated_tokens: logprobs.length,
    seed: writing.seed === undefined ? null : writing.seed + index,
    prefill: [],
    tokens: logprobs.map((one) => tokenOf(one, writing)),
    ...(writing.parameters.top_n_tokens > 0 && { top_tokens: logprobs.map((one) => topOf(one, writing)) }),
  }
}

/** The likeliest by a token, the first of equals, and the others. */
function bestOf(completions: readonly Completion[]): [best: number, others: number[]] {
  const means = completions.map(
    ({ logprobs = [] }) => logprobs.reduce((sum, { logprob }) => sum + logprob, 0) / (logprobs.length || 1),
  )
  const best = means.indexOf(Math.max(...means))
  return [best, means.flatMap((_, i) => (i === best ? [] : [i]))]
}

function generatedOf({ completions }: Answer, writing: Writing): z.output<typeof generated> {
  const [best, others] = bestOf(completions)
  const text = textOf(completions[best]!, writing)
  if (!writing.parameters.details) return { generated_text: text }
  return {
    generated_text: text,
    details: {
      ...sequenceOf(completions[best]!, best, writing),
      ...(others.length > 0 && {
        best_of_sequences: others.map((i) => ({
          generated_text: textOf(completions[i]!, writing),
          ...sequenceOf(completions[i]!, i, writing),
        })),
      }),
    },
  }
}

/** An event of a stream. */
interface StreamEvent {
  index: number
  token: Token
  top_tokens?: Token[]
  /** The whole text, in the last event alone, as are the details. */
  generated_text: string | null
  details: object | null
}

interface StreamFormat {
  event(event: StreamEvent, completion?: Completion): string
  end(): string
}

const PLAIN: StreamFormat = { event: dataEvent, end: () => '' }

/**
 * An event a token, whose texts joined are the text. The last tells the whole text too, so each token waits for the next.
 */
function tokenEvents(writing: Writing, format: StreamFormat): EventFormat<Answer> {
  let [index, told] = [0, 0]
  let held: StreamEvent | undefined
  const eventOf = (one: TokenLogprob, text: string): StreamEvent => ({
    index: ++index,
    token: { ...tokenOf(one, writing), text },
    ...(writing.parameters.top_n_tokens > 0 && { top_tokens: topOf(one, writing) }),
    generated_text: null,
    details: null,
  })
  /** All but the last. */
  const passOn = (events: StreamEvent[]): string => {
    const ready = held ? [held, ...events] : [...events]
    held = ready.pop()
    return ready.map((event) => format.event(event)).join('')
  }
  return {
    part({ text, logprobs = [] }: TextPart) {
      told += logprobs.length
      // Of several tokens that became text together, the last has it.
      const events = logprobs.map((one, i) => eventOf(one, i === logprobs.length - 1 ? text : ''))
      const written = passOn(events)
      if (events.length === 0 && held) held.token.text += text
      return written
    },
    end({ completions: [completion], usage }) {
      const rest = (completion!.logprobs ?? []).slice(told)
      const written = passOn(rest.map((one) => eventOf(one, '')))
      // A text that ends at once has no token to tell it with.
      const last = held ?? eventOf({ token: '', id: -1, logprob: 0 }, '')
      last.token.text += completion!.stopString ?? ''
      if (!held) last.token.special = true
      last.generated_text = textOf(completion!, writing)
      if (writing.parameters.details)
        last.details = {
          finish_reason: finishReasonOf(completion!),
          generated_tokens: completion!.logprobs?.length ?? 0,
          seed: writing.seed ?? null,
          input_length: usage.promptTokens,
        }
      return written + format.event(last, completion!) + format.end()
    },
    error: (error: EdgewiseError) => dataEvent(errorBody(error)),
  }
}

const oneOfMany = (stream: boolean, best_of: number) => !stream || best_of === 1
const STREAMS_ONE = { error: 'must be 1, as a stream has one text', path: ['parameters', 'best_of'] }

const EVENTS =
  'With `stream`: an event a token, `data: {"index", "token": {"id", "text", "logprob", "special"}, ' +
  '"generated_text", "details"}`; the last has the whole text.'

export const textGeneration = defineTask({
  name: 'text-generation',
  summary: 'Go on from a prompt',
  description: EVENTS,
  function: 'generate',
  models: ['text-generation'],
  request: z
    .strictObject({
      ...requestOf(prompt, { max_new_tokens: maxNewTokens, ...decoding }).shape,
      stream: z.boolean().default(false).describe('Sends tokens as they are written'),
    })
    .refine(({ stream, parameters }) => oneOfMany(stream, parameters.best_of), STREAMS_ONE),
  answer: z.array(generated).describe('A list of one'),
  example: {
    model: 'chat',
    body: { inputs: 'The movie was', parameters: { max_new_tokens: 12, return_full_text: false } },
  },
  async run({ inputs, parameters: { max_new_tokens, ...parameters }, stream }, model, service, c) {
    const full = parameters.return_full_text ?? true
    const writing = await prepare(inputs, max_new_tokens, parameters, full, model, service, c)
    const { fn, input } = writing
    if (stream) return await eventStream(service.write(fn, input, c), tokenEvents(writing, PLAIN))
    return [generatedOf(await service.run(fn, input, c), writing)]
  },
})

const choice = z.object({
  index: z.literal(0),
  text: z.string(),
  logprobs: z.null(),
  finish_reason: z.enum(['stop', 'length']).nullable(),
})

/**
 * The same in OpenAI's form, which the JavaScript client asks for behind /v1/completions; it passes on the parameters by
 * Hugging Face's names. A stream's events are of both forms at once: the client promises its callers those of tokens.
 */
export const completions = defineTask({
  name: 'completions',
  summary: 'Go on from a prompt, asked in OpenAI’s form',
  description: EVENTS,
  function: 'generate',
  models: ['text-generation'],
  request: z
    .strictObject({
      prompt,
      max_tokens: maxNewTokens,
      model: z.string().optional().describe('Not looked at: the path names the model'),
      stream: z.boolean().default(false),
      ...decoding,
    })
    .refine(({ stream, best_of }) => oneOfMany(stream, best_of), { ...STREAMS_ONE, path: ['best_of'] }),
  answer: z.object({
    id: z.string(),
    object: z.literal('text_completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(choice.extend({ details: sequence.optional() })),
    usage: z.object({
      prompt_tokens: z.int(),
      completion_tokens: z.int(),
      total_tokens: z.int(),
    }),
  }),
  example: { model: 'chat', body: { prompt: 'The movie was', max_tokens: 12 } },
  async run({ prompt, max_tokens, model: _, stream, ...parameters }, model, service, c) {
    const full = parameters.return_full_text ?? false
    const writing = await prepare(prompt, max_tokens, parameters, full, model, service, c)
    const { fn, input } = writing
    const head = {
      id: `cmpl-${crypto.randomUUID()}`,
      object: 'text_completion',
      created: Math.floor(Date.now() / 1000),
      model: model.name,
    }
    const choiceOf = (text: string, completion?: Completion) => ({
      index: 0,
      text,
      logprobs: null,
      finish_reason: completion ? (completion.finishReason === 'stop' ? 'stop' : 'length') : null,
    })
    if (stream) {
      const format = tokenEvents(writing, {
        event: (event, completion) =>
          dataEvent({ ...head, choices: [choiceOf(event.token.text, completion)], ...event }),
        end: () => 'data: [DONE]\n\n',
      })
      return await eventStream(service.write(fn, input, c), format)
    }
    const answer = await service.run(fn, input, c)
    const { generated_text, details } = generatedOf(answer, writing)
    const { promptTokens, completionTokens } = answer.usage
    return {
      ...head,
      choices: [
        {
          ...choiceOf(generated_text, answer.completions[bestOf(answer.completions)[0]]!),
          ...(details && { details }),
        },
      ],
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        total_tokens: promptTokens + completionTokens,
      },
    }
  },
})

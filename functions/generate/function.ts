/** Text generation: goes on from a prompt, token by token, with all options of decoding; JSON by a schema. */
import * as z from 'zod'
import { generationOptions } from '../../src/decoding/request.ts'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction, drain, type FunctionContext, type TextPart } from '../../src/function.ts'
import { modelName, modelUsed } from '../../src/texts.ts'
import { type Completion, completion, usage, write } from './writing.ts'

const MAX_PROMPT_LENGTH = 50_000
/** Most texts of one prompt. */
export const MAX_SAMPLES = 8

/** What a caller may ask of decoding, within what one request may take. */
export const decodingFields = {
  ...generationOptions.pick({
    minNewTokens: true,
    topK: true,
    topP: true,
    minP: true,
    seed: true,
    repetitionPenalty: true,
    presencePenalty: true,
    frequencyPenalty: true,
    logitBias: true,
    noRepeatNgramSize: true,
    lengthPenalty: true,
    earlyStopping: true,
    logprobs: true,
    topLogprobs: true,
  }).shape,
  maxNewTokens: z
    .int()
    .min(1)
    .max(2_048)
    .default(128)
    .describe('Most tokens to write; the context is a limit too'),
  temperature: z
    .number()
    .min(0)
    .max(5)
    .default(0)
    .describe('0 takes the likeliest token each time; above, tokens are drawn'),
  numBeams: z.int().min(1).max(8).default(1).describe('Beam search with as many beams; 1 for none'),
  stop: z
    .array(z.string().min(1).max(100))
    .max(8, 'must hold at most 8 strings')
    .default([])
    .describe('Strings before which the text ends'),
  timeBudget: z
    .number()
    .positive()
    .max(300_000)
    .optional()
    .describe('Milliseconds after which writing ends with what there is'),
  schema: z.json().optional().describe('A JSON schema: the text is JSON that validates'),
}

const input = z.strictObject({
  prompt: z
    .string()
    .min(1, 'must not be empty')
    .max(MAX_PROMPT_LENGTH, `must be at most ${MAX_PROMPT_LENGTH} characters`)
    .describe('The text to go on from; of a model that reads a source, the source'),
  ...decodingFields,
  n: z.int().min(1).max(MAX_SAMPLES).default(1).describe('How many texts'),
  stream: z.boolean().default(false).describe('Sends the text as it is written'),
  model: modelName('chat'),
})

const output = z.object({
  completions: z.array(completion).describe('As many as asked for'),
  usage,
  model: modelUsed,
})

export const generate = defineFunction({
  name: 'generate',
  summary: 'Go on from a prompt',
  description:
    'Writes on from a prompt with any decoder of the catalog. Greedy unless `temperature` or `numBeams` says otherwise. ' +
    'With `schema` the text is JSON that parses and validates, whatever the model: only tokens that can still lead there ' +
    'are written.',
  model: 'chat',
  primary: 'prompt',
  input,
  output,
  examples: [
    { title: 'A sentence', input: { prompt: 'The movie was', maxNewTokens: 24 } },
    {
      title: 'Drawn, three times',
      input: { prompt: 'Once upon a time', maxNewTokens: 16, temperature: 0.8, topP: 0.9, seed: 1, n: 3 },
    },
    {
      title: 'JSON',
      input: {
        prompt: 'A restaurant in San Jose as JSON: ',
        maxNewTokens: 64,
        schema: {
          type: 'object',
          properties: {
            name: { type: 'string', maxLength: 20 },
            stars: { type: 'integer', minimum: 1, maximum: 5 },
          },
          required: ['name', 'stars'],
          additionalProperties: false,
        },
      },
    },
  ],
  run: async (input, context) => await drain(writeOn(input, context)),
  stream: writeOn,
})

async function* writeOn(
  { prompt, n, model, stream: _, ...options }: z.output<typeof input>,
  { runtime, signal }: FunctionContext,
): AsyncGenerator<TextPart, z.output<typeof output>, void> {
  if (n > 1 && options.temperature === 0 && options.numBeams < n)
    throw new EdgewiseError(
      'invalid_input',
      `n: ${n} texts would all be the same.`,
      'Raise temperature, or search with at least n beams.',
    )
  const generator = await runtime.generator(model, signal)
  const completions: Completion[] = []
  const total = { promptTokens: 0, completionTokens: 0 }
  // The beams of one search are n texts; drawn ones are written one after another, each with a seed of its own.
  const runs = options.numBeams > 1 ? 1 : n
  const deadline = options.timeBudget === undefined ? undefined : performance.now() + options.timeBudget
  for (let run = 0; run < runs; run++) {
    const { completions: written, usage } = yield* write(generator, prompt, {
      ...options,
      numReturnSequences: options.numBeams > 1 ? n : 1,
      ...(options.seed !== undefined && { seed: options.seed + run }),
      ...(deadline !== undefined && { timeBudget: Math.max(1, deadline - performance.now()) }),
      index: run,
      signal,
    })
    completions.push(...written)
    total.promptTokens = usage.promptTokens
    total.completionTokens += usage.completionTokens
  }
  return { completions, usage: total, model: { name: generator.name, revision: generator.revision } }
}

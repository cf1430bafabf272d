/** What can be asked of a decoder, and how it answers. */
import * as z from 'zod'
import { EdgewiseError } from '../errors.ts'
import type { ConstraintState } from './constraint.ts'
import type { Decoder } from './decoder.ts'
import type { Detokenizer } from './stop.ts'

const count = z.int().min(0)
const tokenId = z.int().min(0)

/** Options by the names of Hugging Face transformers, for whatever reads JSON. */
export const generationOptions = z.strictObject({
  maxNewTokens: z
    .int()
    .min(1)
    .default(256)
    .describe('Most tokens to write; the context length is a limit as well.'),
  minNewTokens: count.default(0).describe('No end of text before as many tokens.'),
  timeBudget: z
    .number()
    .positive()
    .optional()
    .describe('Milliseconds after which writing ends with what there is.'),
  temperature: z
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe('0 takes the likeliest token each time; above, tokens are drawn.'),
  topK: count.default(0).describe('Draws from the k likeliest tokens; 0 for all.'),
  topP: z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe('Draws from the fewest tokens that hold this probability.'),
  minP: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Draws from tokens at least this likely, as a share of the likeliest.'),
  seed: z
    .int()
    .min(0)
    .optional()
    .describe('Of the random numbers; the same seed and options give the same text.'),
  repetitionPenalty: z
    .number()
    .positive()
    .default(1)
    .describe('Above 1 makes tokens that occurred less likely.'),
  presencePenalty: z
    .number()
    .min(-2)
    .max(2)
    .default(0)
    .describe('Taken off the logit of each token that was written.'),
  frequencyPenalty: z
    .number()
    .min(-2)
    .max(2)
    .default(0)
    .describe('Taken off the logit of a token for each time that it was written.'),
  logitBias: z
    .record(z.string().regex(/^\d{1,9}$/, 'must be the number of a token'), z.number().min(-100).max(100))
    .default({})
    .describe('What is added to the logits of tokens, by their numbers.'),
  noRepeatNgramSize: count.default(0).describe('No sequence of as many tokens occurs twice; 0 for no limit.'),
  suppressTokens: z.array(tokenId).default([]).describe('Tokens never written.'),
  forcedBosTokenId: tokenId.optional().describe('The first token, such as the language to translate to.'),
  forcedEosTokenId: tokenId.optional().describe('The last token of a text as long as maxNewTokens.'),
  endTokenIds: z
    .array(tokenId)
    .optional()
    .describe('Tokens that end a text, in place of those of the model.'),
  numBeams: z.int().min(1).max(64).default(1).describe('Beam search with as many beams; 1 for none.'),
  lengthPenalty: z
    .number()
    .default(1)
    .describe('A beam’s score is its log-probability divided by its length to this power.'),
  earlyStopping: z
    .union([z.boolean(), z.literal('never')])
    .default(false)
    .describe('true: ends with numBeams ended texts; "never": only when no better one can follow.'),
  numReturnSequences: z.int().min(1).default(1).describe('How many of the best beams the end tells.'),
  stop: z
    .array(z.string().min(1))
    .default([])
    .describe('Strings before which the text ends; never shown, not even in part.'),
  logprobs: z.boolean().default(false).describe('Tells the log-probability of each token.'),
  topLogprobs: count.max(20).default(0).describe('Tells as many of the likeliest tokens at each place.'),
  promptLookupNumTokens: count
    .max(64)
    .default(0)
    .describe('Guesses as many tokens at once from what was read; the text stays the same.'),
  maxMatchingNgramSize: z.int().min(1).default(3).describe('Most tokens that a guess must match.'),
})

export type GenerationOptions = z.input<typeof generationOptions>

export type GenerationRequest = GenerationOptions & {
  /** Tokens that the text goes on from. Behind an encoder-decoder's start token it may be empty. */
  prompt?: ArrayLike<number> | undefined
  /** What an encoder-decoder reads. */
  source?: ArrayLike<number> | undefined
  /** Makes tokens into text; without, events have none. */
  detokenizer?: Detokenizer | undefined
  /** Only what it allows is written, and written to its end whatever the budget. */
  constraint?: ConstraintState | undefined
  /** Ends this text with the finish reason "abort". */
  signal?: AbortSignal | undefined
}

/** A request with all that it leaves open decided. */
export interface Generation extends z.output<typeof generationOptions> {
  /** What the decoder reads first. */
  ids: number[]
  source: ArrayLike<number> | undefined
  endTokenIds: number[]
  detokenizer: Detokenizer | undefined
  constraint: ConstraintState | undefined
  signal: AbortSignal | undefined
}

export interface Logprob {
  id: number
  logprob: number
}

export interface TokenEvent {
  type: 'token'
  id: number
  /** What this token adds to the text, as far as it can be shown yet. */
  text: string
  /** The model's own log-probability of it, before penalties and temperature; where asked for and computed. */
  logprob?: number
  topLogprobs?: Logprob[]
}

/** An end token or a stop string; a budget of tokens or of time; a caller gone. */
export type FinishReason = 'stop' | 'length' | 'time' | 'abort'

export interface Usage {
  /** Tokens read: the source's, or the prompt's. */
  promptTokens: number
  /** Tokens written, an end token included. */
  completionTokens: number
  /** Prompt lookup: passes that checked guesses, and the guesses that were right. */
  lookups?: { passes: number; accepted: number }
}

/** One of the best texts of a beam search. */
export interface Hypothesis {
  /** Without the end token. */
  ids: number[]
  /** Log-probability divided by length ** lengthPenalty. */
  score: number
  finishReason: FinishReason
}

export interface EndEvent {
  type: 'end'
  /** Text that was held back until here. */
  text: string
  finishReason: FinishReason
  /** The stop string that ended it. */
  stopString?: string
  usage: Usage
  /** Of a beam search: the numReturnSequences best, the best first. */
  hypotheses?: Hypothesis[]
}

export type GenerationEvent = TokenEvent | EndEvent

/**
 * Checks a request against its decoder.
 * @throws EdgewiseError `invalid_input`, `context_exceeded`, `budget_too_small`
 */
export function prepare(decoder: Decoder, request: GenerationRequest): Generation {
  const { prompt = [], source, detokenizer, constraint, signal, ...rest } = request
  const parsed = generationOptions.safeParse(rest)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw invalid(`${path.join('.') || 'options'}: ${message}.`, 'Correct this option.')
  }
  const options = parsed.data
  const { startTokenId, contextLength, vocabularySize } = decoder

  if (startTokenId === undefined && source)
    throw invalid('This model reads no source.', 'Give its text as prompt.')
  if (startTokenId !== undefined && !source?.length)
    throw invalid('The source has no tokens.', 'Give a text that is not empty.')
  const ids = [...(startTokenId === undefined ? [] : [startTokenId]), ...Array.from(prompt)]
  if (ids.length === 0) throw invalid('The prompt has no tokens.', 'Give a text that is not empty.')
  for (const id of [...ids, ...Array.from(source ?? [])])
    if (!(Number.isInteger(id) && id >= 0 && id < vocabularySize))
      throw invalid(`The token ${id} is not in the vocabulary.`, 'Use the tokenizer of this model.')
  for (const id of Object.keys(options.logitBias))
    if (Number(id) >= vocabularySize)
      throw invalid(`logitBias: there is no token ${id}.`, `The vocabulary has ${vocabularySize} tokens.`)
  for (const [name, tokens] of [
    ['prompt', ids.length + 1] as const,
    ['source', source?.length ?? 0] as const,
  ])
    if (tokens > contextLength)
      throw new EdgewiseError(
        'context_exceeded',
        name === 'prompt'
          ? `The prompt has ${ids.length} tokens; the model reads and writes ${contextLength} together.`
          : `The source has ${tokens} tokens; the model reads ${contextLength}.`,
        'Shorten the text.',
      )

  if (options.numBeams > 1 && options.temperature > 0)
    throw invalid('Beam search takes no temperature.', 'Leave out numBeams or temperature.')
  if (options.numBeams > 1 && (options.logprobs || options.topLogprobs > 0))
    throw invalid('Beam search tells no log-probabilities of tokens.', 'Leave out numBeams or logprobs.')
  if (options.numBeams > 1 && options.promptLookupNumTokens > 0)
    throw invalid('Beam search takes no prompt lookup.', 'Leave out numBeams or promptLookupNumTokens.')
  if (options.numReturnSequences > options.numBeams)
    throw invalid('numReturnSequences is more than numBeams.', 'Search with more beams.')
  if (options.stop.length > 0 && !detokenizer)
    throw invalid('Stop strings need text.', 'Give a detokenizer, or leave out stop.')
  if (options.stop.length > 0 && constraint)
    throw invalid('A stop string could cut a constrained text.', 'Leave out stop.')

  const maxNewTokens = Math.min(options.maxNewTokens, contextLength - ids.length)
  // A forced first token is none of the constrained text.
  const writable = maxNewTokens - (options.forcedBosTokenId === undefined ? 0 : 1)
  if (constraint && constraint.distance > writable)
    throw new EdgewiseError(
      'budget_too_small',
      Number.isFinite(constraint.distance)
        ? `The shortest valid text takes ${constraint.distance} tokens; ${writable} may be written.`
        : 'The vocabulary of this model cannot spell any valid text.',
      Number.isFinite(constraint.distance)
        ? 'Raise maxNewTokens, or shorten the prompt.'
        : 'Use another model.',
    )
  const endTokenIds = options.endTokenIds ?? decoder.endTokenIds
  if (constraint && options.numBeams > 1 && endTokenIds.length === 0)
    throw invalid('A constrained beam search needs an end token.', 'Leave out numBeams.')
  return { ...options, ids, source, detokenizer, constraint, signal, endTokenIds, maxNewTokens }
}

const invalid = (message: string, hint: string) => new EdgewiseError('invalid_input', message, hint)

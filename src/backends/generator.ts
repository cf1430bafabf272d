/** Generators on the native backend: Hugging Face checkpoints that write text, on our own engine. */
import * as z from 'zod'
import { endTokenIds } from '../architectures/architecture.ts'
import { findDecoder } from '../architectures/index.ts'
import { bindDecoder } from '../decoding/decoder.ts'
import { generate } from '../decoding/generate.ts'
import { jsonConstraint } from '../decoding/grammar/json.ts'
import { createVocabulary, type Vocabulary } from '../decoding/grammar/vocabulary.ts'
import { startPace } from '../decoding/pace.ts'
import { logSumExp } from '../decoding/probabilities.ts'
import type { GenerationEvent, GenerationOptions } from '../decoding/request.ts'
import type { KernelModules } from '../engine/kernels.ts'
import type { Precision } from '../engine/weights.ts'
import { EdgewiseError, throwIfAborted } from '../errors.ts'
import { type ChatTemplate, createChatTemplate } from '../prompts/chat-template.ts'
import { createTokenizer, type Tokenizer } from '../text/tokenizer.ts'
import { loadModel } from './model.ts'
import type { ModelFiles } from './weights.ts'

export type TextOptions = GenerationOptions & {
  /** A JSON schema: only a text that parses and validates is written. */
  schema?: unknown
  signal?: AbortSignal | undefined
}

/** Tokens whose logits are held at a time. */
const SCORED_TOKENS = 64

/** A loaded decoder, or encoder-decoder, with its tokenizer. */
export interface NativeGenerator {
  /** Most tokens of prompt and text together; Infinity where positions are relative. */
  contextLength: number
  /** Whether it reads a source and writes another text (T5, Marian, BART), or goes on from a prompt. */
  readsSource: boolean
  tokenizer: Tokenizer
  /** How a conversation is written for the model; absent where it was not made for any. */
  chatTemplate?: ChatTemplate | undefined
  /** Token ids of a text in the model's template. */
  encode(text: string): number[]
  decode(ids: ArrayLike<number>): string
  /**
   * Writes token by token, from a source or behind a prompt.
   * @throws EdgewiseError as generate() of src/decoding does, and `schema_unsupported`
   */
  generate(text: string | ArrayLike<number>, options?: TextOptions): AsyncGenerator<GenerationEvent, void>
  /**
   * ln of the probability of each token but the first, given those before it; of a decoder alone.
   * @throws EdgewiseError `invalid_input` where the model reads a source, `context_exceeded`, `request_aborted`
   */
  logprobs(ids: readonly number[], signal?: AbortSignal): Promise<number[]>
  /** Bytes of WebAssembly memory: weights, caches and scratch. */
  memoryUsed(): number
}

/** What generation_config.json may say of how a model ends and begins a text; the rest of it is for the caller to choose. */
const generationConfig = z.object({
  eos_token_id: endTokenIds,
  forced_bos_token_id: z.int().nullish(),
  forced_eos_token_id: z.int().nullish(),
  suppress_tokens: z.array(z.int()).nullish(),
  /** Sequences; those of one token are suppressed (Marian's padding). */
  bad_words_ids: z.array(z.array(z.int())).nullish(),
})

/** @throws EdgewiseError for whatever is wrong with the files (codes with status 503) */
export async function loadNativeGenerator(
  files: ModelFiles,
  kernels: KernelModules,
  precision: Precision = 'int8',
): Promise<NativeGenerator> {
  const tokenizer = createTokenizer(await files.json('tokenizer.json'))
  const chatTemplate = files.has('tokenizer_config.json')
    ? createChatTemplate(await files.json('tokenizer_config.json'))
    : undefined
  const defaults = await readDefaults(files)
  const { model, engine } = await loadModel(files, kernels, precision, (config, plan) =>
    findDecoder(config).decoder(config, plan),
  )
  const decoder = bindDecoder(model, engine)
  const readsSource = decoder.startTokenId !== undefined
  const encode = (text: string) => Array.from(tokenizer.wrap(tokenizer.encode(text).ids).inputIds)

  let vocabulary: Vocabulary | undefined
  const constraintOf = (schema: unknown) => {
    vocabulary ??= createVocabulary(
      Array.from({ length: decoder.vocabularySize }, (_, id) => tokenizer.bytesOf(id)),
    )
    return jsonConstraint(schema, vocabulary)
  }
  return {
    contextLength: decoder.contextLength,
    readsSource,
    tokenizer,
    ...(chatTemplate && { chatTemplate }),
    encode,
    decode: (ids) => tokenizer.decode(ids),
    generate(text, { schema, ...options } = {}) {
      const ids = typeof text === 'string' ? encode(text) : text
      return generate(decoder, {
        ...defaults,
        ...options,
        ...(readsSource ? { source: ids } : { prompt: ids }),
        detokenizer: tokenizer.detokenizer(),
        constraint: schema === undefined ? undefined : constraintOf(schema),
      })
    },
    async logprobs(ids, signal) {
      if (readsSource)
        throw new EdgewiseError('invalid_input', 'This model reads a source.', 'Choose a decoder alone.')
      if (ids.length > decoder.contextLength)
        throw new EdgewiseError(
          'context_exceeded',
          `The text has ${ids.length} tokens; the model reads ${decoder.contextLength}.`,
          'Shorten the text.',
        )
      const pace = startPace()
      const cache = decoder.open(ids.length)
      const found: number[] = []
      try {
        for (let at = 0; at < ids.length - 1; at += SCORED_TOKENS) {
          const inputIds = ids.slice(at, Math.min(at + SCORED_TOKENS, ids.length - 1))
          const [logits] = decoder.forward([{ cache, inputIds, logits: 'all' }])
          inputIds.forEach((_, row) => {
            const own = logits!.subarray(row * decoder.vocabularySize, (row + 1) * decoder.vocabularySize)
            found.push(own[ids[at + row + 1]!]! - logSumExp(own))
          })
          await pace.step()
          throwIfAborted(signal)
        }
      } finally {
        cache.close()
      }
      return found
    },
    memoryUsed: () => engine.memory.memory.buffer.byteLength,
  }
}

async function readDefaults(files: ModelFiles): Promise<GenerationOptions> {
  if (!files.has('generation_config.json')) return {}
  const parsed = generationConfig.safeParse(await files.json('generation_config.json'))
  if (!parsed.success) return {}
  const { eos_token_id, forced_bos_token_id, forced_eos_token_id, suppress_tokens, bad_words_ids } =
    parsed.data
  const badWords = (bad_words_ids ?? []).filter(({ length }) => length === 1).flat()
  return {
    ...(eos_token_id.length > 0 && { endTokenIds: eos_token_id }),
    ...(typeof forced_bos_token_id === 'number' && { forcedBosTokenId: forced_bos_token_id }),
    ...(typeof forced_eos_token_id === 'number' && { forcedEosTokenId: forced_eos_token_id }),
    suppressTokens: [...(suppress_tokens ?? []), ...badWords].filter((id) => id >= 0),
  }
}

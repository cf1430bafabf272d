/**
 * The runtime loads a model by its name, keeps the loaded ones within a memory budget and hands out what
 * functions work with: an Encoder or a Generator. Functions never see storage, backends or the engine.
 */
import type { EncoderTask, PermutationStep } from '../architectures/architecture.ts'
import type { Pooling } from '../backends/encoder.ts'
import type { TextOptions } from '../backends/generator.ts'
import type { GenerationEvent } from '../decoding/request.ts'
import type { ChatTemplate } from '../prompts/chat-template.ts'
import type { Prompt } from '../prompts/prompt.ts'
import type { Tokenizer } from '../text/tokenizer.ts'

/** Token ids of one sequence as the model wants them, special tokens included. */
export interface TokenSequence {
  inputIds: ArrayLike<number>
  /** Segment of each token; absent means all zero. */
  tokenTypeIds?: ArrayLike<number>
  /** Of 'masked-lm': positions whose logits are wanted; absent means all. */
  positions?: ArrayLike<number>
}

/** Tokens → hidden states or logits. What functions that understand need of a model, whatever backend runs it. */
export interface Encoder {
  /** Name in the catalog. */
  name: string
  /** First 12 hex digits of the weights' sha256. */
  revision: string
  /** Class names by logit index (config.json's id2label); none for hidden states and masked words. */
  labels: string[]
  /** Columns of an output: classes, 2 for start and end, the vocabulary's or the hidden size. */
  width: number
  /** Most tokens of one forward pass, special tokens included. */
  contextLength: number
  /** How many token types it tells apart; 0 where it takes none. */
  tokenTypes: number
  /** How many special tokens the template puts around one text. */
  specialTokens: number
  /** Text to tokens and back, with offsets and pairs. */
  tokenizer: Tokenizer
  /** Token ids of a text without special tokens. */
  tokenize(text: string): number[]
  /** One text's ids in the model's template ([CLS] … [SEP]). */
  wrap(ids: number[]): TokenSequence
  /**
   * The outputs of the task: class logits [width] of each sequence, or [tokens, width] ([positions, width]). Sequences are packed without
   * padding, so the result of one does not depend on its neighbours. Yields to the event loop between chunks of work.
   * @throws EdgewiseError `request_aborted`
   */
  outputs(sequences: TokenSequence[], signal?: AbortSignal): Promise<Float32Array[]>
  /** Of hidden states: one vector a sequence. */
  pool(sequences: TokenSequence[], pooling: Pooling, signal?: AbortSignal): Promise<Float32Array[]>
  /** As pool(), scaled to length 1. */
  embed(sequences: TokenSequence[], pooling: Pooling, signal?: AbortSignal): Promise<Float32Array[]>
}

/** Text → text, token by token. What functions that write need of a model, whatever backend runs it. */
export interface Generator {
  /** Name in the catalog. */
  name: string
  /** First 12 hex digits of the weights' sha256. */
  revision: string
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
   * Writes from a source or behind a prompt: an event a token, then one that tells why the text ends and what it took.
   * @throws EdgewiseError `invalid_input`, `context_exceeded`, `budget_too_small`, `schema_unsupported`, `request_aborted`
   */
  generate(text: string | ArrayLike<number>, options?: TextOptions): AsyncGenerator<GenerationEvent, void>
  /**
   * ln of the probability of each token but the first, given those before it; of a decoder alone.
   * @throws EdgewiseError `invalid_input` where the model reads a source, `context_exceeded`, `request_aborted`
   */
  logprobs(ids: readonly number[], signal?: AbortSignal): Promise<number[]>
}

/** A model's text side. */
export interface ModelTokenizer {
  name: string
  revision: string
  tokenizer: Tokenizer
}

/** Predicts any tokens of a text from any others (XLNet). */
export interface PermutationScorer {
  /** Name in the catalog. */
  name: string
  /** First 12 hex digits of the weights' sha256. */
  revision: string
  tokenizer: Tokenizer
  /** Columns of the logits. */
  vocabularySize: number
  /**
   * Logits [targets, vocabularySize] of each step's targets, from the tokens that its mask lets each see.
   * @throws EdgewiseError `request_aborted`, `invalid_input` where a mask or target does not fit its tokens
   */
  predict(steps: PermutationStep[], signal?: AbortSignal): Promise<Float32Array[]>
}

export interface ModelInfo {
  name: string
  revision: string
  task: string
  summary: string
  license: string
  /** Bytes of all files. */
  size: number
  loaded: boolean
}

export interface PromptInfo {
  name: string
  /** First 12 hex digits of the template's sha256. */
  revision: string
  /** Bytes. */
  size: number
}

export interface Runtime {
  /** @throws EdgewiseError `unknown_model` or any of the 503 codes of a model that cannot be loaded */
  encoder(name: string, signal?: AbortSignal, task?: EncoderTask): Promise<Encoder>
  /** As encoder(). */
  generator(name: string, signal?: AbortSignal): Promise<Generator>
  /** As encoder(). */
  permutationLm(name: string, signal?: AbortSignal): Promise<PermutationScorer>
  /** A model's tokenizer alone, without its weights. @throws EdgewiseError as encoder() */
  tokenizer(name: string, signal?: AbortSignal): Promise<ModelTokenizer>
  /** A prompt template. @throws EdgewiseError `unknown_prompt`, `config_invalid` and the codes of storage */
  prompt(name: string, signal?: AbortSignal): Promise<Prompt>
  models(): Promise<ModelInfo[]>
  /** One of them, by its name or another that it goes by. @throws EdgewiseError `unknown_model` */
  model(name: string): Promise<ModelInfo>
  /** The prompt templates there are. */
  prompts(): Promise<PromptInfo[]>
  /** Bytes of WebAssembly memory held by loaded models. */
  memoryUsed(): number
  /** Which kernels run: relaxed SIMD or its plain twin. */
  kernels: 'relaxed-simd' | 'simd'
}

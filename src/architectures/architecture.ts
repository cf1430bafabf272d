/** What a model family offers; each is one file that reads like its paper, and one line in index.ts. */
import * as z from 'zod'
import type { KeyValueCache } from '../engine/cache.ts'
import type { Activation, Engine } from '../engine/engine.ts'
import type { WeightPlan } from '../engine/weights.ts'
import { EdgewiseError } from '../errors.ts'

/** Token ids of one sequence, special tokens included. */
export interface Sequence {
  inputIds: ArrayLike<number>
  /** Segment of each token; absent means all zero. */
  tokenTypeIds?: ArrayLike<number>
  /** Of 'masked-lm': positions whose logits are wanted; absent means all. The vocabulary is wide, so the rest is not computed. */
  positions?: ArrayLike<number>
}

/** What an encoder's checkpoint is read as: which head its hidden states go through. */
export type EncoderTask =
  | 'sequence-classification'
  | 'token-classification'
  | 'question-answering'
  | 'masked-lm'
  | 'hidden-states'

/** An encoder with a head, its weights planned; runs once they are loaded. */
export interface EncoderModel {
  /** Class names by logit index; empty for 'masked-lm' and 'hidden-states'. */
  labels: string[]
  /** Columns of an output: classes, 2 (start and end), the vocabulary's or the hidden size. */
  width: number
  /** Most tokens of one sequence. */
  contextLength: number
  /** How many token types (segments) it tells apart; 0 where it takes none. */
  tokenTypes: number
  /**
   * One output a sequence: logits [width] for 'sequence-classification', else [tokens, width], or [positions, width].
   * Sequences are packed one after another: no padding, no masks.
   */
  forward(engine: Engine, sequences: Sequence[]): Float32Array[]
}

/** The tokens to add to one text, and which positions' logits are wanted. */
export interface DecoderStep {
  cache: KeyValueCache
  inputIds: ArrayLike<number>
  /** Of the last token alone, or of each, one after another. */
  logits: 'last' | 'all'
}

/** A model that predicts the next token, its weights planned; runs once they are loaded. */
export interface DecoderModel {
  vocabularySize: number
  /** Most tokens of a text; Infinity where positions are relative. */
  contextLength: number
  /** Tokens that end a text (config.json's eos_token_id). */
  endTokenIds: number[]
  /** What an encoder-decoder's output starts with; undefined for a decoder alone, which starts with the prompt. */
  startTokenId: number | undefined
  /**
   * Room for the keys and values of `capacity` tokens. An encoder-decoder reads its source here, once.
   * @throws EdgewiseError `memory_exceeded`
   */
  open(engine: Engine, capacity: number, source?: Sequence): KeyValueCache
  /**
   * Adds tokens to texts and gives the logits behind them, one [vocabularySize] or [tokens, vocabularySize] a step. Texts
   * are computed together, so that weights are read once, and don't see one another.
   */
  forward(engine: Engine, steps: DecoderStep[]): Float32Array[]
}

/** A segment of a text for a model of permutations. */
export interface PermutationStep extends Sequence {
  /** [tokens, tokens], row by row: true or 1 where token i may not see token j. Absent means that each sees all. */
  permMask?: ArrayLike<boolean | number>
  /**
   * Positions to predict, each from the tokens that its row of permMask lets it see and never from its own token. Absent
   * means that all positions are encoded, and these see their own token.
   */
  targets?: ArrayLike<number>
  /** What the segment before gave; it is of segment 0 and always seen. */
  memory?: SegmentMemory
}

/** Hidden states [tokens, hiddenSize] that entered each layer. */
export type SegmentMemory = Float32Array[]

export interface PermutationOutput {
  /** [targets, vocabularySize], or [tokens, vocabularySize] without targets. */
  logits: Float32Array
  /** For the next segment: as many of the last tokens as config.json's mem_len and reuse_len keep. */
  memory: SegmentMemory
}

/**
 * A model that predicts any tokens from any others, in whichever order of the factorization the caller chooses; its
 * weights planned, it runs once they are loaded.
 */
export interface PermutationLm {
  vocabularySize: number
  /**
   * One output a segment. Segments are computed together, so that weights are read once, and don't see one another.
   * @throws EdgewiseError `invalid_input` where a mask, target or memory does not fit its segment
   */
  forward(engine: Engine, steps: PermutationStep[]): PermutationOutput[]
}

/** What a family offers is apart, so that a Worker that only encodes carries no decoder. */
export interface Architecture {
  /** config.json's `model_type` values that this file implements. */
  modelTypes: string[]
}

export interface EncoderArchitecture extends Architecture {
  /**
   * Reads config.json and declares the weights.
   * @throws EdgewiseError `config_invalid`, `architecture_unsupported`
   */
  encoder(task: EncoderTask, config: unknown, weights: WeightPlan): EncoderModel
}

export interface DecoderArchitecture extends Architecture {
  /** As encoder, for models that write text. */
  decoder(config: unknown, weights: WeightPlan): DecoderModel
}

export interface PermutationArchitecture extends Architecture {
  /** As encoder, for models of random factorization orders. */
  permutationLm(config: unknown, weights: WeightPlan): PermutationLm
}

/** Parses the fields of config.json that a family reads. */
export function parseConfig<T extends z.ZodType>(schema: T, config: unknown): z.output<T> {
  const parsed = schema.safeParse(config)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new EdgewiseError(
    'config_invalid',
    `config.json: ${issue.path.join('.') || 'it'}: ${issue.message}.`,
    'Use the config.json that was published with the weights.',
  )
}

const ACTIVATIONS: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'geluTanh',
  gelu_fast: 'geluTanh',
  gelu_pytorch_tanh: 'geluTanh',
  relu: 'relu',
  silu: 'silu',
  swish: 'silu',
  tanh: 'tanh',
}

/** A size or a number of layers, heads, tokens. */
export const count = z.int().min(1)

/** An activation by the name that Hugging Face gives it. */
export const activation = z.string().transform((name, context): Activation => {
  const known = ACTIVATIONS[name]
  if (known) return known
  context.addIssue(`activation "${name}" is not one of ${Object.keys(ACTIVATIONS).join(', ')}`)
  return z.NEVER
})

/** id2label: class names by logit index. Hugging Face leaves it out where there are two classes. */
export const classNames = z
  .record(z.string(), z.string())
  .default({ '0': 'LABEL_0', '1': 'LABEL_1' })
  .transform((byId) =>
    Object.keys(byId)
      .sort((a, b) => Number(a) - Number(b))
      .map((id) => byId[id]!),
  )

/** Names of an output's columns, given those of a classifier's classes. */
export function labelsOf(task: EncoderTask, classes: string[]): string[] {
  if (task === 'masked-lm' || task === 'hidden-states') return []
  return task === 'question-answering' ? ['start', 'end'] : classes
}

/** eos_token_id: one, several or none. */
export const endTokenIds = z
  .union([z.int(), z.array(z.int())])
  .nullish()
  .transform((ids) => (ids === null || ids === undefined ? [] : [ids].flat()))

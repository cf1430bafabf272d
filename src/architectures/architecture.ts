/** What a model family offers; each is one file that reads like its paper, and one line in index.ts. */
import type * as z from 'zod'
import type { Engine } from '../engine/engine.ts'
import type { WeightPlan } from '../engine/weights.ts'
import { EdgewiseError } from '../errors.ts'

/** Token ids of one sequence, special tokens included. */
export interface Sequence {
  inputIds: ArrayLike<number>
  /** Segment of each token; absent means all zero. */
  tokenTypeIds?: ArrayLike<number>
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
  /**
   * One output a sequence: logits [width] for 'sequence-classification', else [tokens, width]. Sequences are packed one
   * after another: no padding, no masks.
   */
  forward(engine: Engine, sequences: Sequence[]): Float32Array[]
}

export interface Architecture {
  /** config.json's `model_type` values that this file implements. */
  modelTypes: string[]
  /**
   * Reads config.json and declares the weights.
   * @throws EdgewiseError `config_invalid`, `architecture_unsupported`
   */
  encoder(task: EncoderTask, config: unknown, weights: WeightPlan): EncoderModel
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

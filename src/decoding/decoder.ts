/** What decoding works on: a model that predicts next tokens, with the engine that runs it. */
import type { DecoderModel, DecoderStep, Sequence } from '../architectures/architecture.ts'
import type { KeyValueCache } from '../engine/cache.ts'
import type { Engine } from '../engine/engine.ts'

export type { DecoderStep, KeyValueCache }

export interface Decoder {
  vocabularySize: number
  /** Most tokens of a text; Infinity where positions are relative. */
  contextLength: number
  /** Tokens that end a text. */
  endTokenIds: number[]
  /** What an encoder-decoder's output starts with; undefined for a decoder alone, which starts with the prompt. */
  startTokenId: number | undefined
  /**
   * Room for the keys and values of `capacity` tokens, to be closed. An encoder-decoder reads its source here.
   * @throws EdgewiseError `memory_exceeded`
   */
  open(capacity: number, source?: Sequence): KeyValueCache
  /** Adds tokens to texts; the logits behind them, [vocabularySize] or [tokens, vocabularySize] a step. */
  forward(steps: DecoderStep[]): Float32Array[]
}

export function bindDecoder(model: DecoderModel, engine: Engine): Decoder {
  return {
    ...model,
    open: (capacity, source) => model.open(engine, capacity, source),
    forward: (steps) => model.forward(engine, steps),
  }
}

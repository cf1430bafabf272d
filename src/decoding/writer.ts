/** One text being written, whatever the way; generate() computes the steps of many together. */
import type { DecoderStep } from './decoder.ts'
import type {
  EndEvent,
  FinishReason,
  Generation,
  GenerationEvent,
  Hypothesis,
  TokenEvent,
  Usage,
} from './request.ts'
import { createStoppableText } from './stop.ts'

export interface Writer {
  readonly ended: boolean
  /** What to compute next; while the prompt is read, of at most `tokens` tokens. */
  steps(tokens: number): DecoderStep[]
  /** Goes on with those steps' logits, which are its own to change. */
  read(logits: Float32Array[]): Iterable<GenerationEvent>
  /** Ends with what there is. */
  end(reason: FinishReason): Iterable<GenerationEvent>
  /** Frees its caches. */
  close(): void
}

/** A text's events, with its characters as they can be shown. */
export interface Transcript {
  /** A stop string ended the text. */
  readonly stopped: boolean
  token(id: number, likelihood?: Pick<TokenEvent, 'logprob' | 'topLogprobs'>): TokenEvent
  end(finishReason: FinishReason, usage: Usage, hypotheses?: Hypothesis[]): EndEvent
}

export function createTranscript({ detokenizer, stop }: Generation): Transcript {
  const text = createStoppableText(stop)
  return {
    get stopped() {
      return text.stopped !== undefined
    },
    token: (id, likelihood) => ({
      type: 'token',
      id,
      text: detokenizer ? text.push(detokenizer.push(id)) : '',
      ...likelihood,
    }),
    end(finishReason, usage, hypotheses) {
      // The last characters may complete a stop string too.
      const rest = detokenizer && text.stopped === undefined ? text.push(detokenizer.flush()) : ''
      return {
        type: 'end',
        text: rest + text.flush(),
        finishReason: text.stopped === undefined ? finishReason : 'stop',
        ...(text.stopped !== undefined && { stopString: text.stopped }),
        usage,
        ...(hypotheses && { hypotheses }),
      }
    },
  }
}

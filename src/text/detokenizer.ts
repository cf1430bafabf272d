/** Tokens back to text, at once or while they are still being generated. */
import { AddedToken, ByteFallbackDecoder, SequenceDecoder } from '@huggingface/tokenizers'
import type { AddedTokenConfig, DecoderConfig } from './schema.ts'

/** Turns a list of tokens into the text that they spell. */
export type Decode = (tokens: string[]) => string

/** Emits text as tokens come, each character once it can no longer change. */
export interface Detokenizer {
  /** What a further token adds to the text; often nothing yet. */
  push(id: number): string
  /** What was held back, when no more tokens come. */
  flush(): string
}

/** Makes the decoder of tokenizer.json, out of the library's. */
export function createDecode(config: DecoderConfig | null | undefined, added: AddedTokenConfig[]): Decode {
  if (!config) return (tokens) => tokens.join(' ')
  const decoder = new SequenceDecoder({ type: 'Sequence', decoders: [keepingFirstSpace(config)] as never })
  prepare(
    decoder,
    added.map((token) => new AddedToken(token as never)),
  )
  return (tokens) => (tokens.length === 0 ? '' : decoder.decode(tokens))
}

/** What the library does for a decoder alone, for each step of one; and bytes that spell U+FEFF are kept. */
function prepare(decoder: SequenceDecoder, addedTokens: AddedToken[]): void {
  for (const step of decoder.decoders) {
    step.added_tokens = addedTokens
    if (step instanceof SequenceDecoder) prepare(step, addedTokens)
    if (step instanceof ByteFallbackDecoder) step.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  }
}

/** The library drops the space of a first token even where none was put before the text. */
function keepingFirstSpace(config: DecoderConfig): DecoderConfig {
  const { type, replacement = '▁', prepend_scheme: scheme, add_prefix_space: prefix } = config
  if (type !== 'Metaspace' || (scheme !== 'never' && prefix !== false)) return config
  return { type: 'Replace', pattern: { String: replacement }, content: ' ' }
}

const INCOMPLETE = '\ufffd'

/**
 * A token's text depends on the token before it (a space, or bytes of one character), so each token is decoded together
 * with those since the last point at which the text was complete. The last character is held back while it may be the
 * first bytes of another. What is emitted, joined, is what decoding all tokens at once gives.
 * @param tokenOf token of an id; undefined for one that leaves no trace in the text
 */
export function createDetokenizer(decode: Decode, tokenOf: (id: number) => string | undefined): Detokenizer {
  /** Tokens of the last complete stretch, to decode the next in their context, and those since. */
  let before: string[] = []
  let since: string[] = []
  /** Length of what has been emitted of decode([...before, ...since]). */
  let emitted = 0

  return {
    push(id) {
      const token = tokenOf(id)
      if (token === undefined) return ''
      since.push(token)
      const text = decode([...before, ...since])
      const complete = !text.endsWith(INCOMPLETE)
      const stable = complete ? text.length : text.length - INCOMPLETE.length
      const added = text.slice(emitted, stable)
      if (complete && stable > emitted) {
        before = since
        since = []
        emitted = decode(before).length
      } else emitted = Math.max(emitted, stable)
      return added
    },
    flush() {
      const added = decode([...before, ...since]).slice(emitted)
      before = []
      since = []
      emitted = 0
      return added
    },
  }
}

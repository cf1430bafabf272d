/** Work in chunks: short sequences together, and between two chunks a turn of the event loop. */
import type { Sequence } from '../architectures/architecture.ts'

/**
 * Most tokens of one uninterrupted forward pass. Short sequences are computed together up to it: more gains no
 * speed, less frees no memory, and between two passes an abort is seen.
 */
const CHUNK_TOKENS = 256

/** Consecutive sequences of at most `limit` tokens together; a longer one is a chunk of its own. */
export function* chunksOf<S extends Sequence>(sequences: S[], limit = CHUNK_TOKENS): Generator<S[]> {
  let chunk: S[] = []
  let tokens = 0
  for (const sequence of sequences) {
    if (chunk.length > 0 && tokens + sequence.inputIds.length > limit) {
      yield chunk
      chunk = []
      tokens = 0
    }
    chunk.push(sequence)
    tokens += sequence.inputIds.length
  }
  if (chunk.length > 0) yield chunk
}

/** One turn of the event loop, so that an abort or another request gets its chance. */
export const eventLoop = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

/** Documents cut into passages: whole sentences, few enough to be read at once. */
import { halved } from '../text/halves.ts'
import { type Sentence, splitSentences } from '../text/sentences.ts'

export interface Passage {
  /** Which document, and which part of its text. */
  document: number
  start: number
  end: number
  text: string
}

/**
 * Passages of each document in order. Sentences are kept whole; one that is too long by itself is halved until it fits.
 * @param size most of it that a passage holds, in what `sizeOf` counts (tokens, say)
 */
export function cutPassages(
  documents: readonly string[],
  size: number,
  sizeOf: (text: string) => number,
): Passage[] {
  const fits = (text: string) => sizeOf(text) <= size
  return documents.flatMap((text, document) => {
    const passages: Passage[] = []
    const push = (sentences: Sentence[]) => {
      if (sentences.length === 0) return
      const [start, end] = [sentences[0]!.start, sentences.at(-1)!.end]
      passages.push({ document, start, end, text: text.slice(start, end) })
    }
    let group: Sentence[] = []
    let filled = 0
    for (const sentence of splitSentences(text).flatMap((sentence) => halved(sentence, fits))) {
      const length = sizeOf(sentence.text)
      if (filled + length > size) {
        push(group)
        group = []
        filled = 0
      }
      group.push(sentence)
      filled += length
    }
    push(group)
    return passages
  })
}

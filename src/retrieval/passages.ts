/** Documents cut into passages: whole sentences, few enough to be read at once. */
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
  const fitting = (sentence: Sentence): Sentence[] => {
    const { text, start } = sentence
    if (text.length < 2 || sizeOf(text) <= size) return [sentence]
    const at = middle(text)
    return [
      { text: text.slice(0, at), start, end: start + at },
      { text: text.slice(at), start: start + at, end: sentence.end },
    ].flatMap(fitting)
  }
  return documents.flatMap((text, document) => {
    const passages: Passage[] = []
    const push = (sentences: Sentence[]) => {
      if (sentences.length === 0) return
      const [start, end] = [sentences[0]!.start, sentences.at(-1)!.end]
      passages.push({ document, start, end, text: text.slice(start, end) })
    }
    let group: Sentence[] = []
    let filled = 0
    for (const sentence of splitSentences(text).flatMap(fitting)) {
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

/** Where to cut a text of two letters or more: at the white space nearest to its middle, or else between two letters there. */
function middle(text: string): number {
  const half = text.length >> 1
  for (let away = 0; away < half; away++)
    for (const at of [half - away, half + away]) if (/\s/.test(text[at]!)) return Math.max(at, 1)
  const splitsPair = /[\uDC00-\uDFFF]/.test(text[half]!) && half > 1
  return splitsPair ? half - 1 : half
}

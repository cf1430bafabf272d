/** Where a text speaks of an aspect, and which clause says what of it. */
import { type Sentence, splitSentences } from '../../src/text/sentences.ts'

export interface Mention {
  start: number
  end: number
  /** The clause around it, exact in the text. */
  clause: Sentence
}

/** What parts two judgements in a sentence; a comma alone does not, as it also parts the items of a list. */
const BOUNDARY =
  /\s*(?:[;–—]|\s-\s|,?\s+(?:but|although|though|however|whereas|while|yet|except|unlike|despite)\b|,\s+(?:and|so|nor|or)?\s*(?=(?:the|its|their|his|her|our|my|this|that|these|those|it|they|we|i|he|she|you|there|even)\b))\s*/giu

/** Mentions in order; whole words in either case, also with a plural's s. */
export function findMentions(text: string, aspect: string): Mention[] {
  const escaped = aspect
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\s+/g, '\\s+')
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])${escaped}s?(?![\\p{L}\\p{N}])`, 'giu')
  const clauses = splitSentences(text).flatMap(clausesOf)
  return [...text.matchAll(pattern)].flatMap(({ index: start, 0: { length } }) => {
    const clause = clauses.find((clause) => clause.start <= start && start < clause.end)
    return clause ? [{ start, end: start + length, clause }] : []
  })
}

/** Clauses of a sentence: parts of at least two words. */
function clausesOf(sentence: Sentence): Sentence[] {
  const parts: [from: number, to: number][] = []
  let from = 0
  for (const { index, 0: boundary } of sentence.text.matchAll(BOUNDARY)) {
    if (sentence.text.slice(from, index).trim().split(/\s+/).length < 2) continue
    parts.push([from, index])
    from = index + boundary.length
  }
  parts.push([from, sentence.text.length])
  return parts.flatMap(([from, to]) => {
    const text = sentence.text.slice(from, to).trim()
    const start = sentence.start + sentence.text.indexOf(text, from)
    return text === '' ? [] : [{ text, start, end: start + text.length }]
  })
}

/**
 * Okapi BM25 (Robertson and Zaragoza 2009, https://doi.org/10.1561/1500000019): how well passages match the words of a
 * query, rare words counting most.
 */
import { STOP_WORDS } from '../text/stop-words.ts'

/** How soon a word's repetitions stop to count, and how much a passage's length does. */
const K1 = 1.2
const B = 0.75

const STEM = 5

const WORD = /[\p{L}\p{N}]+/gu

/** Lower-case words of a text without stop words, longer ones cut to their first letters: "directed" finds "director". */
export function searchTerms(text: string): string[] {
  return (text.toLowerCase().match(WORD) ?? [])
    .filter((word) => !STOP_WORDS.has(word))
    .map((word) => (word.length > STEM ? word.slice(0, STEM) : word))
}

export interface Bm25 {
  /** One score a passage, in their order; 0 where no word of the query occurs. */
  rank(query: string): number[]
}

/** Indexes passages. */
export function bm25(passages: readonly string[]): Bm25 {
  /** By term: the passages that hold it, and how often. */
  const postings = new Map<string, Map<number, number>>()
  const lengths = passages.map((passage, i) => {
    const terms = searchTerms(passage)
    for (const term of terms) {
      const posting = postings.get(term) ?? new Map<number, number>()
      postings.set(term, posting.set(i, (posting.get(i) ?? 0) + 1))
    }
    return terms.length
  })
  const mean = lengths.reduce((sum, length) => sum + length, 0) / (passages.length || 1) || 1
  return {
    rank(query) {
      const scores = new Array<number>(passages.length).fill(0)
      for (const term of new Set(searchTerms(query))) {
        const posting = postings.get(term)
        if (!posting) continue
        const idf = Math.log(1 + (passages.length - posting.size + 0.5) / (posting.size + 0.5))
        for (const [i, count] of posting)
          scores[i]! += (idf * count * (K1 + 1)) / (count + K1 * (1 - B + (B * lengths[i]!) / mean))
      }
      return scores
    },
  }
}

/**
 * Which language a text is in: multinomial logistic regression over its n-grams of letters (Cavnar and Trenkle 1994 rank
 * them; weights tell more of short texts). training/languages.py fits the weights.
 */
import { softmax } from '../runtime/softmax.ts'
import profiles from './profiles.json' with { type: 'json' }

const { languages, bias } = profiles
const weights = new Map(Object.entries(profiles.weights))
const LONGEST = 4
/** Letters that are looked at: more change nothing. */
const MOST = 2_000

/** Languages that are told apart, as ISO 639-1. */
export const DETECTABLE: readonly string[] = languages

export interface DetectedLanguage {
  language: string
  /** Probability, provided that the text is in one of DETECTABLE; even among all where it has no letters. */
  score: number
}

/** The languages of DETECTABLE, the likeliest first. A text in another language gets one of them all the same. */
export function detectLanguage(text: string): DetectedLanguage[] {
  const scores = gramsOf(text.slice(0, MOST)).reduce(
    (sums, gram) => sums.map((sum, i) => sum + (weights.get(gram)?.[i] ?? 0)),
    bias,
  )
  const probabilities = softmax(scores)
  return languages
    .map((language, i) => ({ language, score: probabilities[i]! }))
    .sort((a, b) => b.score - a.score)
}

/** N-grams of 1 to 4 letters that the text has, each once; spaces stand around each word. */
function gramsOf(text: string): string[] {
  const grams = new Set<string>()
  for (const [word] of text.toLowerCase().matchAll(/\p{L}[\p{L}\p{M}]*/gu)) {
    const spaced = ` ${word} `
    for (let size = 1; size <= LONGEST; size++)
      for (let at = 0; at + size <= spaced.length; at++) grams.add(spaced.slice(at, at + size))
  }
  grams.delete(' ')
  return [...grams]
}

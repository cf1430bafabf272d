/**
 * The sentences that say most of a text: those near to the whole of it (as in Radev et al. 2004, centroid-based
 * summarization) and not near to one another (maximal marginal relevance, Carbonell and Goldstein 1998), by their embeddings.
 */
import { EdgewiseError } from '../../src/errors.ts'
import type { Encoder } from '../../src/runtime/runtime.ts'
import { similarity } from '../../src/similarity.ts'
import { type Sentence, splitSentences } from '../../src/text/sentences.ts'

export interface Extracted extends Sentence {
  /** Cosine of the sentence and the whole text. */
  score: number
}

/** Most sentences that are compared. */
const MAX_SENTENCES = 400
/** What being near to a chosen sentence takes off. */
const REDUNDANCY = 0.4

/**
 * Sentences in the order of the text, as many as `fits` lets be chosen.
 * @param early what standing at the beginning adds, falling to nothing at the end: many texts first say what they are about
 * @throws EdgewiseError `context_exceeded`
 */
export async function extract(
  encoder: Encoder,
  text: string,
  fits: (chosen: readonly Sentence[]) => boolean,
  early: number,
  signal: AbortSignal,
): Promise<Extracted[]> {
  const sentences = splitSentences(text)
  if (sentences.length > MAX_SENTENCES)
    throw new EdgewiseError(
      'context_exceeded',
      `The text has ${sentences.length} sentences, of which ${MAX_SENTENCES} can be compared.`,
      'Split the text.',
    )
  const room = encoder.contextLength - encoder.specialTokens
  const vectors = await encoder.embed(
    sentences.map((sentence) => encoder.wrap(encoder.tokenize(sentence.text).slice(0, room))),
    'mean',
    signal,
  )
  const centroid = Array.from({ length: vectors[0]?.length ?? 0 }, (_, i) =>
    vectors.reduce((sum, vector) => sum + vector[i]!, 0),
  )
  const scores = vectors.map((vector) => similarity(vector, centroid))
  const chosen: number[] = []
  const left = new Set(sentences.keys())
  /** Of each sentence: how near the nearest of those chosen is. */
  const near = new Float64Array(sentences.length)
  const worth = (i: number) => scores[i]! + early * (1 - i / sentences.length) - REDUNDANCY * near[i]!
  while (left.size > 0) {
    const next = [...left].reduce((best, i) => (worth(i) > worth(best) ? i : best))
    left.delete(next)
    // The first is always given, however long it is.
    if (chosen.length > 0 && !fits([...chosen, next].map((i) => sentences[i]!))) continue
    chosen.push(next)
    for (const i of left) near[i] = Math.max(near[i]!, similarity(vectors[i]!, vectors[next]!))
  }
  return chosen.sort((a, b) => a - b).map((i) => ({ ...sentences[i]!, score: scores[i]! }))
}

/** How alike two embeddings are, in each of the encodings that the embed function answers with. */

/** An embedding as embed gives it: numbers, int8 with a scale, or bits as base64. */
export type Embedding = ArrayLike<number> | string

/**
 * From -1 to 1, 1 for the same direction. Of floats and of int8, whose scale does not matter, the cosine; of binary the
 * share of equal bits, as the cosine that it estimates (Charikar 2002, https://doi.org/10.1145/509907.509965).
 * @throws TypeError where the two are of unlike encodings or lengths
 */
export function similarity(a: Embedding, b: Embedding): number {
  if (typeof a === 'string' && typeof b === 'string') return bitSimilarity(bytesOf(a), bytesOf(b))
  if (typeof a === 'string' || typeof b === 'string')
    throw new TypeError('One embedding is binary and the other is not.')
  checkLengths(a.length, b.length)
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! * a[i]!
    bb += b[i]! * b[i]!
  }
  return aa > 0 && bb > 0 ? Math.max(-1, Math.min(1, dot / Math.sqrt(aa * bb))) : 0
}

function bitSimilarity(a: Uint8Array, b: Uint8Array): number {
  checkLengths(a.length, b.length)
  let unlike = 0
  for (let i = 0; i < a.length; i++) for (let bits = a[i]! ^ b[i]!; bits > 0; bits &= bits - 1) unlike++
  return Math.cos((Math.PI * unlike) / (8 * a.length))
}

function checkLengths(a: number, b: number): void {
  if (a !== b) throw new TypeError(`One embedding has the length ${a}, the other ${b}.`)
}

const bytesOf = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))

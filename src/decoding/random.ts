/**
 * sfc32, the small fast counting generator of PractRand (Chris Doty-Humphrey, https://pracrand.sourceforge.net): 96 bits of
 * state and a counter, passes PractRand and TestU01's BigCrush. Not for secrets.
 */

/** @param seed a whole number from 0 to 2^53 - 1; the same seed gives the same numbers, everywhere */
export function createRandom(seed: number): () => number {
  let a = 0
  let b = seed | 0
  let c = Math.floor(seed / 2 ** 32) | 0
  let counter = 1
  const next = (): number => {
    const result = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + result) | 0
    return result >>> 0
  }
  // The first numbers of seeds that differ in few bits are alike.
  for (let i = 0; i < 12; i++) next()
  return () => next() / 2 ** 32
}

/** A seed for whoever gives none. */
export function randomSeed(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number]
  return (high & 0x1fffff) * 2 ** 32 + low
}

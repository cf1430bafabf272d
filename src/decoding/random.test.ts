import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createRandom } from './random.ts'

const mask = 0xffffffffn

/** sfc32 by its definition, in whole numbers. */
function* reference(seed: bigint): Generator<number> {
  let [a, b, c, counter] = [0n, seed & mask, (seed >> 32n) & mask, 1n]
  for (let i = 0; ; i++) {
    const result = (a + b + counter) & mask
    counter = (counter + 1n) & mask
    a = b ^ (b >> 9n)
    b = (c + (c << 3n)) & mask
    c = ((((c << 21n) | (c >> 11n)) & mask) + result) & mask
    if (i >= 12) yield Number(result) / 2 ** 32
  }
}

it('is sfc32', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (seed) => {
      const random = createRandom(seed)
      const expected = reference(BigInt(seed))
      for (let i = 0; i < 20; i++) expect(random()).toBe(expected.next().value)
    }),
    { numRuns: 50 },
  )
})

it('spreads its numbers evenly', () => {
  const random = createRandom(0)
  const counts = new Uint32Array(16)
  for (let i = 0; i < 16_000; i++) counts[Math.floor(random() * 16)]!++
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
})

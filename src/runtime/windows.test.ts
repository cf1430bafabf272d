import fc from 'fast-check'
import { expect, it } from 'vitest'
import { splitWindows } from './windows.ts'

it('cuts into the fewest windows of near-equal length, losing nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 500 }), fc.integer({ min: 1, max: 60 }), (ids, size) => {
      const windows = splitWindows(ids, size)
      expect(windows.flat()).toEqual(ids)
      expect(windows).toHaveLength(Math.max(1, Math.ceil(ids.length / size)))
      const lengths = windows.map(({ length }) => length)
      expect(Math.max(...lengths)).toBeLessThanOrEqual(size)
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1)
    }),
  )
})

import { expect, it } from 'vitest'
import { best, fuse } from './fusion.ts'

it('adds reciprocal ranks', () => {
  const fused = fuse([
    [3, 1, 2],
    [0.1, 0.9, 0.5],
  ])
  expect(fused[0]).toBeCloseTo(1 / 61 + 1 / 63, 12)
  expect(fused[1]).toBeCloseTo(1 / 63 + 1 / 61, 12)
  expect(fused[2]).toBeCloseTo(2 / 62, 12)
  expect(fuse([[3, 1, 2]], [2])[0]).toBeCloseTo(2 / 61, 12)
  expect(fuse([])).toEqual([])
})

it('names the best, ties in their order', () => {
  expect(best([1, 3, 3, 0], 3)).toEqual([1, 2, 0])
  expect(best([], 3)).toEqual([])
})

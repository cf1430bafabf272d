/** The work that a forward pass hands to the kernels, counted: it grows as the formula of the arithmetic does. */
import { readFileSync } from 'node:fs'
import { expect, it, vi } from 'vitest'
import type { Kernels } from '../src/engine/kernels.ts'
import { multiplyAdds, openBert, sequences } from './bert.ts'

const counted = vi.hoisted(() => ({ products: 0, attention: 0 }))

vi.mock(import('../src/engine/kernels.ts'), async (original) => {
  const kernels = await original()
  return {
    ...kernels,
    instantiateKernels(modules, memory) {
      const plain = kernels.instantiateKernels(modules, memory)
      const counting: Kernels = {
        ...plain,
        matmulInt8(...args) {
          const [M, N, Kp] = args.slice(10, 13) as [number, number, number]
          counted.products += M * N * Kp
          plain.matmulInt8(...args)
        },
        matmulF32(...args) {
          const [M, N, K] = args.slice(8, 11) as [number, number, number]
          counted.products += M * N * K
          plain.matmulF32(...args)
        },
        attentionInt8(...args) {
          const [tokens, heads, headDim] = args.slice(4, 7) as [number, number, number]
          counted.attention += 2 * tokens ** 2 * heads * headDim
          plain.attentionInt8(...args)
        },
        attention(...args) {
          const [queries, heads, headDim] = args.slice(2, 5) as [number, number, number]
          counted.attention += 2 * queries * heads * headDim * args[11]
          plain.attention(...args)
        },
      }
      return counting
    },
  }
})

// Columns of whole 32, so that nothing is padded; a text longer than any block of queries or feed-forward.
const size = { layers: 2, hidden: 64, vocabulary: 8100 }
const bert = await openBert(size, {
  simd: await WebAssembly.compile(new Uint8Array(readFileSync('dist/kernels.simd.wasm'))),
})

function count(lengths: number[]): { products: number; attention: number } {
  Object.assign(counted, { products: 0, attention: 0 })
  bert.model.forward(bert.engine, sequences(lengths))
  return { ...counted }
}

it.each([[[1]], [[16]], [[33]], [[64]], [[129]], [[300]], [[16, 16, 16, 16]], [[1, 130, 7]]])(
  'texts of %j tokens are the multiply-adds of the formula',
  (lengths) => {
    expect(count(lengths)).toEqual(multiplyAdds(size, lengths))
  },
)

it('twice the texts is twice the work', () => {
  const one = count([40])
  expect(count([40, 40])).toEqual({ products: 2 * one.products, attention: 2 * one.attention })
})

it('twice the tokens is twice the products, four times the attention', () => {
  const classifier = 3 * size.hidden
  const [short, long] = [count([20]), count([40])]
  expect(long.products - classifier).toBe(2 * (short.products - classifier))
  expect(long.attention).toBe(4 * short.attention)
})

/** Every kernel, in both builds, against the plain TypeScript reference, on random shapes and values. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEngine, type Engine } from './engine.ts'
import { chooseBuild, compileKernels } from './kernels.ts'
import * as reference from './reference.ts'
import type { TensorBlock } from './safetensors.ts'
import { loadWeights, type Precision, planWeights } from './weights.ts'

const bytes = (name: string) => new Uint8Array(readFileSync(`dist/kernels.${name}.wasm`))
const modules = await compileKernels(bytes('relaxed'), bytes('simd'))

const size = (max: number) => fc.integer({ min: 1, max })
const value = fc.float({ min: -8, max: 8, noNaN: true }).map(Math.fround)
const vector = (n: number) => fc.array(value, { minLength: n, maxLength: n })
const matrix = (rows: number, columns: number) =>
  fc.array(vector(columns), { minLength: rows, maxLength: rows })

function put(engine: Engine, values: number[]): number {
  const address = engine.memory.scratch.floats(values.length)
  engine.memory.f32(address, values.length).set(values)
  return address
}
const get = (engine: Engine, address: number, n: number) => Array.from(engine.memory.f32(address, n))

function expectClose(actual: number[], expected: number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length)
  const largest = Math.max(1, ...expected.map(Math.abs))
  actual.forEach((x, i) => {
    expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(tolerance * largest)
  })
}

/** A linear layer loaded as a checkpoint's tensors would be. */
async function loadLinear(weights: number[][], bias: number[], precision: Precision, kernels = modules) {
  const [rows, columns] = [weights.length, weights[0]!.length]
  const plan = planWeights(['layer.weight', 'layer.bias'], precision)
  const layer = plan.linear('layer', rows, columns)
  const engine = createEngine(kernels, plan.bytes())
  const tensor = (name: string, shape: number[], values: number[]): TensorBlock => ({
    name,
    dtype: 'F32',
    shape,
    firstRow: 0,
    rows,
    columns: values.length / rows,
    bytes: new Uint8Array(Float32Array.from(values).buffer),
  })
  const tensors = [
    tensor('layer.weight', [rows, columns], weights.flat()),
    tensor('layer.bias', [rows], bias),
  ]
  const file = {
    tensors,
    async *blocks() {
      yield* tensors
    },
  }
  await loadWeights([file], plan, engine.memory, engine.kernels)
  return { engine, layer }
}

describe('the choice of build', () => {
  it('takes relaxed SIMD where it compiles, else its twin', () => {
    expect(chooseBuild(modules)).toBe('relaxed-simd')
    expect(chooseBuild({ simd: modules.simd })).toBe('simd')
  })

  it('leaves relaxed SIMD out where the host rejects it', async () => {
    const unknown = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 1, 255])
    expect((await compileKernels(unknown, bytes('simd'))).relaxed).toBeUndefined()
  })
})

describe.each([
  ['relaxed-simd', modules],
  ['simd', { simd: modules.simd }],
])('%s', (_, kernels) => {
  it.each<[Precision, typeof reference.linear, number]>([
    ['int8', reference.linearInt8, 1e-4],
    ['fp32', reference.linear, 1e-5],
  ])('linear %s', async (precision, expected, tolerance) => {
    const problem = fc
      .tuple(size(9), size(19), size(70))
      .chain(([tokens, rows, columns]) =>
        fc.tuple(matrix(tokens, columns), matrix(rows, columns), vector(rows)),
      )
    await fc.assert(
      fc.asyncProperty(problem, async ([x, weights, bias]) => {
        const { engine, layer } = await loadLinear(weights, bias, precision, kernels)
        const input = put(engine, x.flat())
        const out = engine.memory.scratch.floats(x.length * weights.length)
        engine.linear(input, x.length, layer, out)
        const result = get(engine, out, x.length * weights.length)
        if (precision === 'fp32') return expectClose(result, expected(x, weights, bias).flat(), tolerance)
        // A value that falls between two steps may round either way in f32: one step of one product at most.
        const step = weights.map((row) => Math.max(...row.map(Math.abs)))
        const reach = x.map((row) => Math.max(...row.map(Math.abs)) / 63)
        const want = expected(x, weights, bias)
        x.forEach((_, m) => {
          weights.forEach((_, n) => {
            const slack = 2 * step[n]! * reach[m]! + 2 * (step[n]! / 127) * reach[m]! * 63 + 1e-4
            expect(Math.abs(result[m * weights.length + n]! - want[m]![n]!)).toBeLessThanOrEqual(slack)
          })
        })
      }),
      { numRuns: 60 },
    )
  })

  it('int8 sums are exact: integers come out as integers', async () => {
    const integers = (n: number, min: number, max: number) =>
      fc.array(fc.integer({ min, max }), { minLength: n, maxLength: n })
    const problem = fc
      .tuple(size(9), size(17), size(130))
      .chain(([tokens, rows, columns]) =>
        fc.tuple(
          fc.array(integers(columns, -63, 63), { minLength: tokens, maxLength: tokens }),
          fc.array(integers(columns, -127, 127), { minLength: rows, maxLength: rows }),
        ),
      )
    await fc.assert(
      fc.asyncProperty(problem, async ([x, weights]) => {
        // With the extremes present both scales are exactly 1, so nothing is rounded anywhere.
        for (const row of x) row[0] = 63
        for (const row of weights) row[0] = -127
        const bias = weights.map(() => 0)
        const { engine, layer } = await loadLinear(weights, bias, 'int8', kernels)
        const input = put(engine, x.flat())
        const out = engine.memory.scratch.floats(x.length * weights.length)
        engine.linear(input, x.length, layer, out)
        expect(get(engine, out, x.length * weights.length)).toEqual(
          reference
            .linear(x, weights, bias)
            .flat()
            .map((sum) => Math.fround(sum) + 0),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('layer norm with a residual', () => {
    const problem = size(70).chain((n) => fc.tuple(matrix(3, n), matrix(3, n), vector(n), vector(n)))
    const engine = createEngine(kernels, 0)
    fc.assert(
      fc.property(problem, ([x, residual, weight, bias]) => {
        engine.memory.scratch.scope(() => {
          const n = weight.length
          const address = put(engine, x.flat())
          const norm = { weight: put(engine, weight), bias: put(engine, bias), eps: 1e-5 }
          engine.layerNorm(address, put(engine, residual.flat()), norm, 3, n)
          const sums = x.map((row, m) => row.map((v, i) => Math.fround(v + residual[m]![i]!)))
          const expected = sums.flatMap((row) => reference.layerNorm(row, weight, bias, 1e-5))
          expectClose(get(engine, address, 3 * n), expected, 2e-3)
        })
      }),
    )
  })

  it('attention of several heads', () => {
    const problem = fc
      .tuple(size(6), size(21), size(3), size(18))
      .chain(([queries, keys, heads, headDim]) =>
        fc.tuple(
          fc.constant({ heads, headDim }),
          matrix(queries, heads * headDim),
          matrix(keys, heads * headDim),
          matrix(keys, heads * headDim),
        ),
      )
    const engine = createEngine(kernels, 0)
    fc.assert(
      fc.property(problem, ([{ heads, headDim }, q, k, v]) => {
        engine.memory.scratch.scope(() => {
          const stride = heads * headDim
          const out = engine.memory.scratch.floats(q.length * stride)
          engine.attention(
            {
              queries: put(engine, q.flat()),
              keys: put(engine, k.flat()),
              values: put(engine, v.flat()),
              stride,
              queryTokens: q.length,
              keyTokens: k.length,
              heads,
              headDim,
            },
            out,
          )
          const head = (rows: number[][], h: number) =>
            rows.map((row) => row.slice(h * headDim, (h + 1) * headDim))
          const heads_ = Array.from({ length: heads }, (_, h) =>
            reference.attention(head(q, h), head(k, h), head(v, h)),
          )
          const expected = q.flatMap((_, t) => heads_.flatMap((rows) => rows[t]!))
          expectClose(get(engine, out, q.length * stride), expected, 1e-4)
        })
      }),
    )
  })

  it.each(Object.entries(reference.activations))('%s', (name, formula) => {
    const engine = createEngine(kernels, 0)
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 40 }),
        (x) => {
          engine.memory.scratch.scope(() => {
            const address = put(engine, x)
            engine.activate(name as keyof typeof reference.activations, address, x.length)
            get(engine, address, x.length).forEach((y, i) => {
              expect(Math.abs(y - formula(x[i]!))).toBeLessThanOrEqual(2e-6 * Math.max(1, Math.abs(x[i]!)))
            })
          })
        },
      ),
    )
  })

  it('decodes every f16 and bf16', () => {
    const engine = createEngine(kernels, 0)
    const all = Uint16Array.from({ length: 65_536 }, (_, i) => i)
    const source = engine.memory.scratch.bytes(all.byteLength)
    const out = engine.memory.scratch.floats(all.length)
    engine.memory.u8(source, all.byteLength).set(new Uint8Array(all.buffer))

    engine.kernels.decodeBf16(source, out, all.length)
    const bf16 = new Float32Array(Uint32Array.from(all, (bits) => bits << 16).buffer)
    expect(get(engine, out, all.length)).toEqual(Array.from(bf16))

    engine.kernels.decodeF16(source, out, all.length)
    const f16 = Array.from(all, (bits) => {
      const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
      const sign = bits & 0x8000 ? -1 : 1
      if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
      return exponent
        ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
        : sign * 2 ** -14 * (fraction / 1024)
    })
    expect(get(engine, out, all.length)).toEqual(f16)
  })
})

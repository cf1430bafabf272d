/** Every kernel, in both builds, against the plain TypeScript reference, on random shapes and values. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createKeyValueCache } from './cache.ts'
import { createEngine, type Engine } from './engine.ts'
import { chooseBuild, compileKernels, type KernelModules } from './kernels.ts'
import * as reference from './reference.ts'
import type { TensorBlock } from './safetensors.ts'
import { type Linear, loadWeights, type Precision, planWeights, type WeightPlan } from './weights.ts'

const bytes = (name: string) => new Uint8Array(readFileSync(`dist/kernels.${name}.wasm`))
const relaxed = await WebAssembly.compile(bytes('relaxed'))
const simd = await WebAssembly.compile(bytes('simd'))

const size = (max: number) => fc.integer({ min: 1, max })
/** Matrices come from a seed: quick to draw, and a failure shrinks to the smallest shape. */
const seed = fc.integer({ min: 0, max: 2 ** 31 - 1 })
type Draw = (rows: number, columns: number) => number[][]

/** Values of [-8, 8), one in eight of them exactly 0, ±8 or 2^-12. */
function drawer(start: number): Draw {
  let state = start
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const value = () =>
    next() < 0.125 ? [0, 8, -8, 2 ** -12][Math.floor(next() * 4)]! : Math.fround(next() * 16 - 8)
  return (rows, columns) => Array.from({ length: rows }, () => Array.from({ length: columns }, value))
}

function put(engine: Engine, values: number[]): number {
  const address = engine.memory.scratch.floats(values.length)
  engine.memory.f32(address, values.length).set(values)
  return address
}
const get = (engine: Engine, address: number, n: number) => Array.from(engine.memory.f32(address, n))

/** The largest difference as a share of what position i may differ by; NaN counts as infinite. */
function worst(actual: number[], expected: number[], allowed: (i: number) => number): number {
  expect(actual).toHaveLength(expected.length)
  return actual.reduce((most, x, i) => {
    const share = Math.abs(x - expected[i]!) / allowed(i)
    return Math.max(most, Number.isNaN(share) ? Number.POSITIVE_INFINITY : share)
  }, 0)
}

function expectClose(actual: number[], expected: number[], tolerance: number): void {
  const largest = Math.max(1, ...expected.map(Math.abs))
  expect(worst(actual, expected, () => tolerance * largest)).toBeLessThanOrEqual(1)
}

interface Tensor {
  dtype: 'F32' | 'I8'
  shape: number[]
  values: number[]
}

/** Weights loaded as a checkpoint's tensors would be. */
async function loadTensors<Model>(
  tensors: Record<string, Tensor>,
  precision: Precision,
  kernels: KernelModules,
  planModel: (plan: WeightPlan) => Model,
): Promise<{ model: Model; engine: Engine }> {
  const plan = planWeights(Object.keys(tensors), precision)
  const model = planModel(plan)
  const engine = createEngine(kernels, plan.bytes())
  const blocks = Object.entries(tensors).map(
    ([name, { dtype, shape, values }]): TensorBlock => ({
      ...{ name, dtype, shape, firstRow: 0, rows: shape[0]!, columns: values.length / shape[0]! },
      bytes: new Uint8Array((dtype === 'I8' ? Int8Array : Float32Array).from(values).buffer),
    }),
  )
  const file = {
    tensors: blocks,
    async *blocks() {
      yield* blocks
    },
  }
  await loadWeights([file], plan, engine.memory, engine.kernels)
  return { model, engine }
}

async function loadLinear(
  tensors: Record<string, Tensor>,
  rows: number,
  columns: number,
  precision: Precision,
  kernels: KernelModules,
) {
  const { model, engine } = await loadTensors(tensors, precision, kernels, (plan) =>
    plan.linear('layer', rows, columns),
  )
  return (x: number[][]): number[] =>
    engine.memory.scratch.scope(() => {
      const out = engine.memory.scratch.floats(x.length * rows)
      engine.linear(put(engine, x.flat()), x.length, model, out)
      return get(engine, out, x.length * rows)
    })
}

const floats = (shape: number[], values: number[]): Tensor => ({ dtype: 'F32', shape, values })

describe('the choice of build', () => {
  it('takes relaxed SIMD where it compiles, else its twin', () => {
    expect(chooseBuild({ relaxed, simd })).toBe('relaxed-simd')
    expect(chooseBuild({ simd })).toBe('simd')
  })

  it('leaves relaxed SIMD out where the host rejects it', async () => {
    const unknown = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 1, 255])
    const read = async (build: string) => (build === 'relaxed' ? unknown : bytes(build))
    expect(Object.keys(await compileKernels(read))).toEqual(['simd'])
    expect(Object.keys(await compileKernels(async (build) => bytes(build)))).toEqual(['relaxed'])
  })
})

describe.each([
  ['relaxed-simd', { relaxed }],
  ['simd', { simd }],
])('%s', (_, kernels) => {
  it.each<[Precision, typeof reference.linear, number]>([
    ['int4', reference.linearInt4, 1e-4],
    ['int8', reference.linearInt8, 1e-4],
    ['fp32', reference.linear, 2e-6],
  ])('linear %s', async (precision, expected, tolerance) => {
    await fc.assert(
      fc.asyncProperty(size(9), size(19), size(70), seed, async (tokens, rows, columns, start) => {
        const draw = drawer(start)
        const [x, weights, bias] = [draw(tokens, columns), draw(rows, columns), draw(1, rows)[0]!]
        const tensors = {
          'layer.weight': floats([rows, columns], weights.flat()),
          'layer.bias': floats([rows], bias),
        }
        const result = (await loadLinear(tensors, rows, columns, precision, kernels))(x)
        const want = expected(x, weights, bias).flat()
        if (precision === 'fp32') {
          // Rounding grows with what is summed, which may cancel.
          const magnitude = (rows: number[][]) => rows.map((row) => row.map(Math.abs))
          const sums = reference.linear(magnitude(x), magnitude(weights), bias.map(Math.abs)).flat()
          expect(worst(result, want, (i) => tolerance * sums[i]! + 1e-30)).toBeLessThanOrEqual(1)
          return
        }
        // A value that falls between two steps may round either way in f32: one step of one product at most.
        const largest = (row: number[]) => Math.max(...row.map(Math.abs))
        const allowed = (i: number) => {
          const product = largest(x[Math.floor(i / rows)]!) * largest(weights[i % rows]!)
          const [ofWeights, ofActivations] = precision === 'int4' ? [8, 127] : [127, 63]
          return 2 * (product / ofWeights + product / ofActivations) + tolerance
        }
        expect(worst(result, want, allowed)).toBeLessThanOrEqual(1)
      }),
      { numRuns: 60 },
    )
  })

  // The last is the largest at which every chunk is known to fit.
  it.each([127, 60, 31])('int8 sums are exact, weights up to %i', async (most) => {
    await fc.assert(
      fc.asyncProperty(size(9), size(17), size(130), seed, async (tokens, rows, columns, start) => {
        const draw = drawer(start)
        const integers = (count: number, most: number) =>
          draw(count, columns).map((row) => row.map((v) => Math.round((v / 8) * most)))
        const [x, weights] = [integers(tokens, 63), integers(rows, most)]
        // With the extreme present the scale of activations is exactly 1, so nothing is rounded anywhere.
        for (const row of x) row[0] = 63
        const tensors: Record<string, Tensor> = {
          'layer.weight.scale': floats([rows], Array(rows).fill(1)),
          'layer.weight': { dtype: 'I8', shape: [rows, columns], values: weights.flat() },
        }
        const sums = (await loadLinear(tensors, rows, columns, 'int8', kernels))(x)
        const want = reference.linear(x, weights, Array(rows).fill(0)).flat()
        expect(sums.every((sum, i) => sum === want[i])).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('int4 sums are exact, the largest too', async () => {
    const values = fc.constantFrom(
      (draw: number) => Math.round(draw),
      () => -8,
      (_: number, k: number) => (k % 2 ? 8 : -8),
      (_: number, k: number) => (k % 4 < 2 ? 8 : -8),
    )
    await fc.assert(
      fc.asyncProperty(size(9), size(35), size(130), seed, values, async (...drawn) => {
        const [tokens, rows, columns, start, value] = drawn
        const draw = drawer(start)
        // With the extreme in each group all scales are 1, so nothing is rounded anywhere.
        const integers = (count: number, least: number, most: number) =>
          draw(count, columns).map((row) =>
            row.map((v, k) => (k % 32 ? Math.min(most, Math.round((-least * value(v, k)) / 8)) : least)),
          )
        const [x, weights] = [integers(tokens, -127, 127), integers(rows, -8, 7)]
        const tensors: Record<string, Tensor> = {
          'layer.weight.scale': floats([rows], Array(rows).fill(1)),
          'layer.weight': { dtype: 'I8', shape: [rows, columns], values: weights.flat() },
        }
        const sums = (await loadLinear(tensors, rows, columns, 'int4', kernels))(x)
        expect(sums).toEqual(reference.linear(x, weights, Array(rows).fill(0)).flat())
      }),
      { numRuns: 60 },
    )
  })

  it('int8 sums of the largest values are exact', async () => {
    const [rows, columns] = [16, 256]
    for (const weight of [127, -127])
      for (const signs of [
        () => 1,
        () => -1,
        (k: number) => (k % 2 ? 1 : -1),
        (k: number) => (k % 4 < 2 ? 1 : -1),
      ]) {
        const weights = Array.from({ length: rows }, () =>
          Array.from({ length: columns }, (_, k) => weight * signs(k)),
        )
        const x = Array.from({ length: 8 }, () => Array.from({ length: columns }, (_, k) => 63 * signs(k)))
        const tensors: Record<string, Tensor> = {
          'layer.weight.scale': floats([rows], Array(rows).fill(1)),
          'layer.weight': { dtype: 'I8', shape: [rows, columns], values: weights.flat() },
        }
        const sums = (await loadLinear(tensors, rows, columns, 'int8', kernels))(x)
        expect(new Set(sums)).toEqual(new Set([weight * 63 * columns]))
      }
  })

  it.each([
    ['layer norm', true],
    ['RMS norm', false],
  ])('%s of a sum, in place and beside it', (_, centred) => {
    const engine = createEngine(kernels, 0)
    fc.assert(
      fc.property(size(70), seed, fc.boolean(), (n, start, beside) => {
        engine.memory.scratch.scope(() => {
          const [x, residual, [weight, bias]] = [0, 1, 2].map((i) => drawer(start + i)(3, n)) as [
            number[][],
            number[][],
            [number[], number[]],
          ]
          const address = put(engine, x.flat())
          const out = beside ? engine.memory.scratch.floats(3 * n) : address
          const norm = { weight: put(engine, weight), bias: put(engine, bias), eps: 1e-5 }
          const apply = centred ? engine.layerNorm : engine.rmsNorm
          apply(address, put(engine, residual.flat()), norm, 3, n, out)
          const sums = x.map((row, m) => row.map((v, i) => v + residual[m]![i]!))
          const expected = sums.flatMap((row) =>
            centred ? reference.layerNorm(row, weight, bias, 1e-5) : reference.rmsNorm(row, weight, 1e-5),
          )
          expectClose(get(engine, out, 3 * n), expected, 2e-3)
          if (beside) expectClose(get(engine, address, 3 * n), sums.flat(), 1e-6)
        })
      }),
    )
  })

  const heads = fc.constantFrom([1, 1], [3, 3], [4, 2], [6, 1])
  const slice = (rows: number[][], head: number, headDim: number) =>
    rows.map((row) => row.slice(head * headDim, (head + 1) * headDim))
  const attentionOf = (
    [q, k, v]: [number[][], number[][], number[][]],
    [heads, keyValueHeads]: [number, number],
    headDim: number,
    options: (head: number) => reference.AttentionOptions,
  ): number[] => {
    const perHead = Array.from({ length: heads }, (_, h) => {
      const shared = Math.floor((h * keyValueHeads) / heads)
      return reference.attention(
        slice(q, h, headDim),
        slice(k, shared, headDim),
        slice(v, shared, headDim),
        options(h),
      )
    })
    return q.flatMap((_, t) => perHead.flatMap((rows) => rows[t]!))
  }

  it('attention of several heads, with a bias or without', () => {
    const engine = createEngine(kernels, 0)
    fc.assert(
      fc.property(size(70), size(21), heads, size(18), seed, fc.boolean(), (...drawn) => {
        const [queryTokens, keyTokens, [heads, keyValueHeads], headDim, start, biased] = drawn as [
          number,
          number,
          [number, number],
          number,
          number,
          boolean,
        ]
        engine.memory.scratch.scope(() => {
          const draw = drawer(start)
          const [q, k, v] = [
            draw(queryTokens, heads * headDim),
            draw(keyTokens, keyValueHeads * headDim),
            draw(keyTokens, keyValueHeads * headDim),
          ]
          const bias = draw(heads * queryTokens, keyTokens)
          const out = engine.memory.scratch.floats(queryTokens * heads * headDim)
          const [keys, values] = [put(engine, k.flat()), put(engine, v.flat())]
          engine.attention(
            {
              ...engine.keysAndValues(
                keys,
                values,
                keyValueHeads * headDim,
                keyTokens,
                keyValueHeads,
                headDim,
              ),
              queries: put(engine, q.flat()),
              queryStride: heads * headDim,
              queryTokens,
              heads,
              keyValueHeads,
              headDim,
              scale: 0.25,
              bias: biased
                ? {
                    address: put(engine, bias.flat()),
                    stride: keyTokens,
                    headStride: queryTokens * keyTokens,
                  }
                : undefined,
            },
            out,
          )
          const expected = attentionOf([q, k, v], [heads, keyValueHeads], headDim, (h) => ({
            scale: 0.25,
            bias: biased ? bias.slice(h * queryTokens, (h + 1) * queryTokens) : undefined,
          }))
          expectClose(get(engine, out, expected.length), expected, 1e-4)
        })
      }),
    )
  })

  describe('attention to itself in int8', () => {
    const engine = createEngine(kernels, 0)
    const attend = (rows: number[][][], heads: number, scale: number) =>
      engine.memory.scratch.scope(() => {
        const { scratch } = engine.memory
        const tokens = rows[0]!.length
        const size = rows[0]![0]!.length
        // Queries, keys and values of a token beside one another, as one product writes them.
        const at = put(
          engine,
          rows[0]!.flatMap((_, t) => rows.flatMap((of) => of[t]!)),
        )
        const out = scratch.floats(tokens * size)
        const headDim = size / heads
        const room = scratch.bytes(engine.kernels.attentionInt8Bytes(tokens, headDim, 64))
        const [k, v] = [at + size * 4, at + 2 * size * 4]
        engine.kernels.attentionInt8(at, k, v, 3 * size, tokens, heads, headDim, scale, 64, room, out)
        return get(engine, out, tokens * size)
      })

    it('is near that in f32', () => {
      fc.assert(
        fc.property(size(140), size(3), size(70), seed, (tokens, heads, headDim, start) => {
          const draw = drawer(start)
          const [q, k, v] = [0, 1, 2].map(() => draw(tokens, heads * headDim)) as [
            number[][],
            number[][],
            number[][],
          ]
          // Scores of standard deviation 2 or so.
          const scale = 0.1 / Math.sqrt(headDim)
          const expected = attentionOf([q, k, v], [heads, heads], headDim, () => ({ scale }))
          // Of values up to 8.
          expect(worst(attend([q, k, v], heads, scale), expected, () => 0.4)).toBeLessThanOrEqual(1)
        }),
        // How rounding adds up is chance, so the bound is that of one sample, always the same.
        { seed: 1, numRuns: 100 },
      )
    })

    it('reads nothing but the sequence', () => {
      fc.assert(
        fc.property(size(40), size(70), seed, (tokens, headDim, start) => {
          const [q, k, v] = [0, 1, 2].map((i) => drawer(start + i)(tokens, headDim)) as [
            number[][],
            number[][],
            number[][],
          ]
          /** With scratch, and so what lies behind the sequence, full of a value. */
          const among = (left: number) => {
            engine.memory.scratch.scope(() => {
              engine.memory.f32(engine.memory.scratch.floats(50_000), 50_000).fill(left)
            })
            return attend([q, k, v], 1, 0.05)
          }
          expect(among(Number.NaN)).toEqual(among(-3))
        }),
        { numRuns: 30 },
      )
    })

    it('holds sums of the largest values', () => {
      const signs = [
        () => 1,
        () => -1,
        (t: number) => (t % 2 ? 1 : -1),
        (t: number) => (t % 32 < 16 ? 1 : -1),
      ]
      for (const tokens of [1, 2, 3, 4, 31, 64, 97])
        for (const ofValue of signs)
          for (const ofKey of signs) {
            const rows = (value: (t: number, d: number) => number) =>
              Array.from({ length: tokens }, (_, t) => Array.from({ length: 64 }, (_, d) => value(t, d)))
            const [q, k, v] = [rows(() => 8), rows(ofKey), rows((t, d) => 8 * ofValue(t + d))]
            const expected = attentionOf([q, k, v], [1, 1], 64, () => ({ scale: 0.01 }))
            expect(worst(attend([q, k, v], 1, 0.01), expected, () => 0.1)).toBeLessThanOrEqual(1)
          }
    })

    it('keeps the weight of many keys beside a large one', () => {
      const tokens = 128
      const rows = (value: (t: number) => number) =>
        Array.from({ length: tokens }, (_, t) => Array.from({ length: 32 }, () => value(t)))
      const [q, v] = [rows(() => 1), rows((t) => (t === 5 ? 10 : 8 + 2 * Math.sin(t)))]
      // Each weighs e^-6 of the large one, less than half a step.
      const k = rows((t) => (t === 5 ? 6 / 32 : 0))
      const expected = attentionOf([q, k, v], [1, 1], 32, () => ({ scale: 1 }))
      expect(worst(attend([q, k, v], 1, 1), expected, () => 0.1)).toBeLessThanOrEqual(1)
    })
  })

  it('causal attention to a cache, whatever the pieces that fill it', () => {
    const engine = createEngine(kernels, 0)
    const pieces = fc.array(size(20), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(pieces, heads, size(18), fc.constantFrom(1, 5, 1000), seed, (...drawn) => {
        const [lengths, [heads, keyValueHeads], headDim, window, start] = drawn as [
          number[],
          [number, number],
          number,
          number,
          number,
        ]
        const tokens = lengths.reduce((a, b) => a + b)
        const cache = createKeyValueCache(engine.memory, engine.kernels, {
          ...{ layers: 2, heads: keyValueHeads, headDim, capacity: tokens },
        })
        const draw = drawer(start)
        const stride = keyValueHeads * headDim
        const [q, k, v] = [draw(tokens, heads * headDim), draw(tokens, stride), draw(tokens, stride)]
        const result: number[] = []
        for (const length of lengths)
          engine.memory.scratch.scope(() => {
            const own = (rows: number[][]) =>
              put(engine, rows.slice(cache.length, cache.length + length).flat())
            const out = engine.memory.scratch.floats(length * heads * headDim)
            cache.append(0, own(v), own(k), stride, length)
            engine.attention(
              {
                ...cache.append(1, own(k), own(v), stride, length),
                queries: own(q),
                queryStride: heads * headDim,
                queryTokens: length,
                heads,
                keyValueHeads,
                headDim,
                scale: 0.25,
                causal: { past: cache.length, window },
              },
              out,
            )
            cache.length += length
            result.push(...get(engine, out, length * heads * headDim))
          })
        const expected = attentionOf([q, k, v], [heads, keyValueHeads], headDim, () => ({
          scale: 0.25,
          causal: { past: 0, window },
        }))
        expectClose(result, expected, 1e-4)
        const copy = cache.fork()
        cache.close()
        expect(copy.length).toBe(tokens)
        const last = get(engine, copy.layer(1).values + (tokens - 1) * headDim * 4, headDim)
        expect(last).toEqual(v[tokens - 1]!.slice(0, headDim).map(Math.fround))
        copy.close()
      }),
    )
  })

  it('rotary positions', () => {
    const engine = createEngine(kernels, 0)
    fc.assert(
      fc.property(size(5), size(3), size(13), size(9), fc.nat(1000), seed, (...drawn) => {
        const [tokens, heads, half, rest, first, start] = drawn
        engine.memory.scratch.scope(() => {
          const headDim = 2 * half + rest - 1
          const frequencies = Array.from({ length: half }, (_, i) => 100 ** (-i / half))
          const x = drawer(start)(tokens, heads * headDim)
          const address = put(engine, x.flat())
          const table = engine.rotaryTable(frequencies, first, tokens)
          engine.rotate(address, heads * headDim, tokens, heads, headDim, table)
          const expected = x.flatMap((row, t) =>
            Array.from({ length: heads }, (_, h) =>
              reference.rotate(
                row.slice(h * headDim, (h + 1) * headDim),
                frequencies.map((f) => Math.fround((first + t) * f)),
              ),
            ).flat(),
          )
          expectClose(get(engine, address, expected.length), expected, 1e-6)
        })
      }),
    )
  })

  it('a gated layer of any width', () => {
    const engine = createEngine(kernels, 0)
    fc.assert(
      fc.property(size(5), size(19), seed, (tokens, width, start) => {
        engine.memory.scratch.scope(() => {
          const x = drawer(start)(tokens, 2 * width)
          const out = engine.memory.scratch.floats(tokens * width)
          engine.gate('silu', put(engine, x.flat()), tokens, width, out)
          const expected = x.flatMap((row) =>
            row.slice(0, width).map((v, i) => reference.activations.silu(v) * row[width + i]!),
          )
          expectClose(get(engine, out, tokens * width), expected, 1e-6)
        })
      }),
    )
  })

  it.each<[Precision, number]>([
    ['fp32', 1e-7],
    ['int8', 1 / 200],
    // What lies opposite the extreme is cut off.
    ['int4', 1 / 7.9],
  ])('a layer stored by columns, and its rows as a table, %s', async (precision, tolerance) => {
    await fc.assert(
      fc.asyncProperty(size(35), size(40), seed, async (rows, columns, start) => {
        const weights = drawer(start)(rows, columns)
        const byColumns = Array.from({ length: columns }, (_, k) => weights.map((row) => row[k]!))
        const load = (values: number[][], transposed: boolean) =>
          loadTensors(
            { 'layer.weight': floats([values.length, values[0]!.length], values.flat()) },
            precision,
            kernels,
            (plan) => plan.linear('layer', rows, columns, { transposed }),
          )
        const [plain, turned] = [await load(weights, false), await load(byColumns, true)]
        const table = (engine: Engine, layer: Linear) =>
          engine.memory.scratch.scope(() => {
            const out = put(engine, Array(rows * columns).fill(0))
            const ids = Array.from({ length: rows }, (_, i) => i)
            engine.addRows(planWeights([], precision).rowsOf(layer), ids, out)
            return get(engine, out, rows * columns)
          })
        const all = table(plain.engine, plain.model)
        expect(table(turned.engine, turned.model)).toEqual(all)
        expectClose(all, weights.flat(), tolerance)
      }),
      { numRuns: 40 },
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
            const allowed = (i: number) => 2e-6 * Math.max(1, Math.abs(x[i]!))
            expect(worst(get(engine, address, x.length), x.map(formula), allowed)).toBeLessThanOrEqual(1)
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

    const same = (expected: ArrayLike<number>) =>
      get(engine, out, all.length).every((x, i) => Object.is(x, expected[i]))

    engine.kernels.decodeBf16(source, out, all.length)
    expect(same(new Float32Array(Uint32Array.from(all, (bits) => bits << 16).buffer))).toBe(true)

    engine.kernels.decodeF16(source, out, all.length)
    const f16 = Array.from(all, (bits) => {
      const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023]
      const sign = bits & 0x8000 ? -1 : 1
      if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
      return exponent
        ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
        : sign * 2 ** -14 * (fraction / 1024)
    })
    expect(same(f16)).toBe(true)
  })
})

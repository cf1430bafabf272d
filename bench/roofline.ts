/**
 * The products of a transformer's layers against the bounds of the machine (Williams et al. 2009,
 * https://doi.org/10.1145/1498765.1498785): how many operations a second they reach by how many they do a byte.
 */
import { createEngine, type Engine } from '../src/engine/engine.ts'
import type { KernelModules } from '../src/engine/kernels.ts'
import { openSafetensors } from '../src/engine/safetensors.ts'
import { type Linear, loadWeights, planWeights } from '../src/engine/weights.ts'
import { streamOf } from './bert.ts'
import { type Bounds, measureBounds } from './bound.ts'
import { table } from './evaluation.ts'
import { openKernels } from './models.ts'
import { plot, type Series } from './plot.ts'
import { type Bar, type Section, verdict } from './section.ts'
import { syntheticBert } from './synthetic.ts'

/** Rows of activations: the tokens of a decoding step, or of a text. */
const ROWS = [1, 4, 16, 64, 128, 512]
/** The shipped model, whose weights stay in the third-level cache, and BERT-base, whose weights come from memory. */
const MODELS = [
  { layers: 4, hidden: 256, from: 'L3 cache' },
  { layers: 12, hidden: 768, from: 'memory' },
]
const ROUNDS = 6
/** What each number of rows is measured for in a round at the least. */
const VISIT_MS = 20
const BAR_ROWS = 128
/** The share of the bound that the products are to reach. */
const BAR = 0.7

interface Product {
  name: string
  rows: number
  hidden: number
  /** Operations a byte of weights, activations and results, each moved once. */
  intensity: number
  /** 1e9 operations a second, in the fastest call. */
  rate: number
  /** 2 a multiply-add. */
  operations: number
}

const bytesOf = (rows: number, { rows: outputs, columns: inputs }: Linear) =>
  outputs * inputs + 4 * rows * (inputs + outputs)

/** An engine with the products of all layers of a BERT. */
async function openLayers({ layers, hidden }: { layers: number; hidden: number }, kernels: KernelModules) {
  const file = await openSafetensors(streamOf(syntheticBert({ layers, hidden }).weights), 'synthetic')
  const plan = planWeights(
    file.tensors.map(({ name }) => name),
    'int8',
  )
  const planned = Array.from({ length: layers }, (_, i) => {
    const name = `bert.encoder.layer.${i}`
    const attention = ['query', 'key', 'value'].map((part) => `${name}.attention.self.${part}`)
    return {
      'queries, keys, values': plan.linear(attention, hidden, hidden),
      'attention output': plan.linear(`${name}.attention.output.dense`, hidden, hidden),
      intermediate: plan.linear(`${name}.intermediate.dense`, 4 * hidden, hidden),
      output: plan.linear(`${name}.output.dense`, hidden, 4 * hidden),
    }
  })
  const engine = createEngine(kernels, plan.bytes())
  await loadWeights([file], plan, engine.memory, engine.kernels)
  return { engine, layers: planned }
}

/** Each product in the order of a pass through all layers, so that weights come from where they come from in one. */
async function measureProducts(
  model: { layers: number; hidden: number },
  kernels: KernelModules,
): Promise<Product[]> {
  const { engine, layers } = await openLayers(model, kernels)
  const names = Object.keys(layers[0]!) as (keyof (typeof layers)[number])[]
  const { scratch } = engine.memory
  return scratch.scope(() => {
    const most = ROWS.at(-1)! * 4 * model.hidden
    const [x, out] = [scratch.floats(most), scratch.floats(most)]
    fillNormal(engine, x, most)
    const least = new Map<string, number>()
    const keyOf = (rows: number, name: string) => `${rows} ${name}`
    for (let round = 0; round < ROUNDS; round++)
      for (const rows of ROWS) {
        const until = performance.now() + VISIT_MS
        do
          for (const layer of layers)
            for (const name of names) {
              const start = performance.now()
              engine.linear(x, rows, layer[name], out)
              const seconds = (performance.now() - start) / 1000
              const key = keyOf(rows, name)
              least.set(key, Math.min(seconds, least.get(key) ?? Infinity))
            }
        while (performance.now() < until)
      }
    return ROWS.flatMap((rows) =>
      names.map((name) => {
        const linear = layers[0]![name]
        const operations = 2 * rows * linear.rows * linear.columns
        return {
          ...{ name, rows, operations, hidden: model.hidden },
          intensity: operations / bytesOf(rows, linear),
          rate: operations / least.get(keyOf(rows, name))! / 1e9,
        }
      }),
    )
  })
}

/** Values of an approximately normal distribution: 12 uniform ones added. */
function fillNormal(engine: Engine, address: number, n: number): void {
  let state = 1
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const values = engine.memory.f32(address, n)
  for (let i = 0; i < n; i++) {
    let sum = -6
    for (let j = 0; j < 12; j++) sum += uniform()
    values[i] = sum
  }
}

/** Attention in f32: both products with the softmax between them, of all heads. */
function measureAttention(kernels: KernelModules, hidden: number): Product[] {
  const engine = createEngine(kernels, 0)
  const { scratch } = engine.memory
  const heads = hidden / 64
  return scratch.scope(() => {
    const most = ROWS.at(-1)!
    const x = scratch.floats(most * 3 * hidden)
    const out = scratch.floats(most * hidden)
    fillNormal(engine, x, most * 3 * hidden)
    return ROWS.filter((rows) => rows >= 16).map((rows) => {
      let least = Infinity
      const until = performance.now() + ROUNDS * VISIT_MS
      do
        scratch.scope(() => {
          const input = {
            ...engine.keysAndValues(x + hidden * 4, x + 2 * hidden * 4, 3 * hidden, rows, heads, 64),
            ...{ queries: x, queryStride: 3 * hidden, queryTokens: rows, heads, headDim: 64 },
          }
          const start = performance.now()
          engine.attention(input, out)
          least = Math.min(least, (performance.now() - start) / 1000)
        })
      while (performance.now() < until)
      const operations = 4 * rows ** 2 * hidden
      return {
        ...{ name: 'attention, f32', rows, hidden, operations },
        intensity: operations / (4 * rows * hidden * 4),
        rate: operations / least / 1e9,
      }
    })
  })
}

export async function measureRoofline(): Promise<Section> {
  const kernels = await openKernels()
  const before = await measureBounds()
  const products: Product[][] = []
  for (const model of MODELS) products.push(await measureProducts(model, kernels))
  const attention = measureAttention(kernels, MODELS[0]!.hidden)
  const bounds = larger(before, await measureBounds())
  /** The instruction as it is compiled, or what it is made of: whichever is faster. */
  const dot = Math.max(bounds.dotAdd, bounds.dotWiden)

  const bars = MODELS.flatMap(({ hidden }, i): Bar[] => {
    const layer = products[i]!.filter(({ rows }) => rows === BAR_ROWS)
    const operations = layer.reduce((sum, product) => sum + product.operations, 0)
    const seconds = layer.reduce((sum, product) => sum + product.operations / product.rate, 0)
    const rate = operations / seconds
    const compare = (bound: string, of: number): Bar => ({
      what: `products of a layer of ${hidden} at ${BAR_ROWS} tokens, share of the bound of the ${bound}`,
      measured: `${((100 * rate) / of).toFixed(0)} %`,
      bar: `>= ${100 * BAR} %`,
      verdict: verdict(rate / of, BAR, true),
    })
    return [compare('128-bit int8 dot product', dot), compare('same added in 16 bits', bounds.dot16)]
  })
  const row = (product: Product, arithmetic: number, from: string) => {
    const level = bounds.read.find(({ name }) => name === from)!
    const roof = Math.min(arithmetic, level.rate * product.intensity)
    return {
      product: product.name,
      hidden: product.hidden,
      rows: product.rows,
      'operations a byte': product.intensity,
      'GOP/s': product.rate,
      'of the roof': `${((100 * product.rate) / roof).toFixed(0)} %`,
    }
  }
  const rows = [
    ...MODELS.flatMap(({ from }, i) => products[i]!.map((product) => row(product, dot, from))),
    ...attention.map((product) => row(product, bounds.multiplyAdd, 'L2 cache')),
  ]
  const report = [
    '## Roofline',
    '',
    'What the machine reaches in WebAssembly on one thread, in loops that do nothing else:',
    '',
    table([
      {
        bound: 'int8 dot product to 32 bits, one instruction (relaxed_dot_i8x16_i7x16_add_s)',
        'GOP/s or GB/s': bounds.dotAdd,
      },
      {
        bound: 'int8 dot product to 32 bits, its three parts, with the ones kept in a register',
        'GOP/s or GB/s': bounds.dotWiden,
      },
      {
        bound: 'int8 dot product added in 16 bits (relaxed_dot_i8x16_i7x16_s, i16x8.add)',
        'GOP/s or GB/s': bounds.dot16,
      },
      { bound: 'f32 multiply-add (relaxed_madd)', 'GOP/s or GB/s': bounds.multiplyAdd },
      ...bounds.read.map(({ name, rate }) => ({ bound: `reading from ${name}`, 'GOP/s or GB/s': rate })),
    ]),
    '',
    'The products, quantization of their inputs included. The roof is the larger of the first two bounds for int8, the ' +
      'multiply-add for f32, or what reading allows where that is less: from ' +
      `${MODELS.map(({ hidden, from }) => `${from} for the weights of ${hidden}`).join(', from ')}.`,
    '',
    '![Products against the bounds of the machine](roofline.svg)',
    '',
    table(rows),
    '',
  ]
  return { report, bars, plots: { 'roofline.svg': draw(bounds, dot, products, attention) } }
}

function larger(a: Bounds, b: Bounds): Bounds {
  return {
    dotAdd: Math.max(a.dotAdd, b.dotAdd),
    dotWiden: Math.max(a.dotWiden, b.dotWiden),
    dot16: Math.max(a.dot16, b.dot16),
    multiplyAdd: Math.max(a.multiplyAdd, b.multiplyAdd),
    read: a.read.map((level, i) => ({ ...level, rate: Math.max(level.rate, b.read[i]!.rate) })),
  }
}

function draw(bounds: Bounds, dot: number, products: Product[][], attention: Product[]): string {
  const [from, to, low, high] = [0.5, 1000, 5, 300]
  const roof = (text: string, rate: number, colour: Series['colour']): Series => ({
    ...{ name: text, colour, line: 'solid' },
    points: [
      [Math.max(from, rate / cache), rate],
      [to, rate],
    ],
    label: { text: `${text}: ${rate.toFixed(0)}`, at: [to, rate / 1.22], anchor: 'end' },
  })
  const cache = bounds.read.find(({ name }) => name.startsWith('L2'))!.rate
  const memory = bounds.read.at(-1)!.rate
  const slope = (text: string, rate: number, at: number): Series => ({
    ...{ name: text, colour: 'black', line: 'dashed' },
    points: [
      [Math.max(from, low / rate), Math.max(low, rate * from)],
      [bounds.dot16 / rate, bounds.dot16],
    ],
    label: {
      text: `${text}: ${rate.toFixed(0)} GB/s`,
      at: [at / rate, at],
      angle: 'along',
      anchor: 'middle',
    },
  })
  const marks = (
    name: string,
    colour: Series['colour'],
    mark: Series['mark'] & string,
    of: Product[],
  ): Series => ({
    ...{ name, colour, mark },
    points: of.map(({ intensity, rate }) => [intensity, rate]),
  })
  return plot(
    [
      {
        title: 'Products of an encoder layer or decoding step against the bounds of the machine',
        x: {
          label: 'operations a byte of weights, activations and results',
          ticks: [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
          from,
          to,
        },
        y: { label: '10⁹ operations a second', ticks: [5, 10, 20, 50, 100, 200], from: low, to: high },
        series: [
          roof('int8, added in 16 bits', bounds.dot16, 'green'),
          roof('int8 dot product', dot, 'grey'),
          roof('f32 multiply-add', bounds.multiplyAdd, 'orange'),
          slope('memory', memory, 26),
          slope('cache', cache, 95),
          ...products.map((of, i) =>
            marks(
              `int8, ${MODELS[i]!.layers} layers of ${MODELS[i]!.hidden}`,
              i ? 'purple' : 'blue',
              i ? 'square' : 'circle',
              of,
            ),
          ),
          marks('attention with softmax, f32', 'orange', 'triangle', attention),
        ],
        notes: [1, 4, 16].map((rows) => {
          const own = products.flat().filter((product) => product.rows === rows)
          const [least, x] = [Math.min(...own.map(({ rate }) => rate)), own[0]!.intensity]
          return { text: `${rows} ${rows > 1 ? 'rows' : 'row'}`, at: [x, least / 1.2] as [number, number] }
        }),
        legend: 'bottom right',
      },
    ],
    1,
    760,
    480,
  )
}

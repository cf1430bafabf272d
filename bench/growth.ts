/**
 * How latency and memory grow with the tokens of a text, the texts of a batch and the parameters of a model, beside how the
 * arithmetic grows; and what a thousand calls leave behind.
 */
import { multiplyAdds, openBert, sequences } from './bert.ts'
import { table } from './evaluation.ts'
import { openKernels } from './models.ts'
import { type Panel, plot } from './plot.ts'
import { type Bar, type Section, verdict } from './section.ts'
import type { BertSize } from './synthetic.ts'

const LENGTHS = [16, 32, 64, 128, 256, 512, 1024]
const BATCHES = [1, 2, 4, 8, 16, 32]
const TOKENS = 64
/** The shipped model's shape. */
const MODEL: BertSize = { layers: 4, hidden: 256 }
/** About 2, 5, 14, 24, 42 and 100 M parameters. */
const SIZES: BertSize[] = [
  { layers: 4, hidden: 128 },
  { layers: 4, hidden: 256 },
  { layers: 6, hidden: 384 },
  { layers: 6, hidden: 512 },
  { layers: 12, hidden: 512 },
  { layers: 12, hidden: 768, vocabulary: 18_432 },
]
const ROUNDS = 8
/** What a model is called for in a round at the least; the scheduler counts CPU time by four milliseconds. */
const VISIT_MS = 150
const CALLS = 1000

interface Measurement {
  /** The fastest call: by the clock or, where others interrupt each call, by the thread's CPU time. */
  ms: number
  /** Of products and attention, 2 a multiply-add, 1e9. */
  operations: number
  /** Those of attention, whose softmax and quantization cost more than its products. */
  attention: number
  parameters: number
  weightBytes: number
  memoryBytes: number
}

/** Milliseconds of CPU time of this thread so far. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Measures models in turn, round after round, so that what else the machine does meets all of them alike. */
async function measure(cases: { size: BertSize; lengths: number[] }[]): Promise<Measurement[]> {
  const kernels = await openKernels()
  const runs = []
  // A model of its own for each, so that memory is what this one needs.
  for (const { size, lengths } of cases) {
    const bert = await openBert(size, kernels)
    const batch = sequences(lengths)
    const { products, attention } = multiplyAdds(size, lengths)
    runs.push({
      bert,
      call: () => bert.model.forward(bert.engine, batch),
      ms: Infinity,
      operations: (2 * (products + attention)) / 1e9,
      attention: (2 * attention) / 1e9,
    })
  }
  for (let round = 0; round < ROUNDS; round++)
    for (const run of runs) {
      const [visit, before] = [performance.now(), threadMs()]
      let [calls, now] = [0, visit]
      while (now < visit + VISIT_MS) {
        const start = now
        run.call()
        now = performance.now()
        run.ms = Math.min(run.ms, now - start)
        calls++
      }
      const spent = threadMs() - before
      // On a crowded machine it may hardly have run at all: too little to be counted.
      if (spent > 0.4 * VISIT_MS) run.ms = Math.min(run.ms, spent / calls)
    }
  return runs.map(({ bert, ms, operations, attention }) => ({
    ...{ ms, operations, attention, parameters: bert.parameters, weightBytes: bert.weightBytes },
    memoryBytes: bert.memoryBytes(),
  }))
}

const rate = ({ operations, ms }: Measurement) => operations / (ms / 1000)

/** Milliseconds for 1e9 operations. */
interface Costs {
  products: number
  attention: number
}

/**
 * The costs of products and of attention that explain the measurements best: their times
 * as a linear combination, by least squares of relative errors.
 */
function fitCosts(measurements: Measurement[]): Costs {
  let [pp, pa, aa, p, a] = [0, 0, 0, 0, 0]
  for (const { ms, operations, attention } of measurements) {
    const [x, y] = [(operations - attention) / ms, attention / ms]
    pp += x * x
    pa += x * y
    aa += y * y
    p += x
    a += y
  }
  const determinant = pp * aa - pa * pa
  return { products: (p * aa - a * pa) / determinant, attention: (a * pp - p * pa) / determinant }
}

/** Milliseconds by the two costs. */
const predicted = ({ operations, attention }: Measurement, costs: Costs) =>
  (operations - attention) * costs.products + attention * costs.attention

export async function measureGrowth(): Promise<Section> {
  const byTokens = await measure(LENGTHS.map((length) => ({ size: MODEL, lengths: [length] })))
  const byBatch = await measure(
    BATCHES.map((batch) => ({ size: MODEL, lengths: Array<number>(batch).fill(TOKENS) })),
  )
  const bySize = await measure(SIZES.map((size) => ({ size, lengths: [TOKENS] })))
  const flat = await leftBehind()

  const row = (measurement: Measurement) => ({
    ms: measurement.ms,
    'operations, 1e9': measurement.operations,
    'GOP/s': rate(measurement),
    'WebAssembly MB': measurement.memoryBytes / 1e6,
  })
  const costs = fitCosts(byTokens)
  const deviation = Math.max(...byTokens.map((of) => 100 * Math.abs(of.ms / predicted(of, costs) - 1)))
  const shape = `${MODEL.layers} layers of ${MODEL.hidden}`
  const report = [
    '## Growth',
    '',
    'Synthetic BERTs with random weights in int8. Times are of the fastest calls. Operations are the multiply-adds of products and attention, times two; ' +
      'WebAssembly memory is the most that the model had, weights included.',
    '',
    '![Latency and memory by tokens, batch and parameters](growth.svg)',
    '',
    `One text, ${shape}:`,
    '',
    table(byTokens.map((measurement, i) => ({ tokens: LENGTHS[i]!, ...row(measurement) }))),
    '',
    `Times are those of products at ${(1000 / costs.products).toFixed(0)} GOP/s in int8 and of attention at ` +
      `${(1000 / costs.attention).toFixed(0)} GOP/s, within ${deviation.toFixed(0)} %.`,
    '',
    `Texts of ${TOKENS} tokens at once, ${shape}:`,
    '',
    table(
      byBatch.map((measurement, i) => ({
        batch: BATCHES[i]!,
        ...row(measurement),
        'ms a text': measurement.ms / BATCHES[i]!,
      })),
    ),
    '',
    `One text of ${TOKENS} tokens:`,
    '',
    table(
      bySize.map((measurement, i) => ({
        'parameters, M': measurement.parameters / 1e6,
        model: `${SIZES[i]!.layers} x ${SIZES[i]!.hidden}`,
        ...row(measurement),
        'weights MB': measurement.weightBytes / 1e6,
      })),
    ),
    '',
    `${CALLS.toLocaleString('en')} calls of 1 to 256 tokens: WebAssembly memory ${flat.memoryBytes.toLocaleString('en')} bytes more than ` +
      `after the first longest text, resident memory ${(flat.residentBytes / 1e6).toFixed(1)} MB more.`,
    '',
  ]
  return {
    report,
    bars: bars(byTokens, byBatch, bySize, flat),
    plots: { 'growth.svg': draw(byTokens, byBatch, bySize) },
  }
}

interface Left {
  memoryBytes: number
  residentBytes: number
}

/** What calls of many lengths leave behind, beyond what the longest needs. */
async function leftBehind(): Promise<Left> {
  const { model, engine, memoryBytes } = await openBert(MODEL, await openKernels())
  const call = (i: number) => model.forward(engine, sequences([1 + ((i * 97) % 256)]))
  model.forward(engine, sequences([256]))
  for (let i = 0; i < 100; i++) call(i)
  const [memory, resident] = [memoryBytes(), process.memoryUsage.rss()]
  for (let i = 0; i < CALLS; i++) call(i)
  return { memoryBytes: memoryBytes() - memory, residentBytes: process.memoryUsage.rss() - resident }
}

function bars(byTokens: Measurement[], byBatch: Measurement[], bySize: Measurement[], flat: Left): Bar[] {
  const over = (what: string, value: number, bar: number): Bar => ({
    what,
    measured: `${value.toFixed(2)} x`,
    bar: `<= ${bar} x`,
    verdict: verdict(value, bar, false),
  })
  /** Time beyond what arithmetic alone would add, from one measurement to another. */
  const beyond = (what: string, from: Measurement, to: Measurement, bar: number) =>
    over(`time an operation, ${what}`, rate(from) / rate(to), bar)
  const costs = fitCosts(byTokens)
  const unexplained = byTokens.map((measurement) => measurement.ms / predicted(measurement, costs))
  const ofLength = (length: number) => byTokens[LENGTHS.indexOf(length)]!
  const workingBytes = (length: number) => {
    const { memoryBytes, weightBytes } = ofLength(length)
    return (memoryBytes - weightBytes) / length
  }
  const memory = workingBytes(1024) / workingBytes(256)
  return [
    over(
      'time over that of products and attention, at most, 16 to 1,024 tokens',
      Math.max(...unexplained),
      1.25,
    ),
    beyond('32 texts at once over one', byBatch[0]!, byBatch.at(-1)!, 1.25),
    beyond('100 M parameters over 5 M', bySize[1]!, bySize.at(-1)!, 1.25),
    over('working memory a token, 1,024 tokens over 256', memory, 1.1),
    {
      what: 'WebAssembly memory after 1,000 more calls',
      measured: `${flat.memoryBytes} bytes`,
      bar: '0 bytes',
      verdict: verdict(flat.memoryBytes, 0, false),
    },
  ]
}

function draw(byTokens: Measurement[], byBatch: Measurement[], bySize: Measurement[]): string {
  const latency = (
    title: string,
    label: string,
    ticks: number[],
    at: number[],
    measurements: Measurement[],
    arithmetic: (measurement: Measurement) => number,
    ms: number[],
  ): Panel => ({
    title,
    x: { label, ticks, ...range(at) },
    y: { label: 'ms', ticks: ms },
    series: [
      {
        name: 'as the arithmetic grows',
        colour: 'grey',
        line: 'dashed',
        points: measurements.map((measurement, i) => [at[i]!, arithmetic(measurement)]),
      },
      {
        name: 'measured',
        colour: 'blue',
        line: 'solid',
        mark: 'circle',
        points: measurements.map(({ ms }, i) => [at[i]!, ms]),
      },
    ],
  })
  const costs = fitCosts(byTokens)
  const ofCosts = (measurement: Measurement) => predicted(measurement, costs)
  const ofFirst = (first: Measurement) => (measurement: Measurement) =>
    (measurement.operations * first.ms) / first.operations
  const all = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]
  const parameters = bySize.map(({ parameters }) => parameters / 1e6)
  const megabytes = (measurements: Measurement[], at: number[]) =>
    measurements.map(({ memoryBytes }, i): [number, number] => [at[i]!, memoryBytes / 1e6])
  const parameterTicks = [2, 5, 10, 20, 50, 100]
  return plot(
    [
      latency('Tokens of a text', 'tokens', LENGTHS, LENGTHS, byTokens, ofCosts, all),
      latency(
        `Texts of ${TOKENS} tokens at once`,
        'texts',
        BATCHES,
        BATCHES,
        byBatch,
        ofFirst(byBatch[0]!),
        all.slice(2),
      ),
      latency(
        'Size of the model',
        'million parameters',
        parameterTicks,
        parameters,
        bySize,
        ofFirst(bySize[1]!),
        all,
      ),
      {
        title: 'WebAssembly memory, the most there was',
        x: {
          label: `million parameters (a text of ${TOKENS} tokens)`,
          ticks: parameterTicks,
          ...range(parameters),
        },
        y: { label: 'MB', ticks: [2, 5, 10, 20, 50, 100, 200] },
        series: [
          {
            name: 'weights alone',
            colour: 'grey',
            line: 'dashed',
            points: bySize.map(({ weightBytes }, i) => [parameters[i]!, weightBytes / 1e6]),
          },
          {
            name: 'all',
            colour: 'blue',
            line: 'solid',
            mark: 'circle',
            points: megabytes(bySize, parameters),
          },
        ],
      },
    ],
    2,
    460,
    330,
  )
}

/** An axis a little wider than its values. */
const range = (values: number[]) => ({ from: values[0]! / 1.15, to: values.at(-1)! * 1.15 })

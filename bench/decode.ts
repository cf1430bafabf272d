/**
 * Decoding with a key-value cache: our engine, ONNX Runtime and llama.cpp on the same weights, and how long it takes to
 * read them from memory.
 */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { WEIGHTS_START } from '../src/engine/memory.ts'
import { openBoundKernels } from './bound.ts'
import type { PageResult } from './decode-page.ts'
import { argmax, type LanguageModel, openOwn, PREFILL, PROMPT, promptOf, STEPS } from './decoders.ts'
import { table } from './evaluation.ts'
import { openKernels } from './models.ts'
import { exportLlama, type LlamaConfig } from './onnx-llama.ts'
import { type OnnxPrecision, readCheckpoint } from './onnx-weights.ts'
import { onnxruntimeWebDecoder } from './peers.ts'
import { type Bar, median, type Section, verdict } from './section.ts'
import { type Checkpoint, type LlamaSize, syntheticLlama } from './synthetic.ts'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
/** Tokens at which the contestants' choices are compared, each behind our engine's own text. */
const COMPARED = 16

/** Milliseconds of CPU time that a measurement takes at the least: the scheduler counts them by fours. */
const LEAST_MS = 150

interface Measured {
  name: string
  size: LlamaSize
  /** Rounds in which each contestant runs once, after one to warm up. */
  rounds: number
}

const SIZES: Measured[] = [
  {
    name: '5 M parameters',
    size: { layers: 4, hidden: 256, heads: 4, vocabulary: 8192, positions: 512 },
    rounds: 7,
  },
  {
    name: '16 M parameters',
    size: { layers: 8, hidden: 384, heads: 6, keyValueHeads: 2, vocabulary: 8192, positions: 512 },
    rounds: 7,
  },
  {
    name: '100 M parameters',
    size: { layers: 12, hidden: 768, heads: 12, keyValueHeads: 4, vocabulary: 32_000, positions: 512 },
    rounds: 3,
  },
]

interface Contestant extends LanguageModel {
  name: string
}

/** Of a contestant, a number a round: milliseconds of PREFILL tokens, and of a step, mean of STEPS behind PROMPT tokens. */
interface Times {
  prefill: number[]
  step: number[]
}

export async function measureDecoding(say: (text: string) => void): Promise<Section> {
  const report = [
    '## Decoding',
    '',
    'Synthetic Llamas with random weights in int8, one text, greedy. ' +
      `Reading is of ${PREFILL} tokens at once; a step adds one token behind ${PROMPT}, mean of ${STEPS}. ` +
      'Medians of rounds in which each contestant runs once, ratios are medians of the rounds’ ratios.',
    '',
  ]
  const bars: Bar[] = []
  for (const measured of SIZES) {
    const checkpoint = syntheticLlama(measured.size)
    report.push(`### ${measured.name}: ${shape(measured.size)}`, '')
    await inNode(measured, checkpoint, report, bars)
    if (existsSync(CHROMIUM)) await inChromium(measured, report, bars)
    else report.push(`llama.cpp was not run: there is no ${CHROMIUM}.`, '')
    say(`decoding with ${measured.name} measured`)
  }
  return { report, bars }
}

const shape = ({ layers, hidden, heads, keyValueHeads = heads, vocabulary }: LlamaSize) =>
  `${layers} layers of ${hidden}, ${heads} heads on ${keyValueHeads}, vocabulary ${vocabulary}`
const ratios = (theirs: number[], own: number[]) => median(theirs.map((ms, i) => ms / own[i]!))
const atLeast = (what: string, value: number, bar: number): Bar => ({
  what,
  measured: `${value.toFixed(2)} x`,
  bar: `>= ${bar} x`,
  verdict: verdict(value, bar, true),
})

/** Our engine and ONNX Runtime, by CPU time of the thread. */
async function inNode(
  { name, size, rounds }: Measured,
  checkpoint: Checkpoint,
  report: string[],
  bars: Bar[],
): Promise<void> {
  const kernels = await openKernels()
  const { model, engine } = await openOwn(checkpoint, kernels)
  const onnxruntime = async (precision: OnnxPrecision): Promise<Contestant> => {
    const { config, weights } = checkpoint
    const file = exportLlama(readCheckpoint(config as unknown as LlamaConfig, weights), precision)
    return { name: `onnxruntime-web ${precision}`, ...(await onnxruntimeWebDecoder(file)) }
  }
  const own = { name: 'edgewise int8', ...model }
  const int4 = { name: 'edgewise int4', ...(await openOwn(checkpoint, kernels, 'int4')).model }
  const contestants = [own, await onnxruntime('int8'), int4, await onnxruntime('fp32')]
  const agreement = await compareTokens(contestants, size)

  const { read } = await openBoundKernels(engine.memory.memory)
  const reads: number[] = []
  const times = contestants.map((): Times => ({ prefill: [], step: [] }))
  for (let round = -1; round < rounds; round++) {
    const results: { prefill: number; step: number }[] = []
    for (const contestant of contestants) results.push(await timed(contestant, size))
    const readMs = await cpuTime((timed) =>
      timed(() => {
        // Below the kernels' constants are 16 bytes that hold nothing.
        read(WEIGHTS_START, 0, checkpoint.weights.length & ~127)
      }),
    )
    if (round < 0) continue
    reads.push(readMs)
    times.forEach(({ prefill, step }, i) => {
      prefill.push(results[i]!.prefill)
      step.push(results[i]!.step)
    })
  }
  const [ownTimes, int8] = times as [Times, Times]
  report.push(
    'In Node, CPU time of the thread:',
    '',
    table(
      contestants.map((contestant, i) => ({
        contestant: contestant.name,
        [`ms of ${PREFILL} tokens`]: median(times[i]!.prefill),
        'reading / edgewise': ratios(times[i]!.prefill, ownTimes.prefill),
        'ms a step': median(times[i]!.step),
        'tokens/s': 1000 / median(times[i]!.step),
        'step / edgewise': ratios(times[i]!.step, ownTimes.step),
        ...agreement[i],
      })),
    ),
    '',
    `One thread reads the ${(checkpoint.weights.length / 1e6).toFixed(1)} MB of weights from the same memory in ` +
      `${median(reads).toFixed(2)} ms, ${(checkpoint.weights.length / median(reads) / 1e6).toFixed(1)} GB/s.`,
    '',
  )
  const overRead = ratios(ownTimes.step, reads)
  bars.push(atLeast(`decoding over onnxruntime-web int8, ${name}`, ratios(int8.step, ownTimes.step), 10), {
    what: `a step over reading the weights once, ${name}`,
    measured: `${overRead.toFixed(2)} x`,
    bar: '<= 1.5 x',
    verdict: verdict(overRead, 1.5, false),
  })
}

/** Milliseconds of PREFILL tokens and of a step. */
async function timed(contestant: Contestant, { vocabulary }: LlamaSize) {
  const prefill = await cpuTime(async (timed) => {
    contestant.reset()
    await timed(() => contestant.feed(promptOf(PREFILL, vocabulary)))
  })
  const steps = await cpuTime(async (timed) => {
    contestant.reset()
    let logits = await contestant.feed(promptOf(PROMPT, vocabulary))
    await timed(async () => {
      for (let i = 0; i < STEPS; i++) logits = await contestant.feed([argmax(logits)])
    })
  })
  return { prefill, step: steps / STEPS }
}

/** Milliseconds of this thread's CPU time that what `body` has timed takes, mean of as many as LEAST_MS needs. */
async function cpuTime(
  body: (timed: (work: () => unknown) => Promise<void>) => Promise<void>,
): Promise<number> {
  const threadMs = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let [sum, times] = [0, 0]
  while (sum < LEAST_MS) {
    await body(async (work) => {
      const start = threadMs()
      await work()
      sum += threadMs() - start
    })
    times++
  }
  return sum / times
}

/** How near each is to the last, which computes in fp32: of the tokens that it would choose, how many they would too. */
async function compareTokens(contestants: Contestant[], { vocabulary }: LlamaSize) {
  const reference: Float32Array[] = []
  const rows: { 'same tokens': string; 'least cosine of logits': string }[] = []
  for (const contestant of contestants.toReversed()) {
    let [same, least] = [0, 1]
    contestant.reset()
    let logits = await contestant.feed(promptOf(PROMPT, vocabulary))
    for (let i = 0; i < COMPARED; i++) {
      reference[i] ??= logits
      const choice = argmax(reference[i]!)
      if (argmax(logits) === choice) same++
      least = Math.min(least, cosine(logits, reference[i]!))
      logits = await contestant.feed([choice])
    }
    rows.unshift({ 'same tokens': `${same} of ${COMPARED}`, 'least cosine of logits': least.toFixed(4) })
  }
  return rows
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    aa += a[i]! ** 2
    bb += b[i]! ** 2
  }
  return dot / Math.sqrt(aa * bb)
}

/** Our engine and llama.cpp in a page, by wall-clock time. */
async function inChromium({ name, size, rounds }: Measured, report: string[], bars: Bar[]): Promise<void> {
  const { own, peer, version, sameTokens, difference } = await comparedInPage(size, rounds)
  const row = (contestant: string, times: Times) => ({
    contestant,
    [`ms of ${PREFILL} tokens`]: median(times.prefill),
    'reading / edgewise': ratios(times.prefill, own.prefill),
    'ms a step': median(times.step),
    'tokens/s': 1000 / median(times.step),
    'step / edgewise': ratios(times.step, own.step),
  })
  report.push(
    'In a page of Chromium, wall-clock time:',
    '',
    table([row('edgewise int8', own), row(`llama.cpp ${version} Q8_0 (wllama)`, peer)]),
    '',
    `llama.cpp would choose the same token at ${sameTokens} places; log probabilities of the five likeliest differ by up to ` +
      `${difference.toFixed(2)}.`,
    '',
  )
  bars.push(
    atLeast(`reading a prompt over llama.cpp, ${name}`, ratios(peer.prefill, own.prefill), 1),
    atLeast(`decoding over llama.cpp, ${name}`, ratios(peer.step, own.step), 1),
  )
}

async function comparedInPage(size: LlamaSize, rounds: number): Promise<PageResult> {
  const { outputFiles } = await build({
    entryPoints: ['bench/decode-page.ts'],
    ...{ bundle: true, format: 'esm', write: false },
  })
  const wasm = async (file: string) => ({ type: 'application/wasm', body: await readFile(file) })
  const files: Record<string, { type: string; body: string | Uint8Array }> = {
    '/': { type: 'text/html', body: '<script type="module" src="page.js"></script>' },
    '/page.js': { type: 'text/javascript', body: outputFiles![0]!.contents },
    '/wllama.wasm': await wasm('node_modules/@wllama/wllama/esm/wasm/wllama.wasm'),
    '/kernels.relaxed.wasm': await wasm('dist/kernels.relaxed.wasm'),
    '/kernels.simd.wasm': await wasm('dist/kernels.simd.wasm'),
  }
  const server = createServer(({ url }, response) => {
    const file = files[url!]
    response.writeHead(file ? 200 : 404, { 'content-type': file?.type ?? 'text/plain' }).end(file?.body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await page.waitForFunction('globalThis.compareWithLlamaCpp')
    return await page.evaluate(`compareWithLlamaCpp(${JSON.stringify(size)}, ${rounds})`)
  } finally {
    await browser.close()
    server.close()
  }
}

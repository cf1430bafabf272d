/** How fast encoders are beside ONNX Runtime on the same weights, and what tokenizing adds. */
import { readFile } from 'node:fs/promises'
import { createRuntime } from '../src/runtime/native.ts'
import { fileStorage } from '../src/storage/files.ts'
import { openBert, sequences } from './bert.ts'
import { table } from './evaluation.ts'
import { MODELS, openKernels, openPlainKernels, openRuntime } from './models.ts'
import { exportOnnx } from './onnx.ts'
import { readCheckpoint } from './onnx-weights.ts'
import { type Contestant, onnxruntimeNode, onnxruntimeWeb } from './peers.ts'
import { type Bar, median, type Section, verdict } from './section.ts'
import { type BertSize, syntheticBert } from './synthetic.ts'
import { measureTokenizers } from './tokenize.ts'

const LENGTHS = [16, 64, 128]
const WARM_UP = 10
/** Shapes of published encoders, with random weights: only the time counts. */
const SHAPES: Required<Pick<BertSize, 'layers' | 'hidden' | 'activation'>>[] = [
  { layers: 4, hidden: 256, activation: 'gelu' },
  { layers: 6, hidden: 384, activation: 'gelu' },
]

type Config = Parameters<typeof exportOnnx>[0]['config'] & { vocab_size: number }

/** @param rounds in each of which every contestant runs once */
export async function measureLatency(config: Config, rounds: number): Promise<Section> {
  const section: Section = { report: ['## Latency', ''], bars: [] }
  await shipped(config, rounds, section)
  for (const shape of SHAPES) await synthetic(shape, rounds, section)
  return section
}

/** Token ids of real text of exactly `length` tokens. */
async function realIds(length: number): Promise<number[]> {
  const encoder = await (await openRuntime()).encoder('sentiment')
  const card = await readFile('models/sentiment/README.md', 'utf8')
  const ids = encoder.tokenize(card.repeat(10)).slice(0, length - encoder.specialTokens)
  return Array.from(encoder.wrap(ids).inputIds)
}

interface Race {
  /** Milliseconds a round, by contestant. */
  times: Map<string, number[]>
  /** By contestant: the largest difference of a logit from the second contestant's. */
  differences: Map<string, number>
}

async function race(contestants: Contestant[], ids: number[], rounds: number): Promise<Race> {
  const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]))
  const differences = new Map<string, number>()
  const reference = Array.from(await contestants.at(1)!.run(ids))
  for (let round = -WARM_UP; round < rounds; round++)
    for (const { name, run } of contestants) {
      const start = performance.now()
      const logits = await run(ids)
      if (round >= 0) times.get(name)!.push(performance.now() - start)
      const difference = Math.max(...reference.map((x, i) => Math.abs(x - logits[i]!)))
      differences.set(name, Math.max(difference, differences.get(name) ?? 0))
    }
  return { times, differences }
}

/** How many times as long as the first contestant each takes: the median of the rounds' ratios. */
function ratios({ times }: Race): Map<string, number> {
  const [own] = times.values()
  return new Map([...times].map(([name, theirs]) => [name, median(theirs.map((time, i) => time / own![i]!))]))
}

/** What the first contestant must reach beside the others at 128 tokens. */
function barsOf(what: string, ratio: Map<string, number>): Bar[] {
  const goals = { 'onnxruntime-web int8': 2.5, 'onnxruntime-node fp32': 1 }
  return Object.entries(goals).flatMap(([name, goal]) => {
    const value = ratio.get(name)
    if (value === undefined) return []
    return {
      what: `speed at 128 tokens over ${name}, ${what}`,
      measured: `${value.toFixed(2)} x`,
      bar: `>= ${goal} x`,
      verdict: verdict(value, goal, true),
    }
  })
}

async function shipped(config: Config, rounds: number, { report, bars }: Section): Promise<void> {
  const contestants = await openContestants(config)
  const rows: Record<string, string | number>[] = []
  const largest = new Map<string, number>()
  let forward = 0
  for (const tokens of LENGTHS) {
    const result = await race(contestants, await realIds(tokens), rounds)
    const ratio = ratios(result)
    for (const [name, times] of result.times) {
      rows.push({
        tokens,
        contestant: name,
        'median ms': median(times),
        'time / edgewise': ratio.get(name)!,
      })
      largest.set(name, Math.max(result.differences.get(name)!, largest.get(name) ?? 0))
    }
    forward = median([...result.times.values()][0]!)
    if (tokens === 128) bars.push(...barsOf('shipped model', ratio))
  }
  report.push('Token ids in, logits out, one sequence, one thread.', '', table(rows), '')
  const agreement = [...largest].map(([contestant, difference]) => ({
    contestant,
    'largest difference': difference.toFixed(4),
  }))
  report.push(`Logits against ${contestants.at(1)!.name}:`, '', table(agreement), '')

  const tokenizing = measureTokenizers()
  const rowsOfText = tokenizing.map(({ name, ids, offsets, library }) => ({
    tokenizer: name,
    'ms, ids': ids,
    'ms, with offsets': offsets,
    'ms, @huggingface/tokenizers': library,
  }))
  report.push('Tokenizing a text of 128 tokens:', '', table(rowsOfText), '')
  const share = tokenizing[0]!.offsets / forward
  bars.push({
    what: 'tokenizing with offsets, share of a forward pass of 128 tokens',
    measured: `${(100 * share).toFixed(1)} %`,
    bar: '<= 5 %',
    verdict: verdict(share, 0.05, false),
  })
}

async function synthetic(
  shape: (typeof SHAPES)[number],
  rounds: number,
  { report, bars }: Section,
): Promise<void> {
  const { config, weights } = syntheticBert(shape)
  const { model, engine } = await openBert(shape, await openKernels())
  const checkpoint = readCheckpoint(config as unknown as Config, weights)
  const [fp32, int8] = [exportOnnx(checkpoint, 'fp32'), exportOnnx(checkpoint, 'int8')]
  const contestants = [
    { name: 'edgewise int8', run: async (inputIds: number[]) => model.forward(engine, [{ inputIds }])[0]! },
    await onnxruntimeWeb('int8', int8),
    await onnxruntimeNode('fp32', fp32),
  ].filter((contestant) => contestant !== undefined)
  const result = await race(contestants, Array.from(sequences([128])[0]!.inputIds), rounds)
  const ratio = ratios(result)
  const name = `${shape.layers} layers of ${shape.hidden}, ${shape.activation}`
  const rows = [...result.times].map(([contestant, times]) => ({
    contestant,
    'median ms': median(times),
    'time / edgewise': ratio.get(contestant)!,
  }))
  report.push(`Random weights, ${name}, 128 tokens:`, '', table(rows), '')
  bars.push(...barsOf(name, ratio))
}

async function openContestants(config: Config): Promise<Contestant[]> {
  const checkpoint = readCheckpoint(config, await readFile(`${MODELS}/sentiment/model.safetensors`))
  const [fp32, int8] = [exportOnnx(checkpoint, 'fp32'), exportOnnx(checkpoint, 'int8')]
  const runtime = await openRuntime()
  const encoder = await runtime.encoder('sentiment')
  const kernels = await openPlainKernels()
  const plain = await createRuntime({ storage: fileStorage(MODELS), kernels }).encoder('sentiment')
  return [
    {
      name: `edgewise int8 ${runtime.kernels}`,
      run: async (ids: number[]) => (await encoder.outputs([{ inputIds: ids }]))[0]!,
    },
    await onnxruntimeWeb('fp32', fp32),
    {
      name: 'edgewise int8 simd',
      run: async (ids: number[]) => (await plain.outputs([{ inputIds: ids }]))[0]!,
    },
    await onnxruntimeWeb('int8', int8),
    await onnxruntimeNode('fp32', fp32),
    await onnxruntimeNode('int8', int8),
  ].filter((contestant) => contestant !== undefined)
}

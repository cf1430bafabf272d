/** Cold starts and resident memory, each in a process of its own (cold.ts), beside ONNX Runtime. */
import { execFile } from 'node:child_process'
import { rm, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { table } from './evaluation.ts'
import { MODELS } from './models.ts'
import { median, type Section, verdict } from './section.ts'

const COLD_ROUNDS = 7

interface ColdStart {
  ms: number
  bytes: number
}

/** @param model path of the shipped model as ONNX */
export async function measureStart(model: string): Promise<Section> {
  const { report, bars }: Section = { report: [], bars: [] }
  // Within the repository, so that the one package that is not bundled is found.
  const outfile = 'dist/bench-cold.js'
  await build({
    entryPoints: ['bench/cold.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    external: ['onnxruntime-web', 'onnxruntime-node'],
  })
  const measure = async (what: string): Promise<ColdStart> => {
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, what, model])
    return JSON.parse(stdout)
  }
  const kinds = ['engine', 'session', 'edgewise', 'onnxruntime'] as const
  const runs = { engine: [], session: [], edgewise: [], onnxruntime: [] } as Record<string, ColdStart[]>
  for (let round = 0; round < COLD_ROUNDS; round++)
    for (const kind of kinds) runs[kind]!.push(await measure(kind))
  await rm(outfile)

  const row = (name: string, scope: string, kind: string) => ({
    contestant: name,
    scope,
    ms: median(runs[kind]!.map(({ ms }) => ms)),
    'resident MB more': median(runs[kind]!.map(({ bytes }) => bytes)) / 1e6,
  })
  const [bare, whole] = ['module and weights to first logits', 'JavaScript, tokenizer, module, weights']
  report.push(
    '## Cold start and memory',
    '',
    `Each in a fresh process, ${COLD_ROUNDS} times in turn, medians. Edgewise also verifies its files in the second scope.`,
    '',
    table([
      row('edgewise', bare, 'engine'),
      row('onnxruntime-web int8', bare, 'session'),
      row('edgewise', whole, 'edgewise'),
      row('onnxruntime-web int8', whole, 'onnxruntime'),
    ]),
    '',
  )
  const share = (own: string, peer: string, key: keyof ColdStart) =>
    median(runs[own]!.map((run, i) => run[key] / runs[peer]![i]![key]))
  const compare = (what: string, value: number, bar: number) =>
    bars.push({
      what: `${what}, share of onnxruntime-web's`,
      measured: `1 / ${(1 / value).toFixed(1)}`,
      bar: `<= 1 / ${1 / bar}`,
      verdict: verdict(value, bar, false),
    })
  compare(`cold start (${bare})`, share('engine', 'session', 'ms'), 1 / 15)
  compare(`cold start (${whole})`, share('edgewise', 'onnxruntime', 'ms'), 0.1)
  compare('resident memory', share('edgewise', 'onnxruntime', 'bytes'), 0.25)
  const weights = (await stat(`${MODELS}/sentiment/model.safetensors`)).size
  const beside = (median(runs.engine!.map(({ bytes }) => bytes)) - weights) / 1e6
  bars.push({
    what: `resident memory beside the weights' ${(weights / 1e6).toFixed(1)} MB (${bare})`,
    measured: `${beside.toFixed(1)} MB`,
    bar: '<= 15 MB',
    verdict: verdict(beside, 15, false),
  })
  return { report, bars }
}

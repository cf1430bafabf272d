/**
 * One cold start in a process of its own; bench/main.ts bundles and runs it: `node cold.js WHAT [MODEL.onnx]`. Prints,
 * as JSON, milliseconds to the first answer and by how many bytes the peak of resident memory rose above what the
 * process held at the start.
 *
 * - engine, session: from the WebAssembly module and the weights on disk to the first logits of given token ids.
 * - edgewise, onnxruntime: all of it, from importing the JavaScript over the tokenizer to the first answer to a text;
 *   edgewise verifies its files' hashes as well.
 */
import { readFile } from 'node:fs/promises'

const MODEL = 'models/sentiment'
const TEXT = 'The plot is thin, but the acting is superb and I loved every minute.'
const IDS = [2, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400, 1500, 3]
const json = async (file: string) => JSON.parse(await readFile(`${MODEL}/${file}`, 'utf8'))

/** Each imports what it needs, and returns what is timed after that. */
const contestants: Record<string, () => Promise<() => Promise<unknown>>> = {
  async engine() {
    const { openKernels, readWeights } = await import('./models.ts')
    const { findEncoder } = await import('../src/architectures/index.ts')
    const { createEngine } = await import('../src/engine/engine.ts')
    const { loadWeights, planWeights } = await import('../src/engine/weights.ts')
    return async () => {
      const kernels = await openKernels()
      const config = await json('config.json')
      const weights = await readWeights(`${MODEL}/model.safetensors`)
      const plan = planWeights(
        weights.tensors.map(({ name }) => name),
        'int8',
      )
      const model = findEncoder(config).encoder('sequence-classification', config, plan)
      const engine = createEngine(kernels, plan.bytes())
      await loadWeights([weights], plan, engine.memory, engine.kernels)
      return model.forward(engine, [{ inputIds: IDS }])
    }
  },
  async session() {
    const { onnxruntimeWeb } = await import('./peers.ts')
    await import('onnxruntime-web/wasm')
    return async () => (await onnxruntimeWeb('', await readFile(process.argv[3]!))).run(IDS)
  },
  edgewise: async () => async () => {
    const { openRuntime } = await import('./models.ts')
    const encoder = await (await openRuntime()).encoder('sentiment')
    return await encoder.outputs([encoder.wrap(encoder.tokenize(TEXT))])
  },
  onnxruntime: async () => async () => {
    const { Tokenizer } = await import('@huggingface/tokenizers')
    const { onnxruntimeWeb } = await import('./peers.ts')
    const tokenizer = new Tokenizer(await json('tokenizer.json'), await json('tokenizer_config.json'))
    return (await onnxruntimeWeb('', await readFile(process.argv[3]!))).run(tokenizer.encode(TEXT).ids)
  },
}

const run = await contestants[process.argv[2]!]!()
const [start, before] = [performance.now(), process.memoryUsage.rss()]
await run()
const ms = performance.now() - start
// Not resourceUsage().maxRSS, which starts at that of the process that spawned this one.
const peak = Number((await readFile('/proc/self/status', 'utf8')).match(/VmHWM:\s*(\d+) kB/)![1]) * 1024
console.log(JSON.stringify({ ms, bytes: peak - before }))

/**
 * One cold start in a process of its own: `node bench/cold.ts edgewise|MODEL.onnx`. Prints, as JSON, the milliseconds
 * from nothing loaded to the first answer, and by how many bytes that raised the process's peak resident memory.
 * Both sides read their files, tokenize by the same tokenizer and classify the same text.
 */
import { readFile } from 'node:fs/promises'
import { MODELS } from './models.ts'

const TEXT = 'The plot is thin, but the acting is superb and I loved every minute.'
const peak = () => process.resourceUsage().maxRSS * 1024

async function edgewise(): Promise<void> {
  const { openRuntime } = await import('./models.ts')
  const encoder = await (await openRuntime()).encoder('sentiment')
  await encoder.classify([encoder.wrap(encoder.tokenize(TEXT))])
}

async function onnx(path: string): Promise<void> {
  const { Tokenizer } = await import('@huggingface/tokenizers')
  const { onnxruntimeWeb } = await import('./peers.ts')
  const json = async (file: string) => JSON.parse(await readFile(`${MODELS}/sentiment/${file}`, 'utf8'))
  const tokenizer = new Tokenizer(await json('tokenizer.json'), await json('tokenizer_config.json'))
  const { run } = await onnxruntimeWeb('', await readFile(path))
  await run(tokenizer.encode(TEXT).ids)
}

const what = process.argv[2]!
const [start, before] = [performance.now(), peak()]
await (what === 'edgewise' ? edgewise() : onnx(what))
console.log(JSON.stringify({ ms: performance.now() - start, bytes: peak() - before }))

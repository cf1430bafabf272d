/** Every code block of the documentation, run as it is written. What no test can run says why. */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { startGateway } from '../gateway.ts'
import { readPages } from './pages.ts'
import { checkTypes, run, type Surroundings, tryDeployment } from './run.ts'
import { makeWorkspace } from './workspace.ts'

const pages = (await readPages()).filter(({ blocks }) => blocks.length > 0)

let surroundings: Surroundings
let stop: () => Promise<void>
beforeAll(async () => {
  const workspace = await makeWorkspace()
  const gateway = await startGateway(workspace.folder)
  surroundings = { workspace, url: gateway.url }
  stop = async () => {
    await gateway.stop()
    await workspace.remove()
  }
  await putCheckpoint(join(workspace.folder, 'models/minilm'))
}, 90_000)
afterAll(() => stop?.())

/** In place of the download of checkpoints.md: a tiny checkpoint in shards. Its tokenizer has the first words of ours. */
async function putCheckpoint(folder: string): Promise<void> {
  const checkpoint = 'test/parity/variants/bert-sharded'
  await mkdir(folder)
  for (const file of await readdir(checkpoint)) await copyFile(join(checkpoint, file), join(folder, file))
  const { vocab_size } = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))
  const tokenizer = JSON.parse(await readFile('models/encoder/tokenizer.json', 'utf8'))
  const words = Object.entries<number>(tokenizer.model.vocab).filter(([, id]) => id < vocab_size)
  tokenizer.model.vocab = Object.fromEntries(words)
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
}

it('modules have their types right', { timeout: 120_000 }, async () => {
  await checkTypes(
    pages.flatMap(({ blocks }) => blocks),
    surroundings,
  )
})

describe.each(pages)('$path', ({ blocks }) => {
  it.each(blocks)('$line: $language', { timeout: 90_000 }, async (block) => {
    if (block.notRun === undefined) await run(block, surroundings)
    else await tryDeployment(block, surroundings)
  })
})

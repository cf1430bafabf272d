/** The runtime of a Node process: models of a folder, kernels of this package. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileKernels } from '../engine/kernels.ts'
import { EdgewiseError } from '../errors.ts'
import { fileStorage } from '../storage/files.ts'
import { createRuntime, type RuntimeOptions } from './native.ts'
import type { Runtime } from './runtime.ts'

export interface LocalOptions extends Omit<RuntimeOptions, 'storage' | 'kernels'> {
  /** The folder of a catalog.json; the package's own unless told otherwise. */
  models?: string | undefined
}

/** A path of the package, whether this is one of its modules or bundled with others. */
export const packagePath = (path: string): string =>
  fileURLToPath(new URL(path, import.meta.resolve('edgewise/package.json')))

/** @throws EdgewiseError `file_missing` without a models folder */
export async function createLocalRuntime({ models, ...options }: LocalOptions = {}): Promise<Runtime> {
  const directory = models ?? packagePath('models')
  if (!existsSync(join(directory, 'catalog.json')))
    throw new EdgewiseError(
      'file_missing',
      `There is no catalog.json in ${directory}.`,
      'Name the folder of the models (edgewise --models DIR, or EDGEWISE_MODELS).',
    )
  const kernels = await compileKernels(
    async (build) => new Uint8Array(await readFile(packagePath(`dist/kernels.${build}.wasm`))),
  )
  return createRuntime({ storage: fileStorage(directory), kernels, ...options })
}

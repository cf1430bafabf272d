/** The shipped models and kernels, from the folders of the repository. */
import { readFile } from 'node:fs/promises'
import { compileKernels, type KernelModules } from '../src/engine/kernels.ts'
import { openSafetensors } from '../src/engine/safetensors.ts'
import { createRuntime } from '../src/runtime/native.ts'
import type { Runtime } from '../src/runtime/runtime.ts'
import { fileStorage } from '../src/storage/files.ts'

export const MODELS = 'models'

/** A weights file, unverified. */
export async function readWeights(path: string) {
  return await openSafetensors(await fileStorage('.').open(path), path)
}

export async function openKernels(): Promise<KernelModules> {
  const bytes = async (name: string) => new Uint8Array(await readFile(`dist/kernels.${name}.wasm`))
  return await compileKernels(await bytes('relaxed'), await bytes('simd'))
}

export async function openRuntime(): Promise<Runtime> {
  return createRuntime({ storage: fileStorage(MODELS), kernels: await openKernels() })
}

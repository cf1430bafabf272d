/** The shipped models and kernels, from the folders of the repository. */
import { readFile } from 'node:fs/promises'
import { compileKernels, type KernelModules } from '../src/engine/kernels.ts'
import { openSafetensors } from '../src/engine/safetensors.ts'
import type { Precision } from '../src/engine/weights.ts'
import { createRuntime } from '../src/runtime/native.ts'
import type { Runtime } from '../src/runtime/runtime.ts'
import { fileStorage } from '../src/storage/files.ts'

export const MODELS = 'models'

/** A weights file, unverified. */
export async function readWeights(path: string) {
  return await openSafetensors(await fileStorage('.').open(path), path)
}

const kernelBytes = async (build: string) => new Uint8Array(await readFile(`dist/kernels.${build}.wasm`))

export const openKernels = (): Promise<KernelModules> => compileKernels(kernelBytes)

/** The build for hosts without relaxed SIMD. */
export async function openPlainKernels(): Promise<KernelModules> {
  return { simd: await WebAssembly.compile(await kernelBytes('simd')) }
}

export async function openRuntime(precision: Precision = 'int8'): Promise<Runtime> {
  return createRuntime({ storage: fileStorage(MODELS), kernels: await openKernels(), precision })
}

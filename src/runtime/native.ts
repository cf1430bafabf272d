/** The runtime on the native backend: loads by name, verifies, evicts the least recently used beyond a budget. */
import { loadNativeEncoder, type NativeEncoder } from '../backends/native.ts'
import { chooseBuild, type KernelModules } from '../engine/kernels.ts'
import type { Precision } from '../engine/weights.ts'
import { EdgewiseError, throwIfAborted } from '../errors.ts'
import { type Catalog, openVerified, readCatalog, readVerifiedJson } from '../storage/catalog.ts'
import type { ModelStorage } from '../storage/storage.ts'
import type { Encoder, ModelInfo, Runtime } from './runtime.ts'

export interface RuntimeOptions {
  storage: ModelStorage
  kernels: KernelModules
  /** Bytes of WebAssembly memory for models; an isolate has 128 MB for everything. */
  memoryBudget?: number
  /** int8 unless told otherwise; fp32 takes four times the memory and is there for parity. */
  precision?: Precision
}

const DEFAULT_BUDGET = 96 * 2 ** 20

export function createRuntime({
  storage,
  kernels,
  memoryBudget = DEFAULT_BUDGET,
  precision = 'int8',
}: RuntimeOptions): Runtime {
  /** Insertion order is order of use: the first is the least recently used. */
  const loaded = new Map<string, { encoder: Encoder; memoryUsed(): number }>()
  const loading = new Map<string, Promise<Encoder>>()
  let catalog: Catalog | undefined

  const memoryUsed = () => [...loaded.values()].reduce((sum, model) => sum + model.memoryUsed(), 0)

  const currentCatalog = async (): Promise<Catalog> => {
    catalog ??= await readCatalog(storage)
    return catalog
  }

  const load = async (name: string): Promise<Encoder> => {
    const { models } = await currentCatalog()
    const model = models.find((model) => model.name === name)
    if (!model)
      throw new EdgewiseError(
        'unknown_model',
        `There is no model "${name.slice(0, 100)}".`,
        `Use one of: ${models.map(({ name }) => name).join(', ')}.`,
      )
    const native = await loadNativeEncoder(
      {
        json: (file) => readVerifiedJson(storage, model, file),
        stream: (file) => openVerified(storage, model, file),
      },
      kernels,
      precision,
    ).catch((error: unknown) => {
      // The catalog may be what is out of date: read it again the next time.
      catalog = undefined
      throw error
    })
    const { memoryUsed: own, ...capability }: NativeEncoder = native
    const revision = model.files['model.safetensors']!.sha256.slice(0, 12)
    const encoder: Encoder = { name, revision, ...capability }
    loaded.set(name, { encoder, memoryUsed: own })
    for (const oldest of loaded.keys()) {
      if (oldest === name || memoryUsed() <= memoryBudget) break
      loaded.delete(oldest)
    }
    return encoder
  }

  return {
    kernels: chooseBuild(kernels),
    memoryUsed,
    async encoder(name, signal) {
      throwIfAborted(signal)
      const present = loaded.get(name)
      if (present) {
        loaded.delete(name)
        loaded.set(name, present)
        return present.encoder
      }
      // Callers that come while it loads share the load; it is not any one caller's to abort.
      let promise = loading.get(name)
      if (!promise) {
        promise = load(name).finally(() => loading.delete(name))
        loading.set(name, promise)
      }
      const encoder = await promise
      throwIfAborted(signal)
      return encoder
    },
    async models(): Promise<ModelInfo[]> {
      const { models } = await currentCatalog()
      return models.map(({ name, task, summary, license, files }) => ({
        name,
        task,
        summary,
        license,
        revision: files['model.safetensors']?.sha256.slice(0, 12) ?? '',
        size: Object.values(files).reduce((sum, { size }) => sum + size, 0),
        loaded: loaded.has(name),
      }))
    },
  }
}

/** The runtime on the native backend: loads by name, verifies, evicts the least recently used beyond a budget. */
import type { EncoderTask } from '../architectures/architecture.ts'
import { loadNativeEncoder } from '../backends/encoder.ts'
import { loadNativeGenerator } from '../backends/generator.ts'
import type { ModelFiles } from '../backends/weights.ts'
import { chooseBuild, type KernelModules } from '../engine/kernels.ts'
import type { Precision } from '../engine/weights.ts'
import { EdgewiseError, throwIfAborted } from '../errors.ts'
import {
  type Catalog,
  type CatalogModel,
  openVerified,
  readCatalog,
  readVerifiedJson,
} from '../storage/catalog.ts'
import type { ModelStorage } from '../storage/storage.ts'
import type { Encoder, Generator, ModelInfo, Runtime } from './runtime.ts'

export interface RuntimeOptions {
  storage: ModelStorage
  kernels: KernelModules
  /** Bytes of WebAssembly memory for models; an isolate has 128 MB for everything. */
  memoryBudget?: number
  /** int8 unless told otherwise; int4 takes little more than half the memory, and fp32, there for parity, four times. */
  precision?: Precision
}

const DEFAULT_BUDGET = 96 * 2 ** 20

/** What a model is loaded as: a generator, or an encoder with one of its heads. */
type Kind = 'generator' | EncoderTask

/** A model in memory: the capability that it was loaded for. */
interface Loaded {
  name: string
  revision: string
  memoryUsed(): number
}

/** The first 12 hex digits of the weights' sha256; of shards, those digits of all of them, combined. */
function revisionOf({ files }: Pick<CatalogModel, 'files'>): string {
  const weights = Object.entries(files).filter(([file]) => file.endsWith('.safetensors'))
  const combined = weights.reduce((digits, [, { sha256 }]) => digits ^ BigInt(`0x${sha256.slice(0, 12)}`), 0n)
  return combined.toString(16).padStart(12, '0')
}

export function createRuntime({
  storage,
  kernels,
  memoryBudget = DEFAULT_BUDGET,
  precision = 'int8',
}: RuntimeOptions): Runtime {
  /** What is loaded, by kind and name. Insertion order is order of use: the first is the least recently used. */
  const loaded = new Map<string, Loaded>()
  const loading = new Map<string, Promise<Loaded>>()
  let catalog: Catalog | undefined

  const memoryUsed = () => [...loaded.values()].reduce((sum, model) => sum + model.memoryUsed(), 0)

  const currentCatalog = async (): Promise<Catalog> => {
    catalog ??= await readCatalog(storage)
    return catalog
  }

  const load = async (kind: Kind, name: string): Promise<Loaded> => {
    const { models } = await currentCatalog()
    const model = models.find((model) => model.name === name)
    if (!model)
      throw new EdgewiseError(
        'unknown_model',
        `There is no model "${name.slice(0, 100)}".`,
        `Use one of: ${models.map(({ name }) => name).join(', ')}.`,
      )
    const files: ModelFiles = {
      has: (file) => Object.hasOwn(model.files, file),
      json: (file) => readVerifiedJson(storage, model, file),
      stream: (file) => openVerified(storage, model, file),
    }
    const native = await (kind === 'generator'
      ? loadNativeGenerator(files, kernels, precision)
      : loadNativeEncoder(files, kernels, precision, kind)
    ).catch((error: unknown) => {
      // The catalog may be what is out of date: read it again the next time.
      catalog = undefined
      throw error
    })
    const entry = { ...native, name, revision: revisionOf(model) }
    const key = `${kind} ${name}`
    loaded.set(key, entry)
    for (const oldest of loaded.keys()) {
      if (oldest === key || memoryUsed() <= memoryBudget) break
      loaded.delete(oldest)
    }
    return entry
  }

  const open = async (kind: Kind, name: string, signal: AbortSignal | undefined): Promise<Loaded> => {
    throwIfAborted(signal)
    const key = `${kind} ${name}`
    const present = loaded.get(key)
    if (present) {
      loaded.delete(key)
      loaded.set(key, present)
      return present
    }
    // Callers that come while it loads share the load; it is not any one caller's to abort.
    let promise = loading.get(key)
    if (!promise) {
      promise = load(kind, name).finally(() => loading.delete(key))
      loading.set(key, promise)
    }
    const entry = await promise
    throwIfAborted(signal)
    return entry
  }

  return {
    kernels: chooseBuild(kernels),
    memoryUsed,
    encoder: async (name, signal, task = 'sequence-classification') =>
      (await open(task, name, signal)) as Encoder & Loaded,
    generator: async (name, signal) => (await open('generator', name, signal)) as Generator & Loaded,
    async models(): Promise<ModelInfo[]> {
      const { models } = await currentCatalog()
      return models.map(({ name, task, summary, license, files }) => ({
        name,
        task,
        summary,
        license,
        revision: revisionOf({ files }),
        size: Object.values(files).reduce((sum, { size }) => sum + size, 0),
        loaded: [...loaded.values()].some((model) => model.name === name),
      }))
    },
  }
}

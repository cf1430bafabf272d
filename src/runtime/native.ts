/** The runtime on the native backend: loads by name, verifies, evicts the least recently used beyond a budget. */
import type { EncoderTask } from '../architectures/architecture.ts'
import type { ModelFiles } from '../backends/weights.ts'
import { chooseBuild, type KernelModules } from '../engine/kernels.ts'
import type { Precision } from '../engine/weights.ts'
import { EdgewiseError, throwIfAborted } from '../errors.ts'
import {
  type Catalog,
  type CatalogModel,
  openVerified,
  readCatalog,
  readPrompt,
  readVerifiedJson,
} from '../storage/catalog.ts'
import type { ModelStorage } from '../storage/storage.ts'
import { encoders, generators, type Loaders, permutationLms, prompts, tokenizers } from './loaders.ts'
import type { Encoder, Generator, ModelInfo, ModelTokenizer, PermutationScorer, Runtime } from './runtime.ts'

export interface RuntimeOptions {
  storage: ModelStorage
  kernels: KernelModules
  /** Bytes of WebAssembly memory for models; an isolate has 128 MB for everything. */
  memoryBudget?: number
  /** int8 unless told otherwise; int4 takes little more than half the memory, and fp32, there for parity, four times. */
  precision?: Precision
  /** Other names of models, which callers may use in place of those of the catalog. */
  aliases?: Readonly<Record<string, string>>
}

const DEFAULT_BUDGET = 96 * 2 ** 20

/** What a model is loaded as: a generator, a model of permutations, or an encoder with one of its heads. */
type Kind = 'generator' | 'permutation-lm' | EncoderTask

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

/** A runtime that loads whatever there is. */
export const createRuntime = (options: RuntimeOptions): Runtime =>
  createRuntimeOf([encoders, generators, permutationLms, tokenizers, prompts], options)

/** A runtime that loads some of it. */
export function createRuntimeOf(
  loaders: readonly Loaders[],
  { storage, kernels, memoryBudget = DEFAULT_BUDGET, precision = 'int8', aliases = {} }: RuntimeOptions,
): Runtime {
  /** @throws Error where a function asks for what its Worker was made without */
  const loaderOf = <Kind extends keyof Loaders>(kind: Kind): NonNullable<Loaders[Kind]> => {
    const loader = loaders.find((some) => some[kind])?.[kind]
    if (!loader) throw new Error(`This runtime was made without a loader for ${kind}.`)
    return loader
  }
  /** What is loaded, by kind and name. Insertion order is order of use: the first is the least recently used. */
  const loaded = new Map<string, Loaded>()
  const loading = new Map<string, Promise<Loaded>>()
  /** The one that was used last: a vocabulary is a megabyte, and reading it again takes milliseconds. */
  const tokenizers = new Map<string, ModelTokenizer>()
  let catalog: Catalog | undefined

  const memoryUsed = () => [...loaded.values()].reduce((sum, model) => sum + model.memoryUsed(), 0)

  const currentCatalog = async (): Promise<Catalog> => {
    catalog ??= await readCatalog(storage)
    return catalog
  }

  const catalogued = async (name: string): Promise<CatalogModel> => {
    const { models } = await currentCatalog()
    const model = models.find((model) => model.name === name)
    if (!model)
      throw new EdgewiseError(
        'unknown_model',
        `There is no model "${name.slice(0, 100)}".`,
        `Use one of: ${models.map(({ name }) => name).join(', ')}.`,
      )
    return model
  }

  const loadAs = (kind: Kind, files: ModelFiles) => {
    if (kind === 'generator') return loaderOf('generator')(files, kernels, precision)
    if (kind === 'permutation-lm') return loaderOf('permutationLm')(files, kernels, precision)
    return loaderOf('encoder')(files, kernels, precision, kind)
  }

  const load = async (kind: Kind, name: string): Promise<Loaded> => {
    const model = await catalogued(name)
    const files: ModelFiles = {
      has: (file) => Object.hasOwn(model.files, file),
      json: (file) => readVerifiedJson(storage, model, file),
      stream: (file) => openVerified(storage, model, file),
    }
    const native = await loadAs(kind, files).catch((error: unknown) => {
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

  const infoOf = ({ name, task, summary, license, files }: CatalogModel): ModelInfo => ({
    name,
    task,
    summary,
    license,
    revision: revisionOf({ files }),
    size: Object.values(files).reduce((sum, { size }) => sum + size, 0),
    loaded: [...loaded.values()].some((model) => model.name === name),
  })

  const named = (given: string): string => (Object.hasOwn(aliases, given) ? aliases[given]! : given)

  const open = async (kind: Kind, given: string, signal: AbortSignal | undefined): Promise<Loaded> => {
    throwIfAborted(signal)
    const name = named(given)
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
    permutationLm: async (name, signal) =>
      (await open('permutation-lm', name, signal)) as PermutationScorer & Loaded,
    async tokenizer(given, signal) {
      throwIfAborted(signal)
      const name = named(given)
      const model = await catalogued(name)
      const revision = revisionOf(model)
      const present = tokenizers.get(`${name} ${revision}`)
      if (present) return present
      const entry = {
        name,
        revision,
        tokenizer: loaderOf('tokenizer')(await readVerifiedJson(storage, model, 'tokenizer.json')),
      }
      tokenizers.clear()
      tokenizers.set(`${name} ${revision}`, entry)
      throwIfAborted(signal)
      return entry
    },
    async prompt(name, signal) {
      throwIfAborted(signal)
      const current = await currentCatalog()
      const source = await readPrompt(storage, current, name)
      if (source === undefined)
        throw new EdgewiseError(
          'unknown_prompt',
          `There is no prompt "${name.slice(0, 100)}".`,
          `Use one of: ${Object.keys(current.prompts).join(', ')}.`,
        )
      return loaderOf('prompt')(name, current.prompts[name]!.sha256.slice(0, 12), source)
    },
    async prompts() {
      const { prompts } = await currentCatalog()
      return Object.entries(prompts).map(([name, { sha256, size }]) => ({
        name,
        revision: sha256.slice(0, 12),
        size,
      }))
    },
    models: async () => (await currentCatalog()).models.map(infoOf),
    model: async (name) => infoOf(await catalogued(named(name))),
  }
}

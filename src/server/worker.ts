/** A Worker that serves functions: kernels imported statically, models from its assets, one runtime an isolate. */
import relaxed from '../../dist/kernels.relaxed.wasm'
import simd from '../../dist/kernels.simd.wasm'
import { classifierStore } from '../classifier/store.ts'
import type { EdgewiseFunction } from '../function.ts'
import { createRuntime } from '../runtime/native.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type AssetFetcher, assetStorage } from '../storage/assets.ts'
import { type Bucket, boundStorage, type Namespace } from '../storage/bucket.ts'
import { createApp } from './app.ts'

/** Bindings of wrangler.toml. */
export interface Env {
  ASSETS: AssetFetcher
  /** Where trained classifiers are kept: an R2 bucket or a KV namespace. */
  CLASSIFIERS?: Bucket | Namespace
}

/** The Worker's default export for the given functions. */
export function createWorker(functions: readonly EdgewiseFunction[]) {
  let runtime: Runtime | undefined
  return createApp<Env>({
    functions,
    runtime: (env) => {
      runtime ??= createRuntime({ storage: assetStorage(env.ASSETS), kernels: { relaxed, simd } })
      return runtime
    },
    classifiers: ({ CLASSIFIERS }) => CLASSIFIERS && classifierStore(boundStorage(CLASSIFIERS)),
  })
}

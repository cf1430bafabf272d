/** A Worker that serves functions: kernels imported statically, models from its assets, one runtime an isolate. */
import { WorkerEntrypoint } from 'cloudflare:workers'
import type { ExecutionContext } from 'hono'
import relaxed from '../../dist/kernels.relaxed.wasm'
import simd from '../../dist/kernels.simd.wasm'
import type { ServiceBinding } from '../binding.ts'
import { classifierStore } from '../classifier/store.ts'
import type { EdgewiseFunction } from '../function.ts'
import {
  encoders,
  generators,
  type Loaders,
  permutationLms,
  prompts,
  tokenizers,
} from '../runtime/loaders.ts'
import { createRuntimeOf } from '../runtime/native.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { type AssetFetcher, assetStorage } from '../storage/assets.ts'
import { type Bucket, boundStorage, type Namespace } from '../storage/bucket.ts'
import type { RateLimiter } from './access.ts'
import { createApp } from './app.ts'
import { rpcMethods } from './rpc.ts'
import { createService, type Dialect } from './service.ts'

export {
  encoders,
  generators,
  type Loaders,
  permutationLms,
  prompts,
  tokenizers,
} from '../runtime/loaders.ts'

/** Bindings of wrangler.toml. */
export interface Env {
  ASSETS: AssetFetcher
  /** Where trained classifiers are kept: an R2 bucket or a KV namespace. */
  CLASSIFIERS?: Bucket | Namespace
  /** Keys of which callers must send one, separated by commas; a secret. Without, anybody may ask. */
  API_KEYS?: string
  RATE_LIMITER?: RateLimiter
  /** Other names of models, such as { "gpt-4o-mini": "chat" }. */
  MODEL_ALIASES?: Record<string, string>
}

/** A Worker's default export: serves HTTP, and has a method a function for Workers that have a service binding to it. */
export type Entrypoint<Functions extends readonly EdgewiseFunction[]> = new (
  ctx: ExecutionContext,
  env: Env,
) => ServiceBinding<Functions> & { readonly __WORKER_ENTRYPOINT_BRAND: never }

/** A call of an RPC method. */
interface Call {
  env: Env
  executionCtx: ExecutionContext
}

/** The Worker's default export for the given functions, which other services' protocols may be spoken with too. */
export const createWorker = <const Functions extends readonly EdgewiseFunction[]>(
  functions: Functions,
  dialects: readonly Dialect[] = [],
): Entrypoint<Functions> =>
  createWorkerOf([encoders, generators, permutationLms, tokenizers, prompts], functions, dialects)

/**
 * As createWorker, with a smaller script.
 * @param loaders of what the functions ask their runtime for; they fail where one is missing
 */
export function createWorkerOf<const Functions extends readonly EdgewiseFunction[]>(
  loaders: readonly Loaders[],
  functions: Functions,
  dialects: readonly Dialect[] = [],
): Entrypoint<Functions> {
  let runtime: Runtime | undefined
  const runtimeOf = ({ ASSETS, MODEL_ALIASES = {} }: Env) => {
    runtime ??= createRuntimeOf(loaders, {
      storage: assetStorage(ASSETS),
      kernels: { relaxed, simd },
      aliases: MODEL_ALIASES,
    })
    return runtime
  }
  const classifiersOf = ({ CLASSIFIERS }: Env) => CLASSIFIERS && classifierStore(boundStorage(CLASSIFIERS))

  const app = createApp<Env>({
    functions,
    dialects,
    access: ({ API_KEYS, RATE_LIMITER }) => ({ keys: API_KEYS, limiter: RATE_LIMITER }),
    runtime: runtimeOf,
    classifiers: classifiersOf,
  })
  const methods = rpcMethods(
    createService(functions, ({ env }: Call) => {
      const classifiers = classifiersOf(env)
      // Nobody tells a method that its caller has gone.
      const { signal } = new AbortController()
      return { runtime: runtimeOf(env), signal, ...(classifiers && { classifiers }) }
    }),
  )
  class Edgewise extends WorkerEntrypoint<Env> {
    fetch(request: Request) {
      return app.fetch(request, this.env, this.ctx)
    }

    static {
      for (const [name, method] of Object.entries(methods))
        Object.defineProperty(Edgewise.prototype, name, {
          value(this: Edgewise, ...given: unknown[]) {
            return method({ env: this.env, executionCtx: this.ctx }, ...given)
          },
        })
    }
  }
  return Edgewise as unknown as Entrypoint<Functions>
}

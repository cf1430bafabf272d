/**
 * `edgewise`: what functions and services of one's own are made of, wherever they run. What needs a Worker
 * (`edgewise/worker`) or Node (`edgewise/node`) has an entry of its own, so that this one can be imported by both.
 */
export { classifierStore } from './classifier/store.ts'
export { compileKernels, type KernelModules } from './engine/kernels.ts'
export { EdgewiseError, ERROR_STATUS, type ErrorBody, type ErrorCode, throwIfAborted } from './errors.ts'
export {
  defineFunction,
  drain,
  type EdgewiseFunction,
  type FunctionContext,
  type FunctionRoute,
  type TextPart,
} from './function.ts'
export { createRuntime, type RuntimeOptions } from './runtime/native.ts'
export type {
  Encoder,
  Generator,
  ModelInfo,
  ModelTokenizer,
  PermutationScorer,
  PromptInfo,
  Runtime,
  TokenSequence,
} from './runtime/runtime.ts'
export { type AppOptions, createApp } from './server/app.ts'
export type { Dialect, Service } from './server/service.ts'
export { assetStorage } from './storage/assets.ts'
export { boundStorage } from './storage/bucket.ts'
export type { ObjectStorage } from './storage/objects.ts'
export type { ModelStorage } from './storage/storage.ts'
export { modelName, modelUsed, offset, probability, text, textList, texts } from './texts.ts'

/**
 * What a runtime can load, kind by kind, so that a Worker's script carries the code of what its functions ask for and no
 * more: the sentiment function alone has no decoder, no grammar and no templates.
 */
import { loadNativeEncoder } from '../backends/encoder.ts'
import { loadNativeGenerator } from '../backends/generator.ts'
import { loadNativePermutationLm } from '../backends/permutation.ts'
import { createPrompt } from '../prompts/prompt.ts'
import { createTokenizer } from '../text/tokenizer.ts'

/** What loads for each of the runtime's methods; a method without a loader throws. */
export interface Loaders {
  encoder?: typeof loadNativeEncoder
  generator?: typeof loadNativeGenerator
  permutationLm?: typeof loadNativePermutationLm
  tokenizer?: typeof createTokenizer
  prompt?: typeof createPrompt
}

export const encoders: Loaders = { encoder: loadNativeEncoder }
export const generators: Loaders = { generator: loadNativeGenerator }
export const permutationLms: Loaders = { permutationLm: loadNativePermutationLm }
/** Tokenizers without their models. */
export const tokenizers: Loaders = { tokenizer: createTokenizer }
export const prompts: Loaders = { prompt: createPrompt }

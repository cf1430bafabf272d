/** Every model family there is, by config.json's `model_type`. */
import { EdgewiseError } from '../errors.ts'
import type {
  Architecture,
  DecoderArchitecture,
  EncoderArchitecture,
  PermutationArchitecture,
} from './architecture.ts'
import { bartDecoder, bartEncoder } from './bart.ts'
import { bert } from './bert.ts'
import { gpt2 } from './gpt2.ts'
import { llama } from './llama.ts'
import { marianDecoder, marianEncoder } from './marian.ts'
import { t5Decoder, t5Encoder } from './t5.ts'
import { xlnetEncoder, xlnetPermutationLm } from './xlnet.ts'

const encoders: EncoderArchitecture[] = [bartEncoder, bert, marianEncoder, t5Encoder, xlnetEncoder]
const decoders: DecoderArchitecture[] = [bartDecoder, gpt2, llama, marianDecoder, t5Decoder]
const permutationLms: PermutationArchitecture[] = [xlnetPermutationLm]

/**
 * The family of a config.json that encodes.
 * @throws EdgewiseError `architecture_unsupported`
 */
export const findEncoder = (config: unknown) => find(encoders, config, 'an encoder')

/** The family of a config.json that writes. @throws as findEncoder */
export const findDecoder = (config: unknown) => find(decoders, config, 'a decoder')

/** The family of a config.json that predicts in any order. @throws as findEncoder */
export const findPermutationLm = (config: unknown) =>
  find(permutationLms, config, 'a language model of permutations')

function find<A extends Architecture>(architectures: readonly A[], config: unknown, capability: string): A {
  const modelType = (config as { model_type?: unknown } | null)?.model_type
  const found = architectures.find(({ modelTypes }) => modelTypes.includes(modelType as string))
  if (found) return found
  const known = architectures.flatMap(({ modelTypes }) => modelTypes).join(', ')
  throw new EdgewiseError(
    'architecture_unsupported',
    `config.json has the model_type ${JSON.stringify(modelType)}, which is not implemented as ${capability}.`,
    `Use a model of one of the types ${known}.`,
  )
}

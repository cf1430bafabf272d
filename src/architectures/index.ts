/** Every model family there is, by config.json's `model_type`. */
import { EdgewiseError } from '../errors.ts'
import type { Architecture } from './architecture.ts'
import { bart } from './bart.ts'
import { bert } from './bert.ts'
import { gpt2 } from './gpt2.ts'
import { llama } from './llama.ts'
import { marian } from './marian.ts'
import { t5 } from './t5.ts'
import { xlnet } from './xlnet.ts'

const architectures: Architecture[] = [bart, bert, gpt2, llama, marian, t5, xlnet]

/** What can be asked for, in words. */
const CAPABILITIES = {
  encoder: 'an encoder',
  decoder: 'a decoder',
  permutationLm: 'a language model of permutations',
}

/**
 * The family of a config.json that offers what is asked for.
 * @throws EdgewiseError `architecture_unsupported`
 */
export function findArchitecture<C extends keyof typeof CAPABILITIES>(
  config: unknown,
  capability: C,
): Required<Pick<Architecture, C>> {
  const modelType = (config as { model_type?: unknown } | null)?.model_type
  const can = (architecture: Architecture): architecture is Architecture & Required<Pick<Architecture, C>> =>
    architecture[capability] !== undefined
  const able = architectures.filter(can)
  const found = able.find(({ modelTypes }) => modelTypes.includes(modelType as string))
  if (found) return found
  const known = able.flatMap(({ modelTypes }) => modelTypes).join(', ')
  throw new EdgewiseError(
    'architecture_unsupported',
    `config.json has the model_type ${JSON.stringify(modelType)}, which is not implemented as ${CAPABILITIES[capability]}.`,
    `Use a model of one of the types ${known}.`,
  )
}

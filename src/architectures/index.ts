/** Every model family there is, by config.json's `model_type`. */
import { EdgewiseError } from '../errors.ts'
import type { Architecture } from './architecture.ts'
import { bert } from './bert.ts'
import { gpt2 } from './gpt2.ts'

const architectures: Architecture[] = [bert, gpt2]

/**
 * The family of a config.json that offers what is asked for.
 * @throws EdgewiseError `architecture_unsupported`
 */
export function findArchitecture<C extends 'encoder' | 'decoder'>(
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
    `config.json has the model_type ${JSON.stringify(modelType)}, which is not implemented as ${capability === 'encoder' ? 'an encoder' : 'a decoder'}.`,
    `Use a model of one of the types ${known}.`,
  )
}

/** Every model family there is, by config.json's `model_type`. */
import { EdgewiseError } from '../errors.ts'
import type { Architecture } from './architecture.ts'
import { bert } from './bert.ts'

const architectures: Architecture[] = [bert]

/** @throws EdgewiseError `architecture_unsupported` */
export function findArchitecture(config: unknown): Architecture {
  const modelType = (config as { model_type?: unknown } | null)?.model_type
  const found = architectures.find(({ modelTypes }) => modelTypes.includes(modelType as string))
  if (found) return found
  const known = architectures.flatMap(({ modelTypes }) => modelTypes).join(', ')
  throw new EdgewiseError(
    'architecture_unsupported',
    `config.json has the model_type ${JSON.stringify(modelType)}, which is not implemented.`,
    `Use a model of one of the types ${known}.`,
  )
}

/**
 * BART (Lewis et al. 2019, https://arxiv.org/abs/1910.13461) and mBART (Liu et al. 2020, https://arxiv.org/abs/2001.08210):
 * the Transformer with learned positions and normalized embeddings; mBART's norms come before attention and feed-forward.
 */
import * as z from 'zod'
import type { DecoderArchitecture, EncoderArchitecture } from './architecture.ts'
import {
  type Config,
  commonConfig,
  configFields,
  decoder,
  encoder,
  type Family,
  type PlanPositions,
} from './encoder-decoder.ts'

const bartConfig = z.object({ ...configFields, model_type: z.enum(['bart', 'mbart']) }).transform(
  (config): Config => ({
    ...commonConfig(config),
    embeddingNorm: true,
    preNorm: config.model_type === 'mbart',
    shared: true,
  }),
)

/** Rows of the position table that no text uses: BART began as RoBERTa, which numbers positions behind its padding. */
const UNUSED_POSITIONS = 2

const planPositions: PlanPositions = ({ positions, hiddenSize }, plan, stack) => {
  const table = plan.table(
    `${stack}.embed_positions.weight`,
    positions + UNUSED_POSITIONS,
    hiddenSize,
    'fp32',
  )
  return (engine, positions, out) =>
    engine.addRows(
      table,
      positions.map((position) => position + UNUSED_POSITIONS),
      out,
    )
}

const modelTypes = ['bart', 'mbart']
const family: Family = { modelTypes, schema: bartConfig, planPositions }

export const bartEncoder: EncoderArchitecture = {
  modelTypes,
  encoder: (task, config, plan) => encoder(family, task, config, plan),
}

export const bartDecoder: DecoderArchitecture = {
  modelTypes,
  decoder: (config, plan) => decoder(family, config, plan),
}

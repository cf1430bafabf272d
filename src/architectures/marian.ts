/**
 * Marian (Junczys-Dowmunt et al. 2018, https://arxiv.org/abs/1804.00344), which translates: the Transformer with positions
 * encoded as sinusoids, as it was first described; OPUS-MT's models are of this family.
 */
import * as z from 'zod'
import { count, type DecoderArchitecture, type EncoderArchitecture } from './architecture.ts'
import {
  type AddPositions,
  type Config,
  commonConfig,
  configFields,
  decoder,
  encoder,
  type Family,
  type PlanPositions,
} from './encoder-decoder.ts'

const marianConfig = z
  .object({
    ...configFields,
    share_encoder_decoder_embeddings: z.boolean().default(true),
    decoder_vocab_size: count.nullish(),
  })
  .transform((config): Config => {
    const { encoder, decoder, ...common } = commonConfig(config)
    const shared = config.share_encoder_decoder_embeddings
    const vocabSize = (!shared && config.decoder_vocab_size) || config.vocab_size
    return {
      ...common,
      encoder,
      decoder: { ...decoder, vocabSize },
      embeddingNorm: false,
      preNorm: false,
      shared,
    }
  })

/** Sines in the first half of a row and cosines in the second, of wavelengths from 2π to 10000 · 2π. */
function sinusoids(size: number): AddPositions {
  const half = Math.ceil(size / 2)
  const frequencies = Array.from({ length: half }, (_, i) => 10000 ** ((-2 * i) / size))
  return ({ memory }, positions, out) => {
    const rows = memory.f32(out, positions.length * size) // [tokens, size]
    positions.forEach((position, token) => {
      for (let i = 0; i < size; i++)
        rows[token * size + i]! +=
          i < half ? Math.sin(position * frequencies[i]!) : Math.cos(position * frequencies[i - half]!)
    })
  }
}

/** Checkpoints may hold the sinusoids, or leave them to be computed. */
const planPositions: PlanPositions = ({ positions, hiddenSize }, plan, stack) => {
  const name = `${stack}.embed_positions.weight`
  if (!plan.has(name)) return sinusoids(hiddenSize)
  const table = plan.table(name, positions, hiddenSize, 'fp32')
  return (engine, positions, out) => engine.addRows(table, positions, out)
}

const modelTypes = ['marian']
const family: Family = { modelTypes, schema: marianConfig, planPositions }

export const marianEncoder: EncoderArchitecture = {
  modelTypes,
  encoder: (task, config, plan) => encoder(family, task, config, plan),
}

export const marianDecoder: DecoderArchitecture = {
  modelTypes,
  decoder: (config, plan) => decoder(family, config, plan),
}

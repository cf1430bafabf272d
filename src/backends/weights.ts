/**
 * A checkpoint's weights as Hugging Face publishes them: model.safetensors, or shards that model.safetensors.index.json
 * lists (https://huggingface.co/docs/transformers/big_models).
 */
import * as z from 'zod'
import { openSafetensors, type SafetensorsFile } from '../engine/safetensors.ts'
import { EdgewiseError } from '../errors.ts'

/** A model's files, already verified by whoever opens them. */
export interface ModelFiles {
  has(file: string): boolean
  json(file: string): Promise<unknown>
  stream(file: string): Promise<ReadableStream<Uint8Array>>
}

export interface WeightFiles {
  /** Of all files. */
  tensorNames: string[]
  /** The files one after another, each open until the next is asked for. */
  files: AsyncIterable<SafetensorsFile>
}

const WHOLE = 'model.safetensors'
const INDEX = 'model.safetensors.index.json'

const index = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)) })

/** @throws EdgewiseError `weights_malformed`, `tensor_missing` and what opening the files throws */
export async function openWeights(files: ModelFiles): Promise<WeightFiles> {
  if (files.has(WHOLE) || !files.has(INDEX)) {
    const whole = await openSafetensors(await files.stream(WHOLE), WHOLE)
    return {
      tensorNames: whole.tensors.map(({ name }) => name),
      files: (async function* () {
        yield whole
      })(),
    }
  }
  const parsed = index.safeParse(await files.json(INDEX))
  if (!parsed.success)
    throw new EdgewiseError(
      'weights_malformed',
      `${INDEX} is not an index of shards: ${parsed.error.issues[0]!.message}.`,
      'Store the file again as it was published.',
    )
  const shardOf = parsed.data.weight_map
  return {
    tensorNames: Object.keys(shardOf),
    files: (async function* () {
      for (const shard of new Set(Object.values(shardOf))) {
        const file = await openSafetensors(await files.stream(shard), shard)
        const names = new Set(file.tensors.map(({ name }) => name))
        const missing = Object.keys(shardOf).find((name) => shardOf[name] === shard && !names.has(name))
        if (missing)
          throw new EdgewiseError(
            'tensor_missing',
            `${shard} lacks ${missing}, which ${INDEX} places there.`,
            'Store index and shards again as they were published.',
          )
        yield file
      }
    })(),
  }
}

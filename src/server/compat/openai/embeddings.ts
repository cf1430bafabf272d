/** POST /v1/embeddings on the embed function (https://platform.openai.com/docs/api-reference/embeddings). */
import type { Context } from 'hono'
import * as z from 'zod'
import type { embed } from '../../../../functions/embed/function.ts'
import type { Service } from '../../service.ts'
import { model, optional, readRequest } from './request.ts'

/** Texts of one call of embed. */
const BATCH = 64

export const embeddingRequest = z.looseObject({
  model,
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(2_048)], {
    error: 'must be a text that is not empty, or up to 2,048 of them; tokens are those of another model',
  }),
  encoding_format: optional(z.enum(['float', 'base64'])).describe('float unless given'),
  dimensions: optional(z.int().min(1)),
})

export const embeddingList = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.int(),
      embedding: z
        .union([z.array(z.number()), z.string()])
        .describe('Numbers, or the bytes of 32-bit floats, the lowest first, as base64'),
    }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
})

export async function createEmbeddings(c: Context, service: Service, fn: typeof embed): Promise<Response> {
  const request = await readRequest(c, embeddingRequest, [])
  const texts = [request.input].flat()
  const vectors: number[][] = []
  let tokens = 0
  for (let i = 0; i < texts.length; i += BATCH) {
    const answer = await service.run(
      fn,
      {
        text: texts.slice(i, i + BATCH),
        model: request.model,
        ...(request.dimensions && { dimensions: request.dimensions }),
      },
      c,
    )
    vectors.push(...answer.results.map(({ embedding }) => embedding as number[]))
    tokens += answer.tokens
  }
  return c.json({
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding' as const,
      index,
      embedding: request.encoding_format === 'base64' ? base64(vector) : vector,
    })),
    model: request.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  } satisfies z.input<typeof embeddingList>)
}

function base64(vector: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4))
  vector.forEach((x, i) => {
    view.setFloat32(i * 4, x, true)
  })
  return btoa(String.fromCharCode(...new Uint8Array(view.buffer)))
}

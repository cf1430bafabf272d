/** A Worker that keeps texts in a Vectorize index and finds those nearest to a question. */
import { createClient } from 'edgewise/client'
import type { embed } from 'edgewise/functions/embed'

/** The part of a Vectorize index that is used. */
interface Index {
  upsert(vectors: { id: string; values: number[] }[]): Promise<unknown>
  query(vector: number[], options: { topK: number }): Promise<{ matches: { id: string; score: number }[] }>
}

/** Bindings: the edgewise Worker and the index. */
interface Env {
  NLP: { fetch: typeof fetch }
  INDEX: Index
}

/** As the index was made. */
const DIMENSIONS = 256
/** As many texts as embed takes at a time. */
const BATCH = 64

async function vectorsOf(texts: string[], { NLP }: Env): Promise<number[][]> {
  const nlp = createClient<readonly [typeof embed]>({
    baseUrl: 'http://edgewise',
    fetch: (url, init) => NLP.fetch(url, init),
  })
  const { results } = await nlp.embed({ text: texts, dimensions: DIMENSIONS })
  // Strings are binary vectors, which were not asked for.
  return results.map(({ embedding }) => embedding as number[])
}

export default {
  /** POST /documents with [{ "id": …, "text": … }] keeps texts; GET /search?q=… finds the nearest. */
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    if (request.method === 'POST' && pathname === '/documents') {
      const documents = (await request.json()) as { id: string; text: string }[]
      for (let start = 0; start < documents.length; start += BATCH) {
        const batch = documents.slice(start, start + BATCH)
        const vectors = await vectorsOf(
          batch.map(({ text }) => text),
          env,
        )
        await env.INDEX.upsert(batch.map(({ id }, i) => ({ id, values: vectors[i]! })))
      }
      return Response.json({ kept: documents.length })
    }
    const question = searchParams.get('q')
    if (request.method === 'GET' && pathname === '/search' && question) {
      const [vector] = await vectorsOf([question], env)
      const { matches } = await env.INDEX.query(vector!, { topK: 5 })
      return Response.json(matches.map(({ id, score }) => ({ id, score })))
    }
    return new Response('Not found', { status: 404 })
  },
}

/** A Worker that asks edgewise over a service binding: no key, no address, no way out of Cloudflare. */
import { partsOf, rpcError, type ServiceBinding } from 'edgewise/binding'
import type { functions } from 'edgewise/functions'

interface Env {
  NLP: ServiceBinding<typeof functions>
}

/** What a review says, and of what: { "label": "negative", "about": "delivery" }. */
async function judge(review: string, { NLP }: Env): Promise<Response> {
  const [mood, subject] = await Promise.all([
    NLP.sentiment(review),
    NLP.classify({ text: review, labels: ['delivery', 'price', 'quality'] }),
  ])
  return Response.json({ label: mood.results[0]!.label, about: subject.results[0]!.label })
}

/** A review in German, sentence by sentence as it is translated; whoever stops reading stops the work. */
async function translate(review: string, { NLP }: Env): Promise<Response> {
  const parts = partsOf(await NLP.translateStream({ text: review, source: 'en', target: 'de' }))
  const encoder = new TextEncoder()
  const body = new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const { done, value } = await parts.next()
      if (done) return controller.close()
      controller.enqueue(encoder.encode(value.text))
    },
    async cancel() {
      await parts.return(undefined as never)
    },
  })
  return new Response(body, {
    // Compressed on its way, it would be held back.
    headers: { 'content-type': 'text/plain; charset=utf-8', 'content-encoding': 'identity' },
  })
}

export default {
  /** POST /judge or /translate with a review as the body. */
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url)
    const review = await request.text()
    try {
      if (pathname === '/judge') return await judge(review, env)
      if (pathname === '/translate') return await translate(review, env)
      return new Response('Not found', { status: 404 })
    } catch (error) {
      const known = rpcError(error)
      if (!known) throw error
      // The error that the HTTP service answers with: { "error": { "code", "message", "hint" } }.
      return Response.json(known, { status: known.status })
    }
  },
}

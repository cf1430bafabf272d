/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) of an answer that is being written. */
import type { TextPart } from '../function.ts'
import { asEdgewiseError } from './errors.ts'

/**
 * `event: text` a part, then `event: end` with the whole answer, or `event: error`. A part is computed when the reader has
 * taken the one before, so that a slow reader holds up the work and not memory.
 * @param parts returns the answer
 * @param abort called when the reader goes away; it is to end the work
 */
export function eventStream(parts: AsyncGenerator<TextPart, unknown, void>, abort: () => void): Response {
  const encoder = new TextEncoder()
  const encode = (event: string, data: unknown) =>
    encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await parts.next()
          controller.enqueue(encode(done ? 'end' : 'text', value))
          if (done) controller.close()
        } catch (error) {
          controller.enqueue(encode('error', asEdgewiseError(error).toJSON()))
          controller.close()
        }
      },
      async cancel() {
        abort()
        await parts.return(undefined).catch(() => undefined)
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' },
  })
}

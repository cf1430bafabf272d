/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) of an answer that is being written. */
import type { EdgewiseError } from '../errors.ts'
import type { TextPart } from '../function.ts'
import { asEdgewiseError } from './errors.ts'
import type { Writing } from './service.ts'

/** How what happens is written: the events of a part, of the end, of an error. */
export interface EventFormat<Answer> {
  part(part: TextPart): string
  end(answer: Answer): string
  error(error: EdgewiseError): string
}

/** An event without a name, as most protocols have them. */
export const dataEvent = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`

const event = (name: string, data: unknown) => `event: ${name}\n${dataEvent(data)}`

/** `event: text` a part, then `event: end` with the whole answer, or `event: error`. */
const NATIVE: EventFormat<unknown> = {
  part: (part) => event('text', part),
  end: (answer) => event('end', answer),
  error: (error) => event('error', error.toJSON()),
}

/**
 * A part is computed when the reader has taken the one before, so that a slow reader holds up the work and not memory. The
 * first is waited for: what is wrong at the beginning is told by the response's status.
 * @throws EdgewiseError what the writing throws before its first part
 */
export async function eventStream<Answer>(
  { parts, abort }: Writing<Answer>,
  format: EventFormat<Answer> = NATIVE,
): Promise<Response> {
  const encoder = new TextEncoder()
  let first: IteratorResult<TextPart, Answer> | undefined = await parts.next()
  const body = new ReadableStream(
    {
      // Streams of bytes can cross to another Worker.
      type: 'bytes',
      async pull(controller) {
        try {
          // A format may hold back what happens, and nothing cannot be sent.
          for (let text = ''; text === ''; ) {
            const { done, value } = first ?? (await parts.next())
            first = undefined
            text = done ? format.end(value) : format.part(value)
            if (text !== '') controller.enqueue(encoder.encode(text))
            if (done) return controller.close()
          }
        } catch (error) {
          controller.enqueue(encoder.encode(format.error(asEdgewiseError(error))))
          controller.close()
        }
      },
      async cancel() {
        abort()
        await parts.return(undefined as Answer).catch(() => undefined)
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' },
  })
}

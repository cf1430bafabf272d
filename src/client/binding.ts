/** The calling side of a service binding: its types, and what reads its streams. */
import { type EventStream, rpcError } from '../binding.ts'
import { EdgewiseError, type ErrorBody } from '../errors.ts'
import type { TextPart } from '../function.ts'
import { readEvents } from './events.ts'

export { type EventStream, rpcError, type ServiceBinding } from '../binding.ts'

/**
 * The parts of a text that is being written; the answer is returned. The writing ends when its reader stops early.
 *
 *     for await (const { text } of partsOf(env.NLP.translateStream({ text: letter, target: 'de' }))) show(text)
 *
 * @throws EdgewiseError what the function throws; `internal` where the stream ends without an answer
 */
export async function* partsOf<Answer>(
  stream: EventStream<Answer> | Promise<EventStream<Answer>>,
): AsyncGenerator<TextPart, Answer, void> {
  const events = await Promise.resolve(stream).catch((error: unknown) => {
    throw rpcError(error) ?? error
  })
  for await (const { event, data } of readEvents(events)) {
    const value: unknown = JSON.parse(data)
    if (event === 'end') return value as Answer
    if (event === 'text') yield value as TextPart
    if (event === 'error') {
      const { code, message, hint } = (value as ErrorBody).error
      throw new EdgewiseError(code, message, hint)
    }
  }
  throw new EdgewiseError('internal', 'The stream ended without its answer.', 'Ask again.')
}

/** Writes texts: an async iterator of tokens, for one prompt or for many computed together. */
import { throwIfAborted } from '../errors.ts'
import { writeBeams } from './beam.ts'
import type { Decoder } from './decoder.ts'
import { startPace } from './pace.ts'
import { type Generation, type GenerationEvent, type GenerationRequest, prepare } from './request.ts'
import { createSampler } from './sampling.ts'
import { writeSequence } from './sequence.ts'
import type { Writer } from './writer.ts'

/** Most tokens of prompts in one uninterrupted pass, as in the encoder. */
const CHUNK_TOKENS = 256

/**
 * Writes one text. Greedy unless the options say otherwise; a beam search gives its tokens once it is done. All memory is
 * freed at the end, also when the caller stops iterating.
 * @throws EdgewiseError at once `invalid_input`, `context_exceeded`, `budget_too_small`; while iterating `request_aborted`,
 * within a token of the signal, and `memory_exceeded`
 */
export function generate(
  decoder: Decoder,
  request: GenerationRequest,
): AsyncGenerator<GenerationEvent, void> {
  const { signal, ...rest } = request
  const batch = run(decoder, [prepare(decoder, rest)], signal)
  return (async function* () {
    for await (const { index: _, ...event } of batch) yield event
  })()
}

/** An event of one text of a batch. */
export type BatchEvent = GenerationEvent & { index: number }

/**
 * Writes several texts at once, each as it would be alone, with one pass of the model for the next tokens of all. A request's
 * own signal ends its text with the finish reason "abort"; the last argument is for all.
 * @throws EdgewiseError as generate()
 */
export function generateBatch(
  decoder: Decoder,
  requests: GenerationRequest[],
  signal?: AbortSignal,
): AsyncGenerator<BatchEvent, void> {
  return run(
    decoder,
    requests.map((request) => prepare(decoder, request)),
    signal,
  )
}

async function* run(
  decoder: Decoder,
  generations: Generation[],
  signal: AbortSignal | undefined,
): AsyncGenerator<BatchEvent, void> {
  const pace = startPace()
  const sampler = createSampler()
  const writers: Writer[] = []
  try {
    for (const generation of generations) {
      // An encoder-decoder reads its source here.
      if (writers.length > 0) await pace.step()
      throwIfAborted(signal)
      writers.push(
        generation.numBeams > 1
          ? writeBeams(decoder, generation)
          : writeSequence(decoder, generation, sampler),
      )
    }
    const texts = writers.map((writer, index) => ({ index, writer, generation: generations[index]! }))
    for (let active = texts; active.length > 0; active = active.filter(({ writer }) => !writer.ended)) {
      let room = CHUNK_TOKENS
      const planned = active.map((text) => {
        const steps = text.writer.steps(Math.max(room, 1))
        room -= steps.reduce((sum, { inputIds }) => sum + inputIds.length, 0)
        return { ...text, steps }
      })
      const logits = decoder.forward(planned.flatMap(({ steps }) => steps))
      await pace.step()
      throwIfAborted(signal)
      let next = 0
      for (const { index, writer, generation, steps } of planned) {
        const own = logits.slice(next, next + steps.length)
        next += steps.length
        for (const event of writer.read(own)) {
          yield { index, ...event }
          if (event.type === 'token') throwIfAborted(signal)
        }
        if (writer.ended) continue
        const { timeBudget = Infinity } = generation
        const reason = generation.signal?.aborted
          ? 'abort'
          : pace.elapsed() >= timeBudget
            ? 'time'
            : undefined
        if (reason) for (const event of writer.end(reason)) yield { index, ...event }
      }
    }
  } finally {
    for (const writer of writers) writer.close()
  }
}

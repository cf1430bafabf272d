/** One text, token after token: greedy or drawn, with guesses from the prompt. */
import type { Decoder } from './decoder.ts'
import { keepOnly, processLogits } from './logits.ts'
import { argmax, logSumExp, topIndices } from './probabilities.ts'
import { createRandom, randomSeed } from './random.ts'
import type { FinishReason, Generation, GenerationEvent, TokenEvent } from './request.ts'
import type { Sampler } from './sampling.ts'
import { draftTokens } from './speculative.ts'
import { createTranscript, type Writer } from './writer.ts'

/** @throws EdgewiseError `memory_exceeded` */
export function writeSequence(decoder: Decoder, generation: Generation, sampler: Sampler): Writer {
  const { vocabularySize } = decoder
  const { maxNewTokens, endTokenIds, source, temperature, promptLookupNumTokens } = generation
  const ids = [...generation.ids]
  const seen = new Set(ids)
  /** Where guesses are looked up: an encoder-decoder copies from its source too. */
  const known = [...Array.from(source ?? []), ...ids]
  const promptTokens = ids.length
  const random = temperature > 0 ? createRandom(generation.seed ?? randomSeed()) : undefined
  const transcript = createTranscript(generation)
  // The last token is chosen, never read.
  const cache = decoder.open(promptTokens + maxNewTokens - 1, source && { inputIds: source })

  let { constraint } = generation
  let draft: number[] = []
  let ended = false
  /** The logits as the model gave them, where they are asked for. */
  let original: Float32Array | undefined
  const lookups = { passes: 0, accepted: 0 }

  const newTokens = () => ids.length - promptTokens
  const forced = () => newTokens() === 0 && generation.forcedBosTokenId !== undefined

  /** The token that follows; -1 if none can. */
  function choose(logits: Float32Array): number {
    processLogits(logits, { ids, seen, newTokens: newTokens(), endTokenIds }, generation)
    if (constraint && !forced())
      keepOnly(logits, constraint.mask(maxNewTokens - newTokens()), constraint.complete ? endTokenIds : [])
    const id = random ? sampler(logits, generation, random) : argmax(logits)
    if (id >= 0 && logits[id]! > -Infinity) return id
    // The other options leave nothing; a constrained text is completed all the same.
    return constraint && !constraint.complete ? constraint.nearest() : -1
  }

  function likelihood(id: number): Pick<TokenEvent, 'logprob' | 'topLogprobs'> | undefined {
    if (!original) return undefined
    const sum = logSumExp(original)
    const logprob = (of: number) => original![of]! - sum
    return {
      ...(generation.logprobs && { logprob: logprob(id) }),
      ...(generation.topLogprobs > 0 && {
        topLogprobs: topIndices(original, generation.topLogprobs).map((of) => ({
          id: of,
          logprob: logprob(of),
        })),
      }),
    }
  }

  function append(id: number): void {
    if (constraint && !forced()) constraint = constraint.after(id)
    ids.push(id)
    known.push(id)
    seen.add(id)
  }

  function finish(reason: FinishReason): GenerationEvent {
    ended = true
    cache.close()
    return transcript.end(reason, {
      promptTokens: source?.length ?? promptTokens,
      completionTokens: newTokens(),
      ...(promptLookupNumTokens > 0 && { lookups }),
    })
  }

  return {
    get ended() {
      return ended
    },
    steps(tokens) {
      const unread = ids.length - cache.length
      if (unread > 1) {
        draft = []
        const inputIds = ids.slice(cache.length, cache.length + tokens)
        return [{ cache, inputIds, logits: 'last' }]
      }
      const most = Math.min(promptLookupNumTokens, maxNewTokens - newTokens() - 1)
      draft = draftTokens(known, generation.maxMatchingNgramSize, most)
      return [{ cache, inputIds: [ids.at(-1)!, ...draft], logits: 'all' }]
    },
    *read([logits]) {
      if (cache.length < ids.length) return // of a long prompt, a part
      const read = cache.length
      if (draft.length > 0) lookups.passes++
      for (let row = 0; row <= draft.length; row++) {
        const own = logits!.subarray(row * vocabularySize, (row + 1) * vocabularySize)
        if (generation.logprobs || generation.topLogprobs > 0) {
          original ??= new Float32Array(vocabularySize)
          original.set(own)
        }
        const id = choose(own)
        if (id < 0) return yield finish('stop')
        if (endTokenIds.includes(id)) {
          ids.push(id)
          return yield finish('stop')
        }
        append(id)
        const guessed = draft[row] === id
        if (guessed) lookups.accepted++
        yield transcript.token(id, likelihood(id))
        if (transcript.stopped || constraint?.final) return yield finish('stop')
        if (newTokens() === maxNewTokens) return yield finish('length')
        if (!guessed) break
      }
      // Forgets the wrong guesses: all but the last chosen token is read.
      cache.length = Math.min(read, ids.length - 1)
    },
    *end(reason) {
      if (reason === 'time')
        while (constraint && !constraint.complete) {
          const id = forced() ? generation.forcedBosTokenId! : constraint.nearest()
          append(id)
          yield transcript.token(id)
        }
      yield finish(reason)
    },
    close: () => cache.close(),
  }
}

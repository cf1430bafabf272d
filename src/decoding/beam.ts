/**
 * Beam search as in Hugging Face transformers 4.34 (generation/beam_search.py, BeamSearchScorer): log-probabilities are
 * penalized after the softmax, an ended text leaves its beam to others, and scores are divided by a power of the length, which
 * counts the prompt of a decoder alone. Of equal scores, the first beam's lowest token comes first.
 */
import type { ConstraintState } from './constraint.ts'
import type { Decoder, KeyValueCache } from './decoder.ts'
import { force, keepOnly, processLogits } from './logits.ts'
import { logSoftmax, topIndices } from './probabilities.ts'
import type { FinishReason, Generation, GenerationEvent, Hypothesis } from './request.ts'
import { createTranscript, type Writer } from './writer.ts'

interface Beam {
  /** The prompt included. */
  ids: number[]
  /** Sum of log-probabilities, of 32 bits as in transformers. */
  score: number
  cache: KeyValueCache
  constraint: ConstraintState | undefined
}

interface Candidate {
  parent: number
  id: number
  score: number
}

/** @throws EdgewiseError `memory_exceeded`, also from read() */
export function writeBeams(decoder: Decoder, generation: Generation): Writer {
  const { numBeams, maxNewTokens, endTokenIds, source } = generation
  const promptTokens = generation.ids.length
  const maxLength = promptTokens + maxNewTokens
  const hypotheses = createHypotheses(generation, maxLength)
  /** All caches there are: those of beams and spare ones. */
  const caches = [decoder.open(maxLength - 1, source && { inputIds: source })]
  let beams: Beam[] = [
    { ids: [...generation.ids], score: 0, cache: caches[0]!, constraint: generation.constraint },
  ]
  let ended = false

  const newTokens = () => beams[0]!.ids.length - promptTokens
  const forced = () => newTokens() === 0 && generation.forcedBosTokenId !== undefined

  /** Logits become a beam's log-probabilities. */
  function score(logits: Float32Array, { ids, constraint }: Beam): void {
    logSoftmax(logits)
    processLogits(logits, { ids, seen: new Set(ids), newTokens: newTokens(), endTokenIds }, generation)
    if (!constraint || forced()) return
    if (constraint.final) force(logits, endTokenIds[0]!)
    else keepOnly(logits, constraint.mask(maxNewTokens - newTokens()), constraint.complete ? endTokenIds : [])
  }

  /** The likeliest ways to go on, over all beams: enough that numBeams of them don't end. */
  function candidatesOf(scores: Float32Array[]): Candidate[] {
    const n = Math.max(2, 1 + endTokenIds.length) * numBeams
    const all = beams.flatMap((beam, parent) =>
      topIndices(scores[parent]!, n).map((id) => ({
        parent,
        id,
        score: Math.fround(scores[parent]![id]! + beam.score),
      })),
    )
    return all
      .filter((candidate) => candidate.score > -Infinity)
      .sort((a, b) => b.score - a.score || a.parent - b.parent || a.id - b.id)
      .slice(0, n)
  }

  /** Each child's cache: its parent's for the first of them, copies for the others. */
  function placeChildren(children: Candidate[]): Beam[] {
    const kept = new Set(children.map(({ parent }) => beams[parent]!.cache))
    const spare = caches.filter((cache) => !kept.has(cache))
    return children.map(({ parent, id, score }) => {
      const { ids, cache: own, constraint } = beams[parent]!
      let cache = own
      if (!kept.delete(own)) {
        const copy = spare.pop()
        if (copy) copy.assign(own)
        else caches.push(own.fork())
        cache = copy ?? caches.at(-1)!
      }
      return { ids: [...ids, id], score, cache, constraint: forced() ? constraint : constraint?.after(id) }
    })
  }

  /** @param open texts that could go on */
  function* finish(reason: FinishReason, open = beams): Iterable<GenerationEvent> {
    ended = true
    for (const cache of caches) cache.close()
    if (!hypotheses.done)
      for (const { ids, score, constraint } of open) {
        const finishReason = constraint?.final ? 'stop' : reason
        hypotheses.add({ ids: completed(ids, constraint), score, finishReason, length: ids.length })
      }
    const best = hypotheses
      .best(generation.numReturnSequences)
      .map(({ ids, ...rest }) => ({ ...rest, ids: ids.slice(promptTokens) }))
    const [first] = best
    const transcript = createTranscript(generation)
    let written = 0
    for (const id of first!.ids) {
      written++
      yield transcript.token(id)
      if (transcript.stopped) break
    }
    const usage = {
      promptTokens: source?.length ?? promptTokens,
      completionTokens: written + (first!.ended ? 1 : 0),
    }
    const told = best.map(({ ids, score, finishReason }) => ({ ids, score, finishReason }))
    yield transcript.end(first!.finishReason, usage, told)
  }

  /** A constrained text that could not be written to its end is brought to it. */
  function completed(ids: number[], constraint: ConstraintState | undefined): number[] {
    const all = [...ids]
    if (forced()) all.push(generation.forcedBosTokenId!)
    for (let state = constraint; state && !state.complete; state = state.after(all.at(-1)!))
      all.push(state.nearest())
    return all
  }

  return {
    get ended() {
      return ended
    },
    steps: (tokens) =>
      beams.map(({ ids, cache }) => ({
        cache,
        inputIds: ids.slice(cache.length, cache.length + tokens),
        logits: 'last',
      })),
    *read(logits) {
      if (beams[0]!.cache.length < beams[0]!.ids.length) return // of a long prompt, a part
      beams.forEach((beam, i) => {
        score(logits[i]!, beam)
      })
      if (newTokens() === 0) {
        // All beams start alike; those behind the first only count where it has too few ways to go on.
        const [first] = beams as [Beam]
        beams = Array.from({ length: numBeams }, (_, i) => ({ ...first, score: i === 0 ? 0 : -1e9 }))
        logits = beams.map(() => logits[0]!)
      }
      const candidates = candidatesOf(logits)
      const children: Candidate[] = []
      for (const [rank, candidate] of candidates.entries()) {
        if (!endTokenIds.includes(candidate.id)) children.push(candidate)
        else if (rank < numBeams) {
          const { ids } = beams[candidate.parent]!
          hypotheses.add({
            ids,
            score: candidate.score,
            finishReason: 'stop',
            length: ids.length,
            ended: true,
          })
        }
        if (children.length === numBeams) break
      }
      if (candidates.length > 0) hypotheses.settle(candidates[0]!.score, beams[0]!.ids.length + 1)
      if (hypotheses.done) return yield* finish('stop')
      // Nothing may follow: the texts that ended are all there are, or if there are none, those so far.
      if (children.length === 0) return yield* finish('stop', hypotheses.size > 0 ? [] : beams)
      beams = placeChildren(children)
      if (newTokens() === maxNewTokens) yield* finish('length')
    },
    end: (reason) => finish(reason),
    close() {
      for (const cache of caches) cache.close()
    },
  }
}

interface Ended extends Hypothesis {
  /** Tokens that the score is divided by. */
  length: number
  ended?: boolean
}

/** The numBeams best ended texts (BeamHypotheses). */
function createHypotheses(
  { numBeams, lengthPenalty, earlyStopping }: Generation,
  maxLength: number,
): {
  readonly done: boolean
  readonly size: number
  /** @param ended its score is the sum of log-probabilities */
  add(ended: Ended): void
  /** Decides whether the search is over, by the best sum of log-probabilities of a text going on. */
  settle(bestSum: number, length: number): void
  best(n: number): Ended[]
} {
  const kept: Ended[] = []
  let worst = 1e9
  let done = false
  return {
    get done() {
      return done
    },
    get size() {
      return kept.length
    },
    add(ended) {
      const score = ended.score / ended.length ** lengthPenalty
      if (kept.length >= numBeams && !(score > worst)) return
      kept.push({ ...ended, score })
      if (kept.length <= numBeams) worst = Math.min(score, worst)
      else {
        const ascending = [...kept].sort((a, b) => a.score - b.score)
        kept.splice(kept.indexOf(ascending[0]!), 1)
        worst = ascending[1]!.score
      }
    },
    settle(bestSum, length) {
      if (done || kept.length < numBeams) return
      const longest = earlyStopping === 'never' && lengthPenalty > 0 ? maxLength : length
      done = earlyStopping === true || worst >= bestSum / longest ** lengthPenalty
    },
    best: (n) =>
      [...kept]
        .sort((a, b) => a.score - b.score)
        .reverse()
        .slice(0, n),
  }
}

/**
 * What is done to a token's logits before one is chosen: the processors of Hugging Face transformers, in its order
 * (generation/utils.py, `_get_logits_processor`). Each changes the logits in place and looks only at what it is given.
 */

/**
 * Divides positive logits of tokens that occurred by `penalty`, multiplies negative ones (Keskar et al. 2019,
 * https://arxiv.org/abs/1909.05858).
 * @param seen each token once
 */
export function penalizeRepetition(logits: Float32Array, seen: Iterable<number>, penalty: number): void {
  // As a number of 32 bits, which it is in transformers.
  const factor = Math.fround(penalty)
  for (const id of seen) {
    const logit = logits[id]!
    logits[id] = logit < 0 ? logit * factor : logit / factor
  }
}

/**
 * Takes off what has been written already: `presence` of each token, `frequency` for each time it occurs
 * (https://platform.openai.com/docs/advanced-usage, which is where this is from; transformers has none).
 * @param written tokens of the text itself, without its prompt
 */
export function penalizeWritten(
  logits: Float32Array,
  written: readonly number[],
  presence: number,
  frequency: number,
): void {
  for (const id of written) logits[id]! -= frequency
  for (const id of new Set(written)) logits[id]! -= presence
}

/** Forbids each token that would complete a sequence of `size` tokens that `ids` holds already. */
export function forbidRepeatedNgrams(logits: Float32Array, ids: ArrayLike<number>, size: number): void {
  const tail = ids.length - size + 1 // where the last size - 1 tokens start
  for (let start = 0; start < tail; start++) {
    let same = 0
    while (same < size - 1 && ids[start + same] === ids[tail + same]) same++
    if (same === size - 1) logits[ids[start + same]!] = -Infinity
  }
}

export function forbid(logits: Float32Array, ids: Iterable<number>): void {
  for (const id of ids) logits[id] = -Infinity
}

/** Leaves one token. */
export function force(logits: Float32Array, id: number): void {
  logits.fill(-Infinity)
  logits[id] = 0
}

/** Forbids the tokens whose bit is not set, `except` some. */
export function keepOnly(logits: Float32Array, mask: Uint32Array, except: readonly number[]): void {
  const spared = except.map((id) => logits[id]!)
  for (let word = 0; word < mask.length; word++) {
    const bits = mask[word]!
    const first = word * 32
    if (bits === 0) logits.fill(-Infinity, first, first + 32)
    else if (bits !== 0xffffffff) {
      const last = Math.min(32, logits.length - first)
      for (let bit = 0; bit < last; bit++) if (((bits >>> bit) & 1) === 0) logits[first + bit] = -Infinity
    }
  }
  logits.fill(-Infinity, mask.length * 32)
  except.forEach((id, i) => {
    logits[id] = spared[i]!
  })
}

export interface LogitsOptions {
  repetitionPenalty: number
  presencePenalty: number
  frequencyPenalty: number
  /** What is added to the logit of each token named. */
  logitBias: Readonly<Record<number, number>>
  noRepeatNgramSize: number
  suppressTokens: readonly number[]
  minNewTokens: number
  maxNewTokens: number
  forcedBosTokenId?: number | undefined
  forcedEosTokenId?: number | undefined
}

/** Where a text stands. */
export interface Position {
  /** All tokens that the decoder has read, its prompt included. */
  ids: readonly number[]
  /** Each of them once. */
  seen: Iterable<number>
  /** How many of them are new. */
  newTokens: number
  endTokenIds: readonly number[]
}

/** All of the above, for the token that follows `position.ids`. */
export function processLogits(logits: Float32Array, position: Position, options: LogitsOptions): void {
  const { ids, seen, newTokens, endTokenIds } = position
  if (options.repetitionPenalty !== 1) penalizeRepetition(logits, seen, options.repetitionPenalty)
  if (options.presencePenalty !== 0 || options.frequencyPenalty !== 0)
    penalizeWritten(
      logits,
      ids.slice(ids.length - newTokens),
      options.presencePenalty,
      options.frequencyPenalty,
    )
  for (const id in options.logitBias) logits[id]! += options.logitBias[id]!
  if (options.noRepeatNgramSize > 0) forbidRepeatedNgrams(logits, ids, options.noRepeatNgramSize)
  forbid(logits, options.suppressTokens)
  if (newTokens < options.minNewTokens) forbid(logits, endTokenIds)
  if (options.forcedBosTokenId !== undefined && newTokens === 0) force(logits, options.forcedBosTokenId)
  if (options.forcedEosTokenId !== undefined && newTokens === options.maxNewTokens - 1)
    force(logits, options.forcedEosTokenId)
}

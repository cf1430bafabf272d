/**
 * Prompt lookup (Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding): what followed the last tokens the time
 * before is guessed to follow them again, and the model checks all guesses in one pass. Each token is still chosen from its
 * own logits, so the text is the same as without.
 */

/**
 * The tokens that followed the latest earlier occurrence of the last n tokens, n from `ngramSize` down to 1; none if there
 * is none.
 */
export function draftTokens(ids: readonly number[], ngramSize: number, most: number): number[] {
  if (most <= 0) return []
  for (let n = Math.min(ngramSize, ids.length - 1); n > 0; n--) {
    const tail = ids.length - n
    for (let start = tail - 1; start >= 0; start--) {
      let same = 0
      while (same < n && ids[start + same] === ids[tail + same]) same++
      if (same === n) return continuation(ids, start + n, most)
    }
  }
  return []
}

/** The tokens from `start` on, and where they reach the end, the guesses themselves: a repetition goes on. */
function continuation(ids: readonly number[], start: number, most: number): number[] {
  const draft: number[] = []
  for (let at = start; draft.length < most; at++) draft.push(ids[at] ?? draft[at - ids.length]!)
  return draft
}

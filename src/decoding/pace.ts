/**
 * When decoding gives way. In a Worker neither an abort nor another request is seen, and the clock stands still, until the
 * event loop turns; but a turn costs a timer, which is more than a small model's token. So it turns about every ten
 * milliseconds of computing: after each token of a larger model, after some of a small one.
 */

export interface Pace {
  /** To be awaited after each step: turns the event loop if it is time. */
  step(): Promise<void>
  /** Milliseconds since the start, as of the last turn. */
  elapsed(): number
}

/** Most milliseconds between turns, as far as the steps before tell. */
const INTERVAL = 10
/** Most steps between turns. */
const MOST_STEPS = 32

export function startPace(): Pace {
  const started = performance.now()
  let turned = started
  let steps = 0
  let until = 1
  return {
    async step() {
      if (++steps < until) return
      await new Promise<void>((resolve) => setTimeout(resolve))
      const now = performance.now()
      const each = (now - turned) / steps
      // Grows slowly, so that one quick step is not taken for the rule.
      until = Math.max(1, Math.min(2 * until, MOST_STEPS, Math.floor(INTERVAL / Math.max(each, 0.01))))
      turned = now
      steps = 0
    },
    elapsed: () => turned - started,
  }
}

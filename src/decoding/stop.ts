/** Text as it comes, ended by stop strings, none of which is ever shown in part. */

/** Turns one text's tokens into characters as they come; made anew for each text. */
export interface Detokenizer {
  /** What may be shown once this token is there; empty while a character is incomplete. */
  push(id: number): string
  /** What is left at the end. */
  flush(): string
}

export interface StoppableText {
  /** Adds text; gives what can be shown: all but what may be the start of a stop string. */
  push(text: string): string
  /** What was held back, at the end of a text that no stop string ended. */
  flush(): string
  /** The stop string that ended the text; nothing is shown after it. */
  readonly stopped: string | undefined
}

/** The text ends where the first stop string to be complete starts, however the text comes in pieces. */
export function createStoppableText(stops: readonly string[]): StoppableText {
  const longest = Math.max(0, ...stops.map((stop) => stop.length))
  let held = ''
  let stopped: string | undefined
  return {
    get stopped() {
      return stopped
    },
    push(text) {
      if (stopped !== undefined) return ''
      const all = held + text
      const found = firstComplete(all, stops)
      if (found) {
        stopped = found.stop
        held = ''
        return all.slice(0, found.start)
      }
      let start = Math.max(0, all.length - longest + 1)
      while (start < all.length && !stops.some((stop) => stop.startsWith(all.slice(start)))) start++
      held = all.slice(start)
      return all.slice(0, start)
    },
    flush() {
      const rest = held
      held = ''
      return rest
    },
  }
}

/** The stop string that ends first, and where it starts; of those that end together the longest. */
function firstComplete(text: string, stops: readonly string[]): { start: number; stop: string } | undefined {
  let best: { start: number; stop: string } | undefined
  for (const stop of stops) {
    const start = text.indexOf(stop)
    if (start < 0) continue
    const end = start + stop.length
    const bestEnd = best ? best.start + best.stop.length : Infinity
    if (end < bestEnd || (end === bestEnd && start < best!.start)) best = { start, stop }
  }
  return best
}

/**
 * Where a text stands in a grammar: a stack of what is still to come (a pushdown automaton), with several stacks at once where
 * the text can be read in several ways. Stacks are lists that share their ends, and equal ones are the same object, so that
 * what is found out about one is kept for a while.
 */
import { createExpansion, type Part } from './expansion.ts'
import type { Rule } from './grammar.ts'
import { step } from './regular.ts'
import { allows, countAfter, nearestByte, type Scan, scanAt } from './scanner.ts'
import type { Vocabulary } from './vocabulary.ts'

/** What is still to come; undefined top: nothing. */
export interface Stack {
  top: Part | undefined
  rest: Stack | undefined
  /** What it can go on with, once it is known. */
  threads?: Thread[]
  /** Nothing need come. */
  complete?: boolean
  completion?: Completion
}

/** One way to read the next byte. */
export interface Thread {
  scan: Scan
  rest: Stack
}

/** The easiest bytes to complete a text with, and the fewest tokens that spell them. */
export interface Completion {
  byte: number
  next: Completion | undefined
  tokens: number
  /** The first of those tokens. */
  id: number
}

/** More stacks than a text of usual length makes; then they are forgotten, and made again. */
const MOST_STACKS = 5000

export interface PushdownAutomaton {
  /** Before any text; undefined if there is no text. */
  start: Stack | undefined
  threads(stack: Stack): Thread[]
  isComplete(stack: Stack): boolean
  /** The stack after a scan has come to a state and count. */
  after(thread: Thread, state: number, count: number): Stack
  /** All stacks after a byte. */
  step(stacks: readonly Stack[], byte: number): Stack[]
  /** Tokens that complete it; Infinity if the vocabulary cannot. */
  distance(stack: Stack): number
  completion(stack: Stack): Completion | undefined
}

/** @param root a rule that cannot start with itself */
export function createAutomaton(root: Rule, vocabulary: Vocabulary): PushdownAutomaton {
  const end: Stack = { top: undefined, rest: undefined, threads: [], complete: true }
  /** Stacks by what they lie upon and their top. */
  const interned = new Map<Stack, Map<Part, Stack>>()
  let stacks = 0

  const push = (part: Part, rest: Stack): Stack => {
    if (stacks > MOST_STACKS) {
      interned.clear()
      stacks = 0
    }
    const above = interned.get(rest) ?? new Map<Part, Stack>()
    if (above.size === 0) interned.set(rest, above)
    let stack = above.get(part)
    if (!stack) {
      stack = { top: part, rest }
      above.set(part, stack)
      stacks++
    }
    return stack
  }
  const pushAll = (parts: Part[], rest: Stack): Stack =>
    parts.reduceRight((below, part) => push(part, below), rest)

  // --------------------------------------------------------------------------------------------- reading

  const { ways, start } = createExpansion(root, vocabulary)
  const waysOn = ({ top, rest }: Stack) =>
    ways(top as Exclude<Part, Scan>).map(({ parts, weight }) => ({ stack: pushAll(parts, rest!), weight }))

  const accepts = (scan: Scan): boolean => scan.scanner.automaton.accepting[scan.state] === 1

  function close(stack: Stack): void {
    const { top, rest } = stack
    if (top?.kind === 'scan') {
      const popped = accepts(top) ? read(rest!) : undefined
      stack.threads = [{ scan: top, rest: rest! }, ...(popped?.threads ?? [])]
      stack.complete = popped?.complete ?? false
      return
    }
    const all = waysOn(stack).map((way) => read(way.stack))
    stack.threads = all.flatMap(({ threads }) => threads)
    stack.complete = all.some(({ complete }) => complete)
  }
  function read(stack: Stack): { threads: Thread[]; complete: boolean } {
    if (!stack.threads) close(stack)
    return stack as { threads: Thread[]; complete: boolean }
  }

  const after = ({ scan: { scanner }, rest }: Thread, state: number, count: number): Stack =>
    scanner.over[state] ? rest : push(scanAt(scanner, state, count), rest)

  /** The stack after a byte; undefined if it may not come. */
  function follow(thread: Thread, byte: number): Stack | undefined {
    const { scanner, state, count } = thread.scan
    const next = step(scanner.automaton, state, byte)
    if (next < 0) return undefined
    const total = countAfter(scanner.length, state, next, count)
    return allows(scanner, next, total) ? after(thread, next, total) : undefined
  }

  // ------------------------------------------------------------------------------------------ completion

  /** The stack that the easiest byte leads to. */
  function toComplete(stack: Stack): { byte: number; next: Stack } | { next: Stack } | undefined {
    const { top, rest } = stack
    if (top === undefined) return undefined
    if (top.kind !== 'scan') {
      const all = waysOn(stack)
      return { next: all.reduce((best, way) => (way.weight < best.weight ? way : best)).stack }
    }
    const byte = nearestByte(top)
    if (byte < 0) return { next: rest! }
    return { byte, next: follow({ scan: top, rest: rest! }, byte)! }
  }

  function complete(stack: Stack): Completion | undefined {
    const path: { stack: Stack; byte: number }[] = []
    let at: Stack | undefined = stack
    while (at.top !== undefined && !at.completion) {
      const way: ReturnType<typeof toComplete> = toComplete(at)
      path.push({ stack: at, byte: way && 'byte' in way ? way.byte : -1 })
      at = way!.next
    }
    let completion = at.completion
    for (const { stack: each, byte } of path.reverse()) {
      if (byte >= 0) completion = spell(byte, completion)
      if (completion) each.completion = completion
    }
    return completion
  }

  /** Adds a byte in front, and finds the fewest tokens for all. */
  function spell(byte: number, next: Completion | undefined): Completion {
    const completion: Completion = { byte, next, tokens: Infinity, id: -1 }
    let node = 0
    for (let at: Completion | undefined = completion; at; at = at.next) {
      node = vocabulary.child(node, at.byte)
      if (node < 0) break
      const first = vocabulary.firstId[node]!
      if (first === vocabulary.firstId[node + 1]) continue
      const tokens = 1 + (at.next?.tokens ?? 0)
      if (tokens < completion.tokens) {
        completion.tokens = tokens
        completion.id = vocabulary.ids[first]!
      }
    }
    return completion
  }

  return {
    start: start && pushAll(start, end),
    threads: (stack) => read(stack).threads,
    isComplete: (stack) => read(stack).complete,
    after,
    step(all, byte) {
      const found = new Set<Stack>()
      for (const stack of all) {
        for (const thread of read(stack).threads) {
          const next = follow(thread, byte)
          if (next) found.add(next)
        }
      }
      return [...found]
    },
    distance: (stack) => complete(stack)?.tokens ?? 0,
    completion: complete,
  }
}

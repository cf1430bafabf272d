/** Regular languages of bytes: expressions, and the deterministic automata that they become. */

export type Regular =
  /** One byte of these ranges, both ends included. */
  | { kind: 'bytes'; ranges: [number, number][] }
  | { kind: 'sequence'; parts: Regular[] }
  | { kind: 'choice'; parts: Regular[] }
  /** `most` may be Infinity. */
  | { kind: 'repeat'; part: Regular; least: number; most: number }

export const sequence = (...parts: Regular[]): Regular => ({ kind: 'sequence', parts })
export const choice = (...parts: Regular[]): Regular => ({ kind: 'choice', parts })
export const repeat = (part: Regular, least: number, most = Infinity): Regular => ({
  kind: 'repeat',
  part,
  least,
  most,
})
export const optional = (part: Regular): Regular => repeat(part, 0, 1)
/** One of these ASCII characters; a range is written as two with a dash between. */
export const among = (...ranges: string[]): Regular => ({
  kind: 'bytes',
  ranges: ranges.map((range) => [range.charCodeAt(0), range.charCodeAt(range.length - 1)]),
})
export const literal = (text: string): Regular =>
  sequence(
    ...Array.from(
      new TextEncoder().encode(text),
      (byte): Regular => ({ kind: 'bytes', ranges: [[byte, byte]] }),
    ),
  )

/** Every state leads to an accepting one; state 0 is where texts start. */
export interface Automaton {
  states: number
  /** Bytes that no state tells apart are of one class. */
  classOf: Uint8Array
  classes: number
  /** [states][classes]: the next state, -1 if there is none. */
  next: Int32Array
  accepting: Uint8Array
}

export const step = ({ next, classes, classOf }: Automaton, state: number, byte: number): number =>
  next[state * classes + classOf[byte]!]!

/** More states than a schema has reason for, and more work to find them: half a second of it. */
const MOST_STATES = 20_000
const MOST_WORK = 1_000_000

export class TooManyStates extends Error {}

/** The automaton of an expression; undefined if it matches nothing. */
export function compile(expression: Regular): Automaton | undefined {
  const { edges, empty, end } = thompson(expression)
  const { classOf, classes, sample } = classify(edges.flatMap((list) => list.flatMap(({ ranges }) => ranges)))
  // Only states that read a byte or end tell sets apart.
  const matters = (state: number): boolean => edges[state]!.length > 0 || state === end
  let work = 0
  const closure = (seeds: number[]): number[] => {
    const found = new Set(seeds)
    for (const state of found) for (const to of empty[state]!) found.add(to)
    work += found.size
    if (work > MOST_WORK) throw new TooManyStates()
    return [...found].filter(matters).sort((a, b) => a - b)
  }
  return explore(
    closure([0]),
    (set) => set.join(),
    (set) => set.includes(end),
    (set, byteClass) => {
      const byte = sample[byteClass]!
      const to = set.flatMap((state) =>
        edges[state]!.flatMap(({ ranges, to }) =>
          ranges.some(([first, last]) => byte >= first && byte <= last) ? [to] : [],
        ),
      )
      return to.length > 0 ? closure(to) : undefined
    },
    { classOf, classes },
  )
}

/** What both match, or if `not` is true, what `a` matches and `b` doesn't; undefined if that is nothing. */
export function intersect(a: Automaton, b: Automaton, not = false): Automaton | undefined {
  const classOf = new Uint8Array(256)
  const sample: number[] = []
  const known = new Map<string, number>()
  for (let byte = 0; byte < 256; byte++) {
    const key = `${a.classOf[byte]},${b.classOf[byte]}`
    if (!known.has(key)) known.set(key, sample.push(byte) - 1)
    classOf[byte] = known.get(key)!
  }
  return explore(
    [0, 0] as [number, number],
    (pair) => pair.join(),
    ([x, y]) => a.accepting[x] === 1 && (y >= 0 && b.accepting[y] === 1) !== not,
    ([x, y], byteClass) => {
      const byte = sample[byteClass]!
      const to: [number, number] = [step(a, x, byte), y < 0 ? -1 : step(b, y, byte)]
      return to[0] < 0 || (to[1] < 0 && !not) ? undefined : to
    },
    { classOf, classes: sample.length },
  )
}

/** Thompson's construction: states with edges on bytes and empty edges; from state 0 to `end`. */
function thompson(expression: Regular) {
  const edges: { ranges: [number, number][]; to: number }[][] = []
  const empty: number[][] = []
  const create = (): number => {
    if (edges.length > 5 * MOST_STATES) throw new TooManyStates()
    edges.push([])
    return empty.push([]) - 1
  }
  const build = (part: Regular, from: number): number => {
    switch (part.kind) {
      case 'bytes': {
        const to = create()
        edges[from]!.push({ ranges: part.ranges, to })
        return to
      }
      case 'sequence':
        return part.parts.reduce((at, next) => build(next, at), from)
      case 'choice': {
        const to = create()
        for (const option of part.parts) {
          const start = create()
          empty[from]!.push(start)
          empty[build(option, start)]!.push(to)
        }
        return to
      }
      case 'repeat': {
        let at = from
        for (let i = 0; i < part.least; i++) at = build(part.part, at)
        const to = create()
        if (part.most === Infinity) {
          const loop = create()
          empty[at]!.push(loop)
          empty[build(part.part, loop)]!.push(loop)
          empty[loop]!.push(to)
        } else {
          for (let i = part.least; i < part.most; i++) {
            empty[at]!.push(to)
            at = build(part.part, at)
          }
          empty[at]!.push(to)
        }
        return to
      }
    }
  }
  const start = create()
  return { end: build(expression, start), edges, empty }
}

/** Classes of bytes that all ranges treat alike, with a byte of each. */
function classify(ranges: [number, number][]) {
  const bounds = new Set([0])
  for (const [first, last] of ranges) bounds.add(first).add(last + 1)
  const classOf = new Uint8Array(256)
  const sample: number[] = []
  for (let byte = 0; byte < 256; byte++) {
    if (bounds.has(byte)) sample.push(byte)
    classOf[byte] = sample.length - 1
  }
  return { classOf, classes: sample.length, sample }
}

/** Finds all states from a first one, then leaves out those from which no text can be completed. */
function explore<State>(
  first: State,
  key: (state: State) => string,
  accepts: (state: State) => boolean,
  follow: (state: State, byteClass: number) => State | undefined,
  { classOf, classes }: { classOf: Uint8Array; classes: number },
): Automaton | undefined {
  const numbers = new Map([[key(first), 0]])
  const states = [first]
  const next: number[] = []
  for (let at = 0; at < states.length; at++) {
    for (let byteClass = 0; byteClass < classes; byteClass++) {
      const to = follow(states[at]!, byteClass)
      if (to === undefined) {
        next.push(-1)
        continue
      }
      const name = key(to)
      let number = numbers.get(name)
      if (number === undefined) {
        if (states.length >= MOST_STATES) throw new TooManyStates()
        number = states.push(to) - 1
        numbers.set(name, number)
      }
      next.push(number)
    }
  }

  const sources: number[][] = states.map(() => [])
  next.forEach((to, i) => {
    if (to >= 0) sources[to]!.push(Math.floor(i / classes))
  })
  const useful = new Set([...states.keys()].filter((state) => accepts(states[state]!)))
  for (const state of useful) for (const from of sources[state]!) useful.add(from)
  if (!useful.has(0)) return undefined
  const kept = [...useful].sort((a, b) => a - b)
  const renamed = new Map(kept.map((state, i) => [state, i]))
  const follows = (state: number) => next.slice(state * classes, (state + 1) * classes)
  return merge({
    states: kept.length,
    classOf,
    classes,
    next: Int32Array.from(kept.flatMap((state) => follows(state).map((to) => renamed.get(to) ?? -1))),
    accepting: Uint8Array.from(kept, (state) => (accepts(states[state]!) ? 1 : 0)),
  })
}

/** Above it, to find states alike takes longer than they cost. */
const MOST_MERGED = 300

/** Makes states from which the same texts can be completed one (Moore's algorithm). */
function merge(automaton: Automaton): Automaton {
  const { states, classes, next, accepting } = automaton
  if (states > MOST_MERGED) return automaton
  let groups = Array.from(accepting)
  let count = new Set(groups).size
  for (;;) {
    const numbers = new Map<string, number>()
    const finer = groups.map((group, state) => {
      let key = `${group}`
      for (let i = state * classes; i < (state + 1) * classes; i++)
        key += `,${next[i]! < 0 ? -1 : groups[next[i]!]}`
      const number = numbers.get(key) ?? numbers.size
      numbers.set(key, number)
      return number
    })
    groups = finer
    if (numbers.size === count) break
    count = numbers.size
  }
  // Groups are numbered by their first states, so that text starts in 0 still.
  const firsts = Array.from({ length: count }, (_, group) => groups.indexOf(group))
  return {
    ...automaton,
    states: count,
    next: Int32Array.from(
      firsts.flatMap((state) =>
        Array.from(next.subarray(state * classes, (state + 1) * classes), (to) =>
          to < 0 ? -1 : groups[to]!,
        ),
      ),
    ),
    accepting: Uint8Array.from(firsts, (state) => accepting[state]!),
  }
}

/** A regular piece of a text while it is written. */
import type { Piece } from './grammar.ts'
import { type Automaton, step } from './regular.ts'
import type { Vocabulary } from './vocabulary.ts'

/** A piece that has been started. */
export interface Scan {
  kind: 'scan'
  scanner: Scanner
  state: number
  /** Characters so far, where their number is limited. */
  count: number
}

/** A piece with what decoding needs to know of it. */
export interface Scanner {
  automaton: Automaton
  /** Limits of the characters; only for strings, whose state behind each character is CONTENT. */
  length: { least: number; most: number } | undefined
  /** By state: how hard it is to complete, and the byte to do it with; -1 where it is complete. */
  distance: Float64Array
  nearest: Int16Array
  /** By state: nothing can follow. */
  over: Uint8Array
  /** The easiest character. */
  fill: { byte: number; weight: number }
  /** Each scan once. */
  scans: Map<number, Scan>
}

/** The state of a string of any characters behind its quote or a character. */
export const CONTENT = 1
const QUOTE = 0x22
/** A byte that no token stands for alone is to be avoided. */
const AWKWARD = 1000

/** Makes a piece's start, which is the same for pieces of the same language. */
export function createScanners(vocabulary: Vocabulary): (piece: Piece) => Scan {
  const easy = new Uint8Array(256)
  for (let byte = 0; byte < 256; byte++) {
    const node = vocabulary.child(0, byte)
    if (node >= 0 && vocabulary.firstId[node + 1]! > vocabulary.firstId[node]!) easy[byte] = 1
  }
  const weightOf = (byte: number): number => (easy[byte] ? 1 : AWKWARD)

  const scanners = new Map<Automaton, Map<string, Scanner>>()
  return ({ automaton, length }) => {
    const key = length ? `${length.least},${length.most}` : ''
    const known = scanners.get(automaton) ?? new Map<string, Scanner>()
    scanners.set(automaton, known)
    let scanner = known.get(key)
    if (!scanner) {
      scanner = createScanner(automaton, length, weightOf)
      known.set(key, scanner)
    }
    return scanAt(scanner, 0, 0)
  }
}

function createScanner(
  automaton: Automaton,
  length: Scanner['length'],
  weightOf: (byte: number) => number,
): Scanner {
  const { states, classes, next } = automaton
  const { distance, nearest } = distances(automaton, weightOf)
  const over = Uint8Array.from({ length: states }, (_, state) =>
    next.subarray(state * classes, (state + 1) * classes).every((to) => to < 0) ? 1 : 0,
  )
  const fill = length ? easiestCharacter(automaton, weightOf, distance) : { byte: -1, weight: 0 }
  return { automaton, length, distance, nearest, over, fill, scans: new Map() }
}

export function scanAt(scanner: Scanner, state: number, count: number): Scan {
  const key = count * scanner.automaton.states + state
  let scan = scanner.scans.get(key)
  if (!scan) {
    scan = { kind: 'scan', scanner, state, count }
    scanner.scans.set(key, scan)
  }
  return scan
}

/** Characters that a string still lacks. */
const missing = ({ scanner, count }: Scan): number => Math.max(0, (scanner.length?.least ?? 0) - count)

/** How hard a scan is to complete. */
export const weightOfScan = (scan: Scan): number =>
  scan.scanner.distance[scan.state]! + missing(scan) * scan.scanner.fill.weight

/** The easiest byte towards the end; -1 if this is one. */
export function nearestByte(scan: Scan): number {
  const { scanner, state } = scan
  return scanner.length && state === CONTENT && missing(scan) > 0
    ? scanner.fill.byte
    : scanner.nearest[state]!
}

/** Characters after a byte: one more when it ends one. */
export function countAfter(length: Scanner['length'], state: number, next: number, count: number): number {
  if (!length || next !== CONTENT || state === 0) return count
  // Without an upper limit, more than enough are as good as enough.
  return length.most === Infinity ? Math.min(count + 1, length.least) : count + 1
}

/** Whether the limits of a string allow a state after so many characters. */
export function allows({ length, automaton }: Scanner, state: number, count: number): boolean {
  if (!length) return true
  if (automaton.accepting[state]) return count >= length.least && count <= length.most
  // Within a character, that one counts too.
  return count + (state === CONTENT || state === 0 ? 0 : 1) <= length.most
}

/** By state, the least weight of bytes that complete a text, and the first of them. */
function distances(
  { states, next, classes, classOf, accepting }: Automaton,
  weightOf: (byte: number) => number,
): { distance: Float64Array; nearest: Int16Array } {
  const distance = Float64Array.from(accepting, (accepts) => (accepts ? 0 : Infinity))
  const nearest = new Int16Array(states).fill(-1)
  const easiest = easiestBytes(classOf, classes, weightOf)
  // Bellman and Ford's; states are numbered from the start on, so most are settled by going backwards.
  for (let changed = true; changed; ) {
    changed = false
    for (let state = states - 1; state >= 0; state--) {
      for (let byteClass = 0; byteClass < classes; byteClass++) {
        const to = next[state * classes + byteClass]!
        if (to < 0) continue
        const { byte, weight } = easiest[byteClass]!
        if (weight + distance[to]! >= distance[state]!) continue
        distance[state] = weight + distance[to]!
        nearest[state] = byte
        changed = true
      }
    }
  }
  return { distance, nearest }
}

/** Of each class of bytes the first that is easiest to write. */
function easiestBytes(classOf: Uint8Array, classes: number, weightOf: (byte: number) => number) {
  const best = Array.from({ length: classes }, () => ({ byte: -1, weight: Infinity }))
  classOf.forEach((byteClass, byte) => {
    if (weightOf(byte) < best[byteClass]!.weight) best[byteClass] = { byte, weight: weightOf(byte) }
  })
  return best
}

/** The way from a string's content back to it: a character of one byte, or else the first byte of a longer one. */
function easiestCharacter(
  automaton: Automaton,
  weightOf: (byte: number) => number,
  distance: Float64Array,
): { byte: number; weight: number } {
  let best = { byte: -1, weight: Infinity }
  for (const { byte, weight } of easiestBytes(automaton.classOf, automaton.classes, weightOf)) {
    const to = step(automaton, CONTENT, byte)
    if (to < 0 || byte === QUOTE) continue
    // From the middle of a character, the way to the end leads through the content.
    const total = weight + distance[to]! - distance[CONTENT]!
    if (total < best.weight) best = { byte, weight: total }
  }
  return best
}

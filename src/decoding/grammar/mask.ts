/**
 * Which tokens a grammar allows. What a piece makes of the vocabulary is found once, by a walk of the tree of tokens, and kept
 * with the vocabulary; a stack then only puts together what its pieces make of it.
 */
import type { PushdownAutomaton, Stack, Thread } from './automaton.ts'
import { type Automaton, step } from './regular.ts'
import { allows, countAfter } from './scanner.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Tokens that leave a piece in the same state. */
interface Group {
  state: number
  /** Characters of a string that they complete. */
  characters: number
  ids: Int32Array
  /** The same, one bit a token, where they are many. */
  bits: Uint32Array | undefined
}

/** What a piece makes of all tokens below a node, from one of its states. */
interface Template {
  groups: Group[]
  /** Nodes where the piece may end, and tokens go on. */
  exits: { node: number; state: number; characters: number }[]
}

/** Tokens that may follow a stack, by what they leave to be done. */
interface Allowed {
  /** Tokens that complete the text behind this one. */
  distance: number
  group: Group
}

export interface Mask {
  allowed: Allowed[]
  /** The largest finite distance. */
  farthest: number
  /** All that have one. */
  bits: Uint32Array
}

const templates = new WeakMap<Vocabulary, WeakMap<Automaton, Map<string, Template>>>()

function templateOf(
  vocabulary: Vocabulary,
  automaton: Automaton,
  counted: boolean,
  state: number,
  node: number,
): Template {
  const ofVocabulary = templates.get(vocabulary) ?? new WeakMap<Automaton, Map<string, Template>>()
  templates.set(vocabulary, ofVocabulary)
  const known = ofVocabulary.get(automaton) ?? new Map<string, Template>()
  ofVocabulary.set(automaton, known)
  const key = `${counted},${state},${node}`
  let template = known.get(key)
  if (!template) {
    template = walk(vocabulary, automaton, counted, state, node)
    known.set(key, template)
  }
  return template
}

function walk(
  { size, byte, skip, depth, firstId, ids }: Vocabulary,
  automaton: Automaton,
  counted: boolean,
  from: number,
  root: number,
): Template {
  const groups = new Map<number, { state: number; characters: number; ids: number[] }>()
  const exits: Template['exits'] = []
  // By depth, along the path to the current node.
  const states = [from]
  const characters = [0]
  const length = counted ? { least: Infinity, most: Infinity } : undefined // counts without end
  const base = depth[root]!
  for (let node = root + 1; node < skip[root]!; ) {
    const at = depth[node]! - base
    const before = states[at - 1]!
    const state = step(automaton, before, byte[node]!)
    if (state < 0) {
      node = skip[node]!
      continue
    }
    const count = countAfter(length, before, state, characters[at - 1]!)
    states[at] = state
    characters[at] = count
    const first = firstId[node]!
    const last = firstId[node + 1]!
    if (last > first) {
      const key = count * automaton.states + state
      const group = groups.get(key) ?? { state, characters: count, ids: [] }
      groups.set(key, group)
      for (let i = first; i < last; i++) group.ids.push(ids[i]!)
    }
    if (automaton.accepting[state] && skip[node]! > node + 1) exits.push({ node, state, characters: count })
    node++
  }
  return {
    exits,
    groups: [...groups.values()].map((group) => ({
      ...group,
      ids: Int32Array.from(group.ids),
      bits: group.ids.length > size / 32 ? bitsOf(group.ids, size) : undefined,
    })),
  }
}

function bitsOf(ids: ArrayLike<number>, size: number): Uint32Array {
  const bits = new Uint32Array(Math.ceil(size / 32))
  for (let i = 0; i < ids.length; i++) bits[ids[i]! >> 5]! |= 1 << (ids[i]! & 31)
  return bits
}

/** Adds a group's tokens to a mask. */
export function include(bits: Uint32Array, group: Group): void {
  if (group.bits) for (let word = 0; word < bits.length; word++) bits[word]! |= group.bits[word]!
  else for (const id of group.ids) bits[id >> 5]! |= 1 << (id & 31)
}

export function maskOf(automaton: PushdownAutomaton, vocabulary: Vocabulary, stack: Stack): Mask {
  const allowed: Allowed[] = []

  function collect(from: Stack, node: number): void {
    for (const thread of automaton.threads(from)) {
      const { scanner, state } = thread.scan
      const { length } = scanner
      const template = templateOf(vocabulary, scanner.automaton, length !== undefined, state, node)
      for (const group of template.groups) {
        const count = total(thread, group)
        if (count < 0) continue
        const distance = automaton.distance(automaton.after(thread, group.state, count))
        if (distance < Infinity) allowed.push({ distance, group })
      }
      for (const exit of template.exits) if (total(thread, exit) >= 0) collect(thread.rest, exit.node)
    }
  }

  collect(stack, 0)
  const bits = new Uint32Array(Math.ceil(vocabulary.size / 32))
  let farthest = 0
  for (const { distance, group } of allowed) {
    include(bits, group)
    farthest = Math.max(farthest, distance)
  }
  return { allowed, farthest, bits }
}

/** The characters of a string in a new state; -1 if they are too few or too many. */
function total({ scan }: Thread, { state, characters }: { state: number; characters: number }): number {
  const { length } = scan.scanner
  const count = scan.count + characters
  if (!allows(scan.scanner, state, count)) return -1
  // As countAfter() has it.
  return length?.most === Infinity ? Math.min(count, length.least) : count
}

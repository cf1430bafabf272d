/** What a JSON text is made of: regular pieces, put together with arrays, objects, choices and recursion. */
import type { Automaton } from './regular.ts'

/** A place in a text that one piece of it is at. */
export type Rule = Piece | Choice | Reference | ArrayRule | ObjectRule

/** Bytes of a regular language. */
export interface Piece {
  kind: 'piece'
  automaton: Automaton
  /** Limits of the characters between the quotes, for strings of any characters. */
  length?: { least: number; most: number }
}

/** One of several; nothing, if there are none. */
export interface Choice {
  kind: 'choice'
  options: Rule[]
}

/** Stands for a rule that may hold itself. */
export interface Reference {
  kind: 'reference'
  /** Known once all are compiled. */
  target: Rule
}

export interface ArrayRule {
  kind: 'array'
  /** Rules of the first items. */
  first: Rule[]
  /** The rule of those behind. */
  others: Rule | undefined
  least: number
  most: number
}

export interface ObjectRule {
  kind: 'object'
  /** In the order in which they are written. */
  properties: Property[]
  /** Further properties. */
  others: { key: Rule; value: Rule } | undefined
}

export interface Property {
  /** With its quotes and the colon. */
  key: Rule
  value: Rule
  required: boolean
}

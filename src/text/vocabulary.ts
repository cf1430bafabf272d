/** What the three subword models have in common. */
import { invalidFile, type ModelConfig } from './schema.ts'

/**
 * Receives a piece's tokens: id, and which units [from, to) of the piece it stands for. Tokens come in order; those of
 * one character's bytes all have that character's units.
 */
export type Emit = (id: number, from: number, to: number) => void

export interface SubwordModel {
  /** Token of each id; holes where the model has none. Made when it is asked for: encoding needs it seldom. */
  tokens(): string[]
  encode(piece: string, emit: Emit): void
}

/** Ids by token, with the tokens by id. @throws EdgewiseError `tokenizer_invalid` */
export function readVocabulary({ vocab }: ModelConfig): { ids: Map<string, number>; tokens: string[] } {
  if (Array.isArray(vocab)) throw invalidFile('has a list of scores for a vocabulary, which only Unigram has')
  const ids = new Map<string, number>()
  const tokens: string[] = []
  for (const token in vocab) {
    const id = vocab[token]!
    if (!Number.isInteger(id) || id < 0) throw invalidFile(`gives the token ${JSON.stringify(token)} no id`)
    ids.set(token, id)
    tokens[id] = token
  }
  return { ids, tokens }
}

/** The ids of <0x00> to <0xFF>, or undefined if the vocabulary lacks one. */
export function byteFallbackIds(ids: Map<string, number>): number[] | undefined {
  const byteIds = Array.from({ length: 256 }, (_, byte) =>
    ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  )
  return byteIds.every((id) => id !== undefined) ? byteIds : undefined
}

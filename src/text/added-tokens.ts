/** Tokens added to a vocabulary whole ([MASK], <|im_start|>): they are found in a text before anything is cut. */
import { isWhitespace } from './characters.ts'
import type { AddedTokenConfig } from './schema.ts'
import { createTrie } from './trie.ts'

/** Units [from, to) of a text; `id` if they are an added token. */
export interface Section {
  from: number
  to: number
  id?: number
}

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]/u

/**
 * Makes a function that cuts a text into sections, leftmost and longest added token first.
 * @param tokens with the content to look for, normalized if that is how the text comes
 */
export function addedTokenFinder(tokens: AddedTokenConfig[]): (text: string) => Section[] {
  if (tokens.length === 0) return (text) => (text === '' ? [] : [{ from: 0, to: text.length }])
  const trie = createTrie(tokens.map(({ content }, i) => [content, i] as const))

  /** Length and index of the longest added token at a position; -1 if there is none. */
  const matchAt = (text: string, from: number): { token: number; to: number } => {
    let token = -1
    let end = from
    for (let node = 0, to = from; to < text.length; ) {
      node = trie.step(node, text.charCodeAt(to++))
      if (node < 0) break
      const value = trie.valueAt(node)
      if (value >= 0) {
        token = value
        end = to
      }
    }
    return { token, to: end }
  }

  return (text) => {
    const sections: Section[] = []
    let done = 0
    for (let at = 0; at < text.length; ) {
      if (trie.step(0, text.charCodeAt(at)) < 0) {
        at++
        continue
      }
      let { token, to } = matchAt(text, at)
      if (token < 0) {
        at++
        continue
      }
      const { id, single_word: singleWord, lstrip, rstrip } = tokens[token]!
      let from = at
      at = to
      if (singleWord && (WORD.test(lastCharacter(text, from)) || WORD.test(firstCharacter(text, to))))
        continue
      if (lstrip) while (from > done && isWhitespace(text.charCodeAt(from - 1))) from--
      if (rstrip) while (to < text.length && isWhitespace(text.charCodeAt(to))) to++
      if (from > done) sections.push({ from: done, to: from })
      sections.push({ from, to, id })
      done = to
      at = Math.max(at, done)
    }
    if (done < text.length) sections.push({ from: done, to: text.length })
    return sections
  }
}

const firstCharacter = (text: string, at: number): string =>
  at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : ''

/** The code point that ends before a position. */
const lastCharacter = (text: string, at: number): string =>
  [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? ''

/** Finds which words of a set a text goes on with. */
import { createPairMap } from './pairs.ts'

export interface Trie {
  /** The node after one more UTF-16 unit, or -1 if no word goes on so. The root is node 0. */
  step(node: number, unit: number): number
  /** The value of the word that ends at a node, or -1. */
  valueAt(node: number): number
}

/** @param words with a non-negative value each; of equal words the last counts */
export function createTrie(words: Iterable<readonly [word: string, value: number]>): Trie {
  const edges = createPairMap(1024)
  const values = [-1]
  for (const [word, value] of words) {
    let node = 0
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i)
      let next = edges.get(node, unit)
      if (next < 0) {
        next = values.length
        values.push(-1)
        edges.set(node, unit, next)
      }
      node = next
    }
    values[node] = value
  }
  return { step: edges.get, valueAt: (node) => values[node]! }
}

/** WordPiece: the longest word of the vocabulary, then the longest continuation, and so on (Devlin et al. 2018). */
import { invalidFile, type ModelConfig } from './schema.ts'
import { readVocabulary, type SubwordModel } from './vocabulary.ts'

export function wordPiece(config: ModelConfig): SubwordModel {
  const prefix = config.continuing_subword_prefix ?? '##'
  const longestWord = config.max_input_chars_per_word ?? 100
  const { ids: beginnings, tokens } = readVocabulary(config)
  const unknown = beginnings.get(config.unk_token ?? '[UNK]')
  if (unknown === undefined) throw invalidFile('has no token for what is unknown in its vocabulary')

  /** What may follow within a word, without its prefix: no lookup has to build a string. */
  const continuations = new Map<string, number>()
  let longest = 0
  for (const [token, id] of beginnings) {
    if (token.startsWith(prefix)) continuations.set(token.slice(prefix.length), id)
    longest = Math.max(longest, token.length)
  }

  return {
    tokens,
    encode(word, emit) {
      const known = beginnings.get(word)
      if (known !== undefined && word.length <= longestWord) return emit(known, 0, word.length)

      if (isLongerThan(word, longestWord)) return emit(unknown, 0, word.length)
      const found: number[] = []
      const ends: number[] = []
      let start = 0
      while (start < word.length) {
        let end = Math.min(word.length, start + longest)
        let id: number | undefined
        while (end > start) {
          id = (start === 0 ? beginnings : continuations).get(word.slice(start, end))
          if (id !== undefined) break
          end--
        }
        if (id === undefined) return emit(unknown, 0, word.length)
        found.push(id)
        ends.push(end)
        start = end
      }
      for (let i = 0; i < found.length; i++) emit(found[i]!, i === 0 ? 0 : ends[i - 1]!, ends[i]!)
    },
  }
}

function isLongerThan(word: string, characters: number): boolean {
  if (word.length <= characters) return false
  let count = 0
  for (const _ of word) if (++count > characters) return true
  return false
}

/** WordPiece: the longest word of the vocabulary, then the longest continuation, and so on (Devlin et al. 2018). */
import { invalidFile, type ModelConfig } from './schema.ts'
import { readVocabulary, type SubwordModel } from './vocabulary.ts'

export function wordPiece(config: ModelConfig): SubwordModel {
  const prefix = config.continuing_subword_prefix ?? '##'
  const longestWord = config.max_input_chars_per_word ?? 100
  const { vocab } = config
  if (Array.isArray(vocab)) throw invalidFile('has a list of scores for a vocabulary, which only Unigram has')
  // Looked up as it was parsed: to make a map of it would take longer than most texts.
  const idOf = (token: string): number | undefined => {
    const id: unknown = vocab[token]
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0) return id
    if (Object.hasOwn(vocab, token)) throw invalidFile(`gives the token ${JSON.stringify(token)} no id`)
    return undefined
  }
  const unknown = idOf(config.unk_token ?? '[UNK]')
  if (unknown === undefined) throw invalidFile('has no token for what is unknown in its vocabulary')

  return {
    tokens: () => readVocabulary(config).tokens,
    encode(word, emit) {
      if (isLongerThan(word, longestWord)) return emit(unknown, 0, word.length)
      const found: number[] = []
      const ends: number[] = []
      let start = 0
      while (start < word.length) {
        let end = word.length
        let id: number | undefined
        while (end > start) {
          const part = word.slice(start, end)
          id = idOf(start === 0 ? part : prefix + part)
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

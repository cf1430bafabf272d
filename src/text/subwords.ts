/** The subword models by the name that tokenizer.json has for them. */
import { bytePair } from './bpe.ts'
import { invalidFile, type ModelConfig } from './schema.ts'
import { unigram } from './unigram.ts'
import type { SubwordModel } from './vocabulary.ts'
import { wordPiece } from './wordpiece.ts'

/**
 * Reads tokenizer.json's `model`.
 * @throws EdgewiseError `tokenizer_invalid`
 */
export function createSubwordModel(config: ModelConfig): SubwordModel {
  switch (config.type ?? guessType(config)) {
    case 'WordPiece':
      return wordPiece(config)
    case 'BPE':
      return bytePair(config)
    case 'Unigram':
      return unigram(config)
    default:
      throw invalidFile(`has a model of type ${config.type}, which is not supported`)
  }
}

/** Files from before 2021 do not name the type. */
function guessType({ vocab, merges }: ModelConfig): string {
  return Array.isArray(vocab) ? 'Unigram' : merges ? 'BPE' : 'WordPiece'
}

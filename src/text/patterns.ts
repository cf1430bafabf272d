/** Patterns that cut a text. */
import { SplitPreTokenizer } from '@huggingface/tokenizers'
import { invalidFile, type PatternConfig } from './schema.ts'

/** ASCII punctuation counts as such even where Unicode calls it a symbol ($, +, ~). */
export const PUNCTUATION = '\\p{P}!-\\/:-@\\[-`{-~'

/**
 * A pattern of tokenizer.json as a global Unicode expression; the library translates Oniguruma's syntax.
 * @throws EdgewiseError `tokenizer_invalid`
 */
export function compilePattern(pattern: PatternConfig): RegExp {
  const compiled = new SplitPreTokenizer({ type: 'Split', pattern, behavior: 'Isolated' }).pattern
  if (compiled) return compiled
  throw invalidFile('has a pattern that is neither a String nor a Regex')
}

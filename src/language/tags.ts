/** The tokens by which a translation model is told the language to write: `>>de<<` in front of the source. */
import type { Tokenizer } from '../text/tokenizer.ts'

/** Their ids by language (ISO 639-1); none where the model does not translate. */
export function languageTags({
  specialIds,
  tokenOf,
}: Pick<Tokenizer, 'specialIds' | 'tokenOf'>): Map<string, number> {
  const tags = new Map<string, number>()
  for (const id of specialIds) {
    const language = tokenOf(id)?.match(/^>>(\p{L}+)<<$/u)?.[1]
    if (language) tags.set(language, id)
  }
  return tags
}

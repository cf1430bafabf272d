/** Byte-level vocabularies: a text is written as one printable character a byte of its UTF-8. */
import type { Edit } from './aligned.ts'
import { BYTE_CHARACTERS, utf8Bytes } from './characters.ts'

/** All that does not stand for itself. */
const WRITTEN_OTHERWISE = /[\0-\x20\x7f]|[^\0-\x7f]/gu

/** What must be rewritten in a text so that it has one character a byte. */
export function byteLevelEdits(text: string): Edit[] {
  const edits: Edit[] = []
  for (const { index, 0: character } of text.matchAll(WRITTEN_OTHERWISE))
    edits.push({ from: index, to: index + character.length, text: byteLevelText(character) })
  return edits
}

/** A text with one printable character a byte of its UTF-8. */
export function byteLevelText(text: string): string {
  let written = ''
  for (const byte of utf8Bytes(text)) written += BYTE_CHARACTERS[byte]!
  return written
}

/** What several stages ask of characters. */

/** White_Space of Unicode; JavaScript's \s has U+FEFF besides and lacks U+0085. */
export function isWhitespace(unit: number): boolean {
  if (unit < 0x80) return unit === 32 || (unit >= 9 && unit <= 13)
  if (unit < 0x2000) return unit === 0x85 || unit === 0xa0 || unit === 0x1680
  return (
    unit <= 0x200a ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  )
}

export const isHighSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xd800
export const isLowSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xdc00

const UTF8 = new TextEncoder()

/** UTF-8 bytes of a well-formed text. */
export const utf8Bytes = (text: string): Uint8Array => UTF8.encode(text)

/**
 * The printable character that stands for each byte in a byte-level vocabulary: itself where it is printable in
 * Latin-1, else the next free one from U+0100 (Radford et al. 2019, encoder.py `bytes_to_unicode`).
 */
export const BYTE_CHARACTERS: string[] = (() => {
  let free = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad)
    return String.fromCharCode(printable ? byte : free++)
  })
})()

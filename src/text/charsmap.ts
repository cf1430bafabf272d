/**
 * The compiled normalization of a sentencepiece model (`precompiled_charsmap`): a double-array trie over UTF-8 from
 * what is replaced to where its replacement begins (google/sentencepiece, src/normalizer.h and darts.h).
 */

import { type AlignedText, applyEdits, type Edit } from './aligned.ts'
import { utf8Bytes } from './characters.ts'
import { invalidFile } from './schema.ts'

/** Distinct characters and clusters that are remembered; a text in any language has fewer. */
const MEMORY = 4096

/**
 * Makes the normalizer of a base64 charsmap. It looks up whole grapheme clusters of under 6 bytes, then single code
 * points, as Hugging Face's tokenizers do.
 * @throws EdgewiseError `tokenizer_invalid`
 */
export function precompiled(charsmap: string): (text: AlignedText) => AlignedText {
  const lookUp = remembered(readCharsmap(charsmap))
  let plain = ''
  for (let code = 0x20; code < 0x7f; code++)
    if (lookUp(String.fromCharCode(code)) === undefined) plain += `\\x${code.toString(16)}`
  if (plain === '') plain = '\\p{Any}--\\p{Any}'
  // Two plain characters are never of one cluster, so clusters are sought only in what is not plain and next to it.
  const region = new RegExp(`[${plain}]?(?:[^${plain}]+[${plain}]?)+`, 'gv')
  const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

  return (source) => {
    const edits: Edit[] = []
    for (const { index, 0: part } of source.text.matchAll(region)) {
      const clusters = JOINED.test(part) ? graphemes.segment(part) : codePoints(part)
      for (const { segment, index: at } of clusters) {
        const from = index + at
        const whole = lookUp(segment)
        if (whole !== undefined && shorterThan6Bytes(segment))
          edits.push({ from, to: from + segment.length, text: whole })
        else
          for (const { segment: character, index: within } of codePoints(segment)) {
            const text = lookUp(character)
            if (text !== undefined)
              edits.push({ from: from + within, to: from + within + character.length, text })
          }
      }
    }
    return applyEdits(source, edits)
  }
}

/** What a grapheme cluster of more than one code point has in it. */
const JOINED =
  /[\r\p{M}\p{Cf}\p{Emoji_Modifier}\p{Regional_Indicator}\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7ff\uff9e\uff9f\u0d4e\u{111c2}\u{111c3}\u{113d1}\u{1193f}\u{11941}\u{11a3a}\u{11a84}-\u{11a89}\u{11d46}\u{11f02}]/u

function* codePoints(text: string): Generator<{ segment: string; index: number }> {
  let index = 0
  for (const segment of text) {
    yield { segment, index }
    index += segment.length
  }
}

const shorterThan6Bytes = (text: string): boolean => text.length < 2 || utf8Bytes(text).length < 6

type LookUp = (text: string) => string | undefined

function remembered(lookUp: LookUp): LookUp {
  const known = new Map<string, string | undefined>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined || known.has(text)) return found
    const replacement = lookUp(text)
    if (known.size >= MEMORY) known.clear()
    known.set(text, replacement)
    return replacement
  }
}

function readCharsmap(base64: string): LookUp {
  const binary = atob(base64)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i)
  const trieBytes = bytes.length < 4 ? -1 : new DataView(bytes.buffer).getUint32(0, true)
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length)
    throw invalidFile('has a precompiled_charsmap that is cut off')
  const units = new Uint32Array(bytes.buffer, 4, trieBytes / 4) // little-endian, as every machine that runs Wasm is
  const replacements = bytes.subarray(4 + trieBytes)
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

  return (text) => {
    // The shortest key that begins the text counts, and stands for all of it: so does the reference.
    let node = offsetOf(units[0]!)
    for (const byte of utf8Bytes(text)) {
      if (byte === 0) return undefined
      node ^= byte
      const unit = units[node]
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined
      node ^= offsetOf(unit)
      if (unit & 0x100) {
        const start = units[node]! & 0x7fffffff
        const end = replacements.indexOf(0, start)
        return utf8.decode(replacements.subarray(start, end < 0 ? replacements.length : end))
      }
    }
    return undefined
  }
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6)

/** Normalizers of tokenizer.json, each keeping track of where every character came from. */
import {
  type AlignedText,
  applyEdits,
  type Edit,
  replaceMatches,
  rewritten,
  sliceAligned,
} from './aligned.ts'
import { byteLevelEdits } from './byte-level.ts'
import { isWhitespace } from './characters.ts'
import { precompiled } from './charsmap.ts'
import { compilePattern } from './patterns.ts'
import type { NormalizerConfig } from './schema.ts'

export type Normalizer = (text: AlignedText) => AlignedText

/** @throws EdgewiseError `tokenizer_invalid` */
export function createNormalizer(config: NormalizerConfig): Normalizer {
  switch (config.type) {
    case 'Sequence':
      return inSequence(config.normalizers.map(createNormalizer))
    case 'BertNormalizer': {
      const lower = config.lowercase ?? true
      return bert({
        clean: config.clean_text ?? true,
        spaceIdeographs: config.handle_chinese_chars ?? true,
        stripAccents: config.strip_accents ?? lower,
        lower,
      })
    }
    case 'Precompiled':
      return config.precompiled_charsmap ? precompiled(config.precompiled_charsmap) : (text) => text
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = config.type
      return (text) => unicodeForm(text, form)
    }
    case 'Nmt':
      return (text) =>
        replaceMatches(
          replaceMatches(text, NMT_DROPPED, () => ''),
          NMT_SPACE,
          () => ' ',
        )
    case 'Lowercase':
      return lowercase
    case 'StripAccents':
      return (text) => replaceMatches(text, /\p{M}/gu, () => '')
    case 'Replace': {
      const pattern = compilePattern(config.pattern)
      return (text) => replaceMatches(text, pattern, () => config.content)
    }
    case 'Strip':
      return (text) => strip(text, config.strip_left ?? false, config.strip_right ?? false)
    case 'Prepend':
      return (text) =>
        text.text === '' ? text : applyEdits(text, [{ from: 0, to: 0, text: config.prepend }])
    case 'ByteLevel':
      return (text) => applyEdits(text, byteLevelEdits(text.text))
  }
}

const inSequence =
  (normalizers: Normalizer[]): Normalizer =>
  (text) =>
    normalizers.reduce((text, normalize) => normalize(text), text)

interface BertOptions {
  clean: boolean
  spaceIdeographs: boolean
  stripAccents: boolean
  lower: boolean
}

const PRINTABLE_ASCII = /^[ -~]*$/
const IDEOGRAPH =
  /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu

/** The normalizer of BERT's BasicTokenizer (Devlin et al. 2018, tokenization.py). */
function bert({ clean, spaceIdeographs, stripAccents, lower }: BertOptions): Normalizer {
  return (text) => {
    if (!PRINTABLE_ASCII.test(text.text)) {
      if (clean) {
        text = replaceMatches(text, /[\0\ufffd\p{Cf}\p{Co}]|(?![\t\n\r])\p{Cc}/gu, () => '')
        text = rewritten(text, text.text.replace(/\p{White_Space}/gu, ' '))
      }
      if (spaceIdeographs) text = replaceMatches(text, IDEOGRAPH, (ideograph) => ` ${ideograph} `)
      if (stripAccents) text = replaceMatches(unicodeForm(text, 'NFD'), /\p{Mn}/gu, () => '')
    }
    return lower ? lowercase(text) : text
  }
}

/**
 * Lower case a character at a time, as Rust does it: a capital sigma at the end of a word becomes σ, not ς. Only İ
 * gets longer (i and a dot above).
 */
function lowercase(text: AlignedText): AlignedText {
  if (/[Σİ]/.test(text.text))
    text = replaceMatches(text, /[Σİ]/g, (letter) => (letter === 'Σ' ? 'σ' : 'i\u0307'))
  return rewritten(text, text.text.toLowerCase())
}

/**
 * Characters that a normal form may compose with, or reorder against, what stands before them: marks, the vowels and
 * final consonants of Hangul (with the compatibility and half-width letters that become them), half-width voicing
 * marks, and the vowels of Kirat Rai.
 */
const JOINING = '\\p{M}\\u1160-\\u11ff\\u3131-\\u318e\\uff9e-\\uffdc\\ud7b0-\\ud7ff\\u{16d63}-\\u{16d6a}'
/** Characters that no normal form looks beyond; those of ASCII alone never change. */
const SEGMENT = new RegExp(`[^${JOINING}]?[${JOINING}]+|[^\\0-\\x7f]`, 'gsu')

type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD'

function unicodeForm(source: AlignedText, form: Form): AlignedText {
  const whole = source.text.normalize(form)
  if (whole === source.text) return source
  if (!source.tracked) return rewritten(source, whole)
  const edits: Edit[] = []
  for (const { index, 0: segment } of source.text.matchAll(SEGMENT)) {
    const text = segment.normalize(form)
    if (text === segment) continue
    const characters = [...segment]
    const apart = characters.map((character) => character.normalize(form))
    // Characters that neither compose nor change places keep spans of their own.
    let from = index
    if (apart.join('') === text)
      for (const [i, { length }] of characters.entries()) {
        if (apart[i] !== characters[i]) edits.push({ from, to: from + length, text: apart[i]! })
        from += length
      }
    else edits.push({ from, to: from + segment.length, text })
  }
  const aligned = applyEdits(source, edits)
  if (aligned.text === whole) return aligned
  // A later Unicode may join what this one keeps apart. Then the text is right and its offsets are coarse.
  return applyEdits(source, [{ from: 0, to: source.text.length, text: whole }])
}

function strip(source: AlignedText, left: boolean, right: boolean): AlignedText {
  const { text } = source
  let from = 0
  let to = text.length
  if (left) while (from < to && isWhitespace(text.charCodeAt(from))) from++
  if (right) while (to > from && isWhitespace(text.charCodeAt(to - 1))) to--
  return sliceAligned(source, from, to)
}

/** Neural machine translation's clean-up in sentencepiece's nmt_nfkc, where tokenizer.json spells it out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes
const NMT_DROPPED = /[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/g
const NMT_SPACE = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g

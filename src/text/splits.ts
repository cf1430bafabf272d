/** Pre-tokenizers of tokenizer.json: where a text is cut into the pieces that a subword model sees one at a time. */
import { type AlignedText, applyEdits, type Edit, movePositions, rewritten } from './aligned.ts'
import { byteLevelEdits } from './byte-level.ts'
import { compilePattern, PUNCTUATION } from './patterns.ts'
import type { PreTokenizerConfig, SplitBehavior } from './schema.ts'

export interface Pieces {
  source: AlignedText
  /** Units [bounds[2i], bounds[2i + 1]) of the source are piece i; pieces are in order and never empty. */
  bounds: number[]
  /** Whether the source is what the original text begins with. */
  first: boolean
}

export type PreTokenizer = (pieces: Pieces) => Pieces

/** A text as one piece. */
export function onePiece(source: AlignedText, first: boolean): Pieces {
  return { source, bounds: source.text === '' ? [] : [0, source.text.length], first }
}

/** @throws EdgewiseError `tokenizer_invalid` */
export function createPreTokenizer(config: PreTokenizerConfig): PreTokenizer {
  switch (config.type) {
    case 'Sequence': {
      const steps = config.pretokenizers.map(createPreTokenizer)
      return (pieces) => steps.reduce((pieces, step) => step(pieces), pieces)
    }
    case 'BertPreTokenizer':
      return keeping(new RegExp(`[^\\p{White_Space}${PUNCTUATION}]+|[${PUNCTUATION}]`, 'gu'))
    case 'Whitespace':
      return keeping(compilePattern({ Regex: '\\w+|[^\\w\\s]+' }))
    case 'WhitespaceSplit':
      return keeping(/\P{White_Space}+/gu)
    case 'Punctuation':
      return splitting(new RegExp(`[${PUNCTUATION}]`, 'gu'), config.behavior ?? 'Isolated')
    case 'Digits':
      return splitting(/\p{N}/gu, config.individual_digits ? 'Isolated' : 'Contiguous')
    case 'CharDelimiterSplit':
      return splitting(compilePattern({ String: config.delimiter }), 'Removed')
    case 'FixedLength':
      return keeping(new RegExp(`[^]{1,${config.length ?? 5}}`, 'gu'))
    case 'Split':
      return splitting(compilePattern(config.pattern), config.behavior, config.invert ?? false)
    case 'ByteLevel':
      return byteLevel(config.add_prefix_space ?? true, config.use_regex ?? true)
    case 'Metaspace': {
      const prepend = config.add_prefix_space === false ? 'never' : (config.prepend_scheme ?? 'always')
      return metaspace(config.replacement ?? '▁', prepend, config.split ?? true)
    }
  }
}

/** The pieces are the pattern's matches; what lies between them is dropped. */
const keeping = (pattern: RegExp): PreTokenizer => splitting(pattern, 'Removed', true)

/** Cuts at a global pattern's matches (or, inverted, at what lies between them); `behavior` says what becomes of those. */
function splitting(pattern: RegExp, behavior: SplitBehavior, invert = false): PreTokenizer {
  return ({ source, bounds, first }) => {
    const { text } = source
    const cut: number[] = []
    for (let i = 0; i < bounds.length; i += 2) {
      const from = bounds[i]!
      const piece = text.slice(from, bounds[i + 1])
      const parts: Part[] = []
      let end = 0
      for (const { index, 0: match } of piece.matchAll(pattern)) {
        if (index > end) parts.push({ from: from + end, to: from + index, delimiter: invert })
        end = index + match.length
        if (match !== '') parts.push({ from: from + index, to: from + end, delimiter: !invert })
      }
      if (end < piece.length) parts.push({ from: from + end, to: from + piece.length, delimiter: invert })
      for (const { from, to } of JOIN[behavior](parts)) cut.push(from, to)
    }
    return { source, bounds: cut, first }
  }
}

interface Part {
  from: number
  to: number
  delimiter: boolean
}

/** What becomes of delimiters, named as Rust's SplitDelimiterBehavior. */
const JOIN: Record<SplitBehavior, (parts: Part[]) => Part[]> = {
  Isolated: (parts) => parts,
  Removed: (parts) => parts.filter(({ delimiter }) => !delimiter),
  Contiguous: (parts) => joinWhere(parts, (part, previous) => part.delimiter === previous.delimiter),
  MergedWithPrevious: (parts) => joinWhere(parts, (part, previous) => part.delimiter && !previous.delimiter),
  MergedWithNext: (parts) => joinWhere(parts, (part, previous) => previous.delimiter && !part.delimiter),
}

/** Joins each part to the one before it where the condition on the two holds. */
function joinWhere(parts: Part[], condition: (part: Part, previous: Part) => boolean): Part[] {
  const joined: Part[] = []
  parts.forEach((part, i) => {
    if (i > 0 && condition(part, parts[i - 1]!)) joined.at(-1)!.to = part.to
    else joined.push({ ...part })
  })
  return joined
}

/** The words of GPT-2 (Radford et al. 2019, encoder.py). */
const GPT2_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

function byteLevel(prefixSpace: boolean, useWords: boolean): PreTokenizer {
  const splitWords = useWords ? splitting(compilePattern({ Regex: GPT2_WORDS }), 'Isolated') : undefined
  return (pieces) => {
    if (prefixSpace) pieces = withPrefix(pieces, ' ', () => true)
    if (splitWords) pieces = splitWords(pieces)
    const { source, bounds, first } = pieces
    const edits = byteLevelEdits(source.text)
    return { source: applyEdits(source, edits), bounds: movePositions(bounds, edits), first }
  }
}

/** Spaces written as a letter of the vocabulary (sentencepiece), which begins each word. */
function metaspace(space: string, prepend: 'always' | 'never' | 'first', splitWords: boolean): PreTokenizer {
  const split = splitting(compilePattern({ String: space }), 'MergedWithNext')
  return ({ source, bounds, first }) => {
    let pieces: Pieces = { source: rewritten(source, source.text.replaceAll(' ', space)), bounds, first }
    if (prepend !== 'never')
      pieces = withPrefix(pieces, space, (from) => prepend === 'always' || (first && from === 0))
    return splitWords ? split(pieces) : pieces
  }
}

/** Puts a prefix before each piece that lacks it and that `wanted` names by its first unit. */
function withPrefix(pieces: Pieces, prefix: string, wanted: (from: number) => boolean): Pieces {
  const { source, bounds, first } = pieces
  const edits: Edit[] = []
  for (let i = 0; i < bounds.length; i += 2) {
    const from = bounds[i]!
    if (wanted(from) && !source.text.startsWith(prefix, from)) edits.push({ from, to: from, text: prefix })
  }
  return { source: applyEdits(source, edits), bounds: movePositions(bounds, edits), first }
}

/**
 * Text to tokens and back, from the tokenizer.json that Hugging Face publishes with a model. Ids are those of Hugging
 * Face's Rust tokenizers; every token knows which part of the text it stands for.
 */
import { EdgewiseError } from '../errors.ts'
import { addedTokenFinder, type Section } from './added-tokens.ts'
import { type AlignedText, alignedText, originalEnd, originalStart, sliceAligned } from './aligned.ts'
import { createDecode, createDetokenizer, type Detokenizer } from './detokenizer.ts'
import { createNormalizer } from './normalizers.ts'
import { type AddedTokenConfig, invalidFile, type TokenizerFile, tokenizerFile } from './schema.ts'
import { type Span, trimSpans } from './spans.ts'
import { createPreTokenizer, onePiece, type Pieces } from './splits.ts'
import { createSubwordModel } from './subwords.ts'
import { createTemplate, type Template, type WrappedPair } from './template.ts'
import { createTokenBytes } from './token-bytes.ts'

/** A text as tokens, without the special tokens of a template. */
export interface Encoding {
  ids: number[]
}

/** … and where in the text each of them is. */
export interface EncodingWithOffsets extends Encoding {
  /** `text.slice(...offsets[i])` is what token i stands for (see Span). */
  offsets: Span[]
}

export interface Tokenizer extends Template {
  encode(text: string, options: { offsets: true }): EncodingWithOffsets
  encode(text: string, options?: { offsets?: boolean }): Encoding
  /** Two texts in the model's template, with the offsets of each in its own text. */
  encodePair(
    first: string,
    second: string,
  ): WrappedPair & { first: EncodingWithOffsets; second: EncodingWithOffsets }
  /** The text of tokens; special tokens leave no trace in it unless told to. */
  decode(ids: ArrayLike<number>, options?: { special?: boolean }): string
  /** Decodes while tokens are still coming: what it emits, joined, is what `decode` gives. */
  detokenizer(options?: { special?: boolean }): Detokenizer
  idOf(token: string): number | undefined
  tokenOf(id: number): string | undefined
  /** What a token adds to a text, as UTF-8 that may break off within a character; undefined for a special token. */
  bytesOf(id: number): Uint8Array | undefined
  /** Ids of tokens that no text is made of: [CLS], <s>, <|im_end|>. */
  specialIds: ReadonlySet<number>
  /** One more than the highest id. */
  vocabularySize: number
}

/**
 * Reads tokenizer.json. Its truncation and padding are left to whoever calls.
 * @throws EdgewiseError `tokenizer_invalid`
 */
export function createTokenizer(json: unknown): Tokenizer {
  const parsed = tokenizerFile.safeParse(json)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw invalidFile(`has an error at ${path.join('.') || 'its root'}: ${message}`)
  }
  try {
    return build(parsed.data)
  } catch (cause) {
    if (cause instanceof EdgewiseError) throw cause
    // A pattern or an option that the platform or the library refuses.
    throw invalidFile(`cannot be used: ${cause instanceof Error ? cause.message : cause}`, cause)
  }
}

function build(file: TokenizerFile): Tokenizer {
  const added = file.added_tokens ?? []
  const normalize = file.normalizer ? createNormalizer(file.normalizer) : undefined
  const preTokenize = file.pre_tokenizer ? createPreTokenizer(file.pre_tokenizer) : undefined
  const model = createSubwordModel(file.model)

  const isNormalized = ({ normalized, special }: AddedTokenConfig) => normalized ?? !special
  const normalizedContent = (token: AddedTokenConfig): AddedTokenConfig => ({
    ...token,
    content: normalize ? normalize(alignedText(token.content, 0, false)).text : token.content,
  })
  const findInText = addedTokenFinder(added.filter((token) => !isNormalized(token)))
  const findInNormalized = addedTokenFinder(
    added
      .filter(isNormalized)
      .map(normalizedContent)
      .filter(({ content }) => content !== ''),
  )

  let known: string[] | undefined
  const tokens = (): string[] => {
    if (!known) {
      known = model.tokens().slice()
      for (const { id, content } of added) known[id] = content
    }
    return known
  }
  const specialIds = new Set(added.filter(({ special }) => special).map(({ id }) => id))
  let ids: Map<string, number> | undefined

  const cut = (text: AlignedText, first: boolean): Pieces => {
    const whole = onePiece(text, first)
    return preTokenize ? preTokenize(whole) : whole
  }
  const space = letterOfSpace((text) => cut(normalize ? normalize(text) : text, true).source)

  /** Of units [from, to) of a text in the vocabulary's letters. */
  const spanOf = (source: AlignedText, from: number, to: number): Span => {
    while (from < to && source.text.charCodeAt(from) === space) from++
    while (to > from && source.text.charCodeAt(to - 1) === space) to--
    const start = originalStart(source, from)
    return [start, from < to ? originalEnd(source, to) : start]
  }

  const encode = (text: string, withOffsets: boolean): { ids: number[]; offsets: Span[] } => {
    // Half a code point cannot be written in UTF-8, so it reads as U+FFFD; that is as long.
    text = text.toWellFormed()
    const ids: number[] = []
    const offsets: Span[] = []
    const emitAdded = (id: number, from: number, to: number) => {
      ids.push(id)
      if (withOffsets) offsets.push([from, to])
    }

    const encodeSection = (section: Section) => {
      if (section.id !== undefined) return emitAdded(section.id, section.from, section.to)
      const raw = alignedText(text.slice(section.from, section.to), section.from, withOffsets)
      const normalized = normalize ? normalize(raw) : raw
      for (const { from, to, id } of findInNormalized(normalized.text)) {
        if (id !== undefined) {
          emitAdded(id, originalStart(normalized, from), originalEnd(normalized, to))
          continue
        }
        const { source, bounds } = cut(sliceAligned(normalized, from, to), section.from === 0 && from === 0)
        let start = 0
        const emit = (id: number, from: number, to: number) => {
          ids.push(id)
          if (withOffsets) offsets.push(spanOf(source, start + from, start + to))
        }
        for (let i = 0; i < bounds.length; i += 2) {
          start = bounds[i]!
          model.encode(source.text.slice(start, bounds[i + 1]), emit)
        }
      }
    }
    for (const section of findInText(text)) encodeSection(section)
    if (withOffsets) trimSpans(text, offsets)
    return { ids, offsets }
  }

  const decodeTokens = createDecode(file.decoder, added)
  const tokenBytes = createTokenBytes(decodeTokens, file.decoder, added)
  const spoken = (special: boolean) => (id: number) =>
    !special && specialIds.has(id) ? undefined : tokens()[id]
  const template = createTemplate(file.post_processor)

  return {
    ...template,
    encode: ((text: string, { offsets = false } = {}) => {
      const encoding = encode(text, offsets)
      return offsets ? encoding : { ids: encoding.ids }
    }) as Tokenizer['encode'],
    encodePair(first, second) {
      const encoded = { first: encode(first, true), second: encode(second, true) }
      return { ...template.wrapPair(encoded.first.ids, encoded.second.ids), ...encoded }
    },
    decode(ids, { special = false } = {}) {
      return decodeTokens(Array.from(ids, spoken(special)).filter((token) => token !== undefined))
    },
    detokenizer: ({ special = false } = {}) => createDetokenizer(decodeTokens, spoken(special)),
    idOf(token) {
      ids ??= new Map(tokens().map((token, id) => [token, id]))
      return ids.get(token)
    },
    tokenOf: (id) => tokens()[id],
    bytesOf(id) {
      const token = spoken(false)(id)
      return token === undefined ? undefined : tokenBytes(token)
    },
    specialIds,
    get vocabularySize() {
      return tokens().length
    },
  }
}

/** The letter that the vocabulary writes a space with (▁, Ġ), if it has one, found by having one written. */
function letterOfSpace(write: (text: AlignedText) => AlignedText): number {
  const written = write(alignedText('a a', 0, true))
  for (let i = 0; i < written.text.length; i++)
    if (originalStart(written, i) === 1 && originalEnd(written, i + 1) === 2)
      return written.text.charCodeAt(i)
  return -1
}

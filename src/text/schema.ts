/** tokenizer.json: the parts that are small enough to be checked field by field. The vocabulary is checked as it is read. */
import * as z from 'zod'
import { EdgewiseError } from '../errors.ts'

/** Hugging Face's field is null where an option was left to its default, so every option may be null or absent. */
const option = <T extends z.ZodType>(schema: T) => schema.nullish()

const pattern = z.union([z.object({ String: z.string() }), z.object({ Regex: z.string() })])

const behavior = z.enum(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'])

const simpleNormalizer = z.object({
  type: z.enum(['NFC', 'NFD', 'NFKC', 'NFKD', 'Nmt', 'Lowercase', 'StripAccents', 'ByteLevel']),
})

const normalizer = z.discriminatedUnion('type', [
  simpleNormalizer,
  z.object({
    type: z.literal('BertNormalizer'),
    clean_text: option(z.boolean()),
    handle_chinese_chars: option(z.boolean()),
    strip_accents: option(z.boolean()),
    lowercase: option(z.boolean()),
  }),
  z.object({ type: z.literal('Precompiled'), precompiled_charsmap: option(z.string()) }),
  z.object({ type: z.literal('Replace'), pattern, content: z.string() }),
  z.object({
    type: z.literal('Strip'),
    strip_left: option(z.boolean()),
    strip_right: option(z.boolean()),
  }),
  z.object({ type: z.literal('Prepend'), prepend: z.string() }),
  z.object({
    type: z.literal('Sequence'),
    get normalizers() {
      return z.array(normalizer)
    },
  }),
])

const preTokenizer = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['BertPreTokenizer', 'Whitespace', 'WhitespaceSplit']) }),
  z.object({
    type: z.literal('ByteLevel'),
    add_prefix_space: option(z.boolean()),
    use_regex: option(z.boolean()),
  }),
  z.object({
    type: z.literal('Metaspace'),
    replacement: option(z.string()),
    prepend_scheme: option(z.enum(['always', 'never', 'first'])),
    add_prefix_space: option(z.boolean()),
    split: option(z.boolean()),
  }),
  z.object({ type: z.literal('Split'), pattern, behavior, invert: option(z.boolean()) }),
  z.object({ type: z.literal('Punctuation'), behavior: option(behavior) }),
  z.object({ type: z.literal('Digits'), individual_digits: option(z.boolean()) }),
  z.object({ type: z.literal('CharDelimiterSplit'), delimiter: z.string() }),
  z.object({ type: z.literal('FixedLength'), length: option(z.int().positive()) }),
  z.object({
    type: z.literal('Sequence'),
    get pretokenizers() {
      return z.array(preTokenizer)
    },
  }),
])

const templateItems = z.array(
  z.union([
    z.object({ SpecialToken: z.object({ id: z.string(), type_id: z.int().nonnegative() }) }),
    z.object({ Sequence: z.object({ id: z.enum(['A', 'B']), type_id: z.int().nonnegative() }) }),
  ]),
)

const namedId = z.tuple([z.string(), z.int().nonnegative()])

const postProcessor = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ByteLevel') }),
  z.object({ type: z.enum(['BertProcessing', 'RobertaProcessing']), cls: namedId, sep: namedId }),
  z.object({
    type: z.literal('TemplateProcessing'),
    single: templateItems,
    pair: templateItems,
    special_tokens: z.record(z.string(), z.object({ ids: z.array(z.int().nonnegative()) })),
  }),
  z.object({
    type: z.literal('Sequence'),
    get processors() {
      return z.array(postProcessor)
    },
  }),
])

const addedToken = z.object({
  id: z.int().nonnegative(),
  content: z.string().min(1),
  single_word: option(z.boolean()),
  lstrip: option(z.boolean()),
  rstrip: option(z.boolean()),
  normalized: option(z.boolean()),
  special: option(z.boolean()),
})

const model = z.looseObject({
  type: option(z.string()),
  vocab: z.union([
    z.custom<Record<string, number>>(isPlainObject),
    z.custom<[string, number][]>(Array.isArray),
  ]),
  unk_token: option(z.string()),
  unk_id: option(z.int().nonnegative()),
  merges: option(z.custom<(string | [string, string])[]>(Array.isArray)),
  continuing_subword_prefix: option(z.string()),
  end_of_word_suffix: option(z.string()),
  max_input_chars_per_word: option(z.int().positive()),
  byte_fallback: option(z.boolean()),
  fuse_unk: option(z.boolean()),
  ignore_merges: option(z.boolean()),
})

/** Decoders are the library's, which reads their options itself. */
const decoder = z.looseObject({ type: z.string() })

export const tokenizerFile = z.object({
  added_tokens: option(z.array(addedToken)),
  normalizer: option(normalizer),
  pre_tokenizer: option(preTokenizer),
  post_processor: option(postProcessor),
  decoder: option(decoder),
  model,
})

export type TokenizerFile = z.output<typeof tokenizerFile>
export type NormalizerConfig = z.output<typeof normalizer>
export type PreTokenizerConfig = z.output<typeof preTokenizer>
export type PostProcessorConfig = z.output<typeof postProcessor>
export type AddedTokenConfig = z.output<typeof addedToken>
export type ModelConfig = z.output<typeof model>
export type DecoderConfig = z.output<typeof decoder>
export type SplitBehavior = z.output<typeof behavior>
export type PatternConfig = z.output<typeof pattern>

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What to throw about a tokenizer.json; `what` goes on from its name. */
export const invalidFile = (what: string, cause?: unknown): EdgewiseError =>
  new EdgewiseError(
    'tokenizer_invalid',
    `tokenizer.json ${what}.`,
    'Use the tokenizer.json that was published with the weights.',
    { cause },
  )

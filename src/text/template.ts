/** The special tokens that a model wants around one text and around a pair (tokenizer.json's `post_processor`). */
import { invalidFile, type PostProcessorConfig } from './schema.ts'

/** Token ids as a model takes them. */
export interface Wrapped {
  inputIds: number[]
  /** Segment of each token; absent if all are zero. */
  tokenTypeIds?: number[]
}

export interface WrappedPair extends Wrapped {
  /** Index in inputIds of the first token of the first text, and of the second. */
  firstAt: number
  secondAt: number
}

export interface Template {
  /** How many special tokens are put around one text, and around a pair. */
  specialTokens: { single: number; pair: number }
  wrap(ids: ArrayLike<number>): Wrapped
  wrapPair(first: ArrayLike<number>, second: ArrayLike<number>): WrappedPair
}

/** Special tokens, or the place of a text (0: the first, 1: the second). */
type Item = { ids: number[]; type: number } | { text: 0 | 1; type: number }

/** @throws EdgewiseError `tokenizer_invalid` */
export function createTemplate(config: PostProcessorConfig | null | undefined): Template {
  const { single, pair } = itemsOf(config)
  const specialTokens = { single: countSpecial(single), pair: countSpecial(pair) }
  return {
    specialTokens,
    wrap: (ids) => fill(single, [ids]).wrapped,
    wrapPair(first, second) {
      const { wrapped, places } = fill(pair, [first, second])
      return { ...wrapped, firstAt: places[0]!, secondAt: places[1]! }
    },
  }
}

const A: Item = { text: 0, type: 0 }
const B: Item = { text: 1, type: 0 }

function itemsOf(config: PostProcessorConfig | null | undefined): { single: Item[]; pair: Item[] } {
  const none = { single: [A], pair: [A, { ...B, type: 1 }] }
  switch (config?.type) {
    case undefined:
    case 'ByteLevel': // which concerns offsets, and ours are always exact
      return none
    case 'Sequence':
      return itemsOf(config.processors.find(({ type }) => type !== 'ByteLevel'))
    case 'BertProcessing': {
      const [cls, sep] = [special([config.cls[1]]), special([config.sep[1]])]
      return { single: [cls, A, sep], pair: [cls, A, sep, { ...B, type: 1 }, { ...sep, type: 1 }] }
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [special([config.cls[1]]), special([config.sep[1]])]
      return { single: [cls, A, sep], pair: [cls, A, sep, sep, B, sep] }
    }
    case 'TemplateProcessing': {
      const read = (items: typeof config.single): Item[] =>
        items.map((item) => {
          if ('Sequence' in item)
            return { text: item.Sequence.id === 'A' ? 0 : 1, type: item.Sequence.type_id }
          const { id, type_id: type } = item.SpecialToken
          const token = config.special_tokens[id]
          if (!token) throw invalidFile(`has a template with ${id}, which is not among its special tokens`)
          return { ids: token.ids, type }
        })
      return { single: read(config.single), pair: read(config.pair) }
    }
  }
}

const special = (ids: number[]) => ({ ids, type: 0 })

const countSpecial = (items: Item[]): number =>
  items.reduce((sum, item) => sum + ('ids' in item ? item.ids.length : 0), 0)

function fill(items: Item[], texts: ArrayLike<number>[]): { wrapped: Wrapped; places: number[] } {
  const inputIds: number[] = []
  const tokenTypeIds: number[] = []
  const places = texts.map(() => 0)
  for (const item of items) {
    if ('text' in item) places[item.text] = inputIds.length
    const ids = 'ids' in item ? item.ids : (texts[item.text] ?? [])
    for (let i = 0; i < ids.length; i++) {
      inputIds.push(ids[i]!)
      tokenTypeIds.push(item.type)
    }
  }
  return { wrapped: items.some(({ type }) => type > 0) ? { inputIds, tokenTypeIds } : { inputIds }, places }
}

/**
 * Token types of a question and a passage, as DrQA's features (Chen et al. 2017, https://arxiv.org/abs/1704.00051): which
 * words of the passage are in the question or near one that is, and which have a capital or a digit, which an uncased
 * vocabulary loses. training/features.py computes the same for the model's training.
 */
import type { Span } from '../../src/text/spans.ts'
import { STOP_WORDS } from '../../src/text/stop-words.ts'
import type { Tokenizer } from '../../src/text/tokenizer.ts'

/** How many types readerInput() gives. */
export const TOKEN_TYPES = 14
/** How far from a word of the question a word is still near it. */
const NEAR = 4

export interface Word {
  ids: number[]
  /** Its ids as one string. */
  key: string
  /** Lower case; of six and more characters the first five. */
  stem: string
  /** Has a letter or digit and is no stop word. */
  content: boolean
  /** 2 with a digit, 1 with a capital at its start, else 0. */
  shape: number
  /** What it stands for in the text. */
  span: Span
}

/** Words of a text: a WordPiece token with those that continue it. */
export function analyse(text: string, tokenizer: Tokenizer): Word[] {
  const { ids, offsets } = tokenizer.encode(text, { offsets: true })
  const groups: { ids: number[]; span: Span }[] = []
  ids.forEach((id, i) => {
    const last = groups.at(-1)
    if (last && tokenizer.tokenOf(id)?.startsWith('##')) {
      last.ids.push(id)
      last.span = [last.span[0], offsets[i]![1]]
    } else groups.push({ ids: [id], span: offsets[i]! })
  })
  return groups.map(({ ids, span }) => {
    const surface = text.slice(...span)
    const lower = surface.toLowerCase()
    const first = String.fromCodePoint(surface.codePointAt(0) ?? 0)
    return {
      ids,
      key: ids.join(' '),
      stem: lower.length < 6 ? lower : lower.slice(0, 5),
      content: /[\p{L}\p{N}]/u.test(surface) && !STOP_WORDS.has(lower),
      shape: /\p{N}/u.test(surface) ? 2 : first === first.toLowerCase() ? 0 : 1,
      span,
    }
  })
}

export interface ReaderInput {
  inputIds: number[]
  tokenTypeIds?: number[]
  /** Position of the first token of each word of the window, and behind the last one. */
  positions: number[]
}

/** [CLS] question [SEP] window [SEP], with types: 0, 1 for a word of the question that the window has, 2 + 3 · match + shape. */
export function readerInput(question: Word[], window: Word[], cls: number, sep: number): ReaderInput {
  const asked = question.filter(({ content }) => content)
  const [keys, stems] = [new Set(asked.map(({ key }) => key)), new Set(asked.map(({ stem }) => stem))]
  const exact = window.map(({ content, key }) => content && keys.has(key))
  const isNear = (i: number) => exact.slice(Math.max(0, i - NEAR), i + NEAR + 1).includes(true)
  const foundKeys = new Set(window.map(({ key }) => key))
  const foundStems = new Set(window.filter(({ content }) => content).map(({ stem }) => stem))

  const inputIds = [cls]
  const tokenTypeIds = [0]
  const push = (ids: number[], type: number) => {
    inputIds.push(...ids)
    tokenTypeIds.push(...ids.map(() => type))
  }
  for (const { ids, key, stem, content } of question)
    push(ids, content && (foundKeys.has(key) || foundStems.has(stem)) ? 1 : 0)
  push([sep], 0)
  const positions = window.map(({ ids, stem, content, shape }, i) => {
    const at = inputIds.length
    const match = exact[i] ? 3 : content && stems.has(stem) ? 2 : isNear(i) ? 1 : 0
    push(ids, 2 + 3 * match + shape)
    return at
  })
  positions.push(inputIds.length)
  push([sep], 0)
  return { inputIds, tokenTypeIds, positions }
}

/** Question and window in the template of the tokenizer, as a model has them that knows no more types than its texts. */
export function pairInput(
  question: Word[],
  window: Word[],
  { tokenizer, tokenTypes }: { tokenizer: Tokenizer; tokenTypes: number },
): ReaderInput {
  const idsOf = (words: Word[]) => words.flatMap(({ ids }) => ids)
  const { inputIds, tokenTypeIds, secondAt } = tokenizer.wrapPair(idsOf(question), idsOf(window))
  const positions = [secondAt]
  for (const { ids } of window) positions.push(positions.at(-1)! + ids.length)
  return {
    inputIds: Array.from(inputIds),
    positions,
    ...(tokenTypes > 1 && tokenTypeIds && { tokenTypeIds: Array.from(tokenTypeIds) }),
  }
}

/**
 * Windows [from, to) of words that take at most `room` tokens, each beginning half a window behind the one before, so that
 * what one cuts in two another holds whole.
 */
export function windowsOf(words: Word[], room: number): [from: number, to: number][] {
  const windows: [number, number][] = []
  for (let from = 0; ; ) {
    let [to, size] = [from, 0]
    while (to < words.length && size + words[to]!.ids.length <= room) size += words[to++]!.ids.length
    // A word of more tokens than fit is cut off by whoever reads it.
    windows.push([from, Math.max(to, Math.min(from + 1, words.length))])
    if (to >= words.length) return windows
    let skipped = 0
    do skipped += words[from++]!.ids.length
    while (skipped < room / 2 && from < to - 1)
  }
}

/**
 * What a translation keeps as it is: placeholders, tags, addresses. Within a sentence each becomes a token of the model,
 * <0> to <7>, that its training has taught it to copy; what stands around a sentence is not shown to it at all.
 */

const KEPT = new RegExp(
  [
    String.raw`<\/?[\p{L}!][^<>]*>`, // tags
    String.raw`<\d+>|>>\p{L}+<<`, // what the model's own tokens look like
    String.raw`\{\{[^{}]*\}\}|\$?\{[^{}\s][^{}]*\}|\{\}`, // {{name}}, \${name}, {name}, {}
    String.raw`%\(\w+\)[sdfi]|%(?:\d+\$)?[-+0]?\d*(?:\.\d+)?[sdfiuxc@](?!\p{L})`, // %(name)s, %1$s, %.2f
    String.raw`&(?:\p{L}+|#\d+);`, // &nbsp;
    String.raw`https?:\/\/[^\s<>"]*[^\s<>".,;:!?)]|[\p{L}\d._+-]+@[\p{L}\d-]+(?:\.[\p{L}\d-]+)+`,
  ].join('|'),
  'gu',
)

/** `text.slice(start, end)` is kept. */
export interface Kept {
  start: number
  end: number
}

export const findKept = (text: string): Kept[] =>
  Array.from(text.matchAll(KEPT), ({ 0: found, index }) => ({ start: index, end: index + found.length }))

/** A sentence as what stands before, what is translated, and what stands after; the latter two may be empty. */
export interface Peeled {
  before: string
  inner: string
  after: string
}

/** Takes what is kept, and white space, off both ends. */
export function peel(text: string): Peeled {
  let [start, end] = [0, text.length]
  const spaces = () => {
    start += text.slice(start, end).match(/^\s*/)![0].length
    end -= text.slice(start, end).match(/\s*$/)![0].length
  }
  const kept = findKept(text)
  spaces()
  for (const { start: from, end: to } of kept) {
    // An address or a placeholder may be a part of the sentence; a tag at its beginning is not.
    if (from !== start || !isTag(text.slice(from, to))) break
    start = to
    spaces()
  }
  for (const { start: from, end: to } of kept.toReversed()) {
    if (to !== end || from < start || !isTag(text.slice(from, to))) break
    end = from
    spaces()
  }
  if (end <= start) return { before: text, inner: '', after: '' }
  const only = kept.some(({ start: from, end: to }) => from === start && to === end)
  if (only) return { before: text, inner: '', after: '' }
  return { before: text.slice(0, start), inner: text.slice(start, end), after: text.slice(end) }
}

const isTag = (text: string) => text.startsWith('<')
const opens = (text: string) => isTag(text) && !text.startsWith('</')
const closes = (text: string) => text.startsWith('</')

/** A piece of a translation: text, or which of the kept ones stands here. */
export type Piece = string | number

/**
 * Joins pieces, with white space around what is kept as the source has it.
 * @param source the sentence that was translated, and `kept` in it, in order
 */
export function joinPieces(pieces: readonly Piece[], source: string, kept: readonly Kept[]): string {
  let out = ''
  let space = false
  let last: number | undefined
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      const text = piece.trim()
      if (text === '') continue
      if (last !== undefined) space = spaceBeside(source, kept[last]!, 'after', text[0]!)
      out += (out !== '' && space ? ' ' : '') + text
      last = undefined
      space = true
      continue
    }
    const { start, end } = kept[piece]!
    const before =
      last === undefined
        ? spaceBeside(source, kept[piece]!, 'before', out.at(-1) ?? '')
        : /\s/.test(source[start - 1] ?? '') || /\s/.test(source[kept[last]!.end] ?? '')
    out += (out !== '' && before ? ' ' : '') + source.slice(start, end)
    last = piece
  }
  return out
}

/** Whether white space stands between what is kept and its neighbour in the translation. */
function spaceBeside(
  source: string,
  { start, end }: Kept,
  side: 'before' | 'after',
  neighbour: string,
): boolean {
  const text = source.slice(start, end)
  const there = source[side === 'before' ? start - 1 : end] ?? ''
  const inside = side === 'before' ? closes(text) : opens(text)
  if (inside) return /\s/.test(there)
  if (side === 'after' && /[.,;:!?)\]}”’]/.test(neighbour)) return false
  if (/\s/.test(there)) return true
  // At the sentence's end there is nothing to go by: only what opens a bracket or a quotation, or joins, is close to it.
  if (there === '') return !/[([{“‘«'’/-]/.test(neighbour)
  return /[\p{L}\p{N}]/u.test(neighbour) && !/[\p{L}\p{N}'’-]/u.test(there)
}

/**
 * Whether each is there once, what opens before what closes still does, and what had words in it still has.
 */
export function isComplete(pieces: readonly Piece[], source: string, kept: readonly Kept[]): boolean {
  const order = pieces.filter((piece) => typeof piece === 'number')
  if (order.length !== kept.length || new Set(order).size !== kept.length) return false
  const textOf = (i: number) => source.slice(kept[i]!.start, kept[i]!.end)
  const tags = order.filter((i) => isTag(textOf(i)))
  if (!tags.every((i, at) => at === 0 || tags[at - 1]! < i)) return false
  return kept.every((_, open) => {
    const close = open + 1
    if (!opens(textOf(open)) || close === kept.length || !closes(textOf(close))) return true
    const between = pieces.slice(pieces.indexOf(open) + 1, pieces.indexOf(close))
    return (
      !hasWords(source.slice(kept[open]!.end, kept[close]!.start)) ||
      between.some((piece) => hasWords(String(piece)))
    )
  })
}

const hasWords = (text: string): boolean => /\p{L}/u.test(text)

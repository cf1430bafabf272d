/** Which part of a text a token stands for. */
import { isHighSurrogate, isLowSurrogate, isWhitespace } from './characters.ts'

/**
 * `text.slice(start, end)` is what a token stands for: UTF-16 indices, as JavaScript counts, that never part the two
 * halves of a code point. White space at either end is left out, and what the model reads as such; a token of nothing
 * else, or of nothing in the text, has an empty span.
 */
export type Span = [start: number, end: number]

/**
 * Makes spans exact: widened to whole code points, without white space at either end, and with the combining marks
 * that the normalizer took from their last character.
 * @param spans in order, and changed in place
 */
export function trimSpans(text: string, spans: Span[]): void {
  for (const span of spans) {
    let [start, end] = span
    if (splitsCodePoint(text, start)) start--
    if (splitsCodePoint(text, end)) end++
    while (start < end && isWhitespace(text.charCodeAt(start))) start++
    while (end > start && isWhitespace(text.charCodeAt(end - 1))) end--
    span[0] = start
    span[1] = end
  }
  for (const [i, span] of spans.entries()) {
    const limit = i + 1 < spans.length ? spans[i + 1]![0] : text.length
    if (span[1] > span[0]) span[1] = afterMarks(text, span[1], limit)
  }
}

const splitsCodePoint = (text: string, index: number): boolean =>
  index > 0 && isLowSurrogate(text.charCodeAt(index)) && isHighSurrogate(text.charCodeAt(index - 1))

const MARK = /\p{M}/u

function afterMarks(text: string, index: number, limit: number): number {
  // No mark is below U+0300, so most texts need no regular expression here.
  while (index < limit && text.charCodeAt(index) >= 0x300) {
    const mark = String.fromCodePoint(text.codePointAt(index)!)
    if (!MARK.test(mark) || index + mark.length > limit) break
    index += mark.length
  }
  return index
}

/**
 * The part of a text that tokens [from, to) stand for together, from the first that stands for something to the last
 * one; undefined if none does.
 */
export function spanOfTokens(spans: Span[], from: number, to: number): Span | undefined {
  const solid = spans.slice(from, to).filter(([start, end]) => end > start)
  return solid.length === 0 ? undefined : [solid[0]![0], solid.at(-1)![1]]
}

/** The same spans counted in code points, as Python and Rust's char indices do. */
export function inCodePoints(text: string, spans: Span[]): Span[] {
  /** Code points before each index. */
  const count = new Int32Array(text.length + 1)
  for (let i = 0; i < text.length; i++) count[i + 1] = count[i]! + (splitsCodePoint(text, i) ? 0 : 1)
  return spans.map(([start, end]) => [count[start]!, count[end]!])
}

/** Text that is too long for a model, cut to fit. */
import type { Sentence } from './sentences.ts'

/** The sentence, or parts of it that join to it: halved until `fits`. */
export function halved(sentence: Sentence, fits: (text: string) => boolean): Sentence[] {
  const { text, start, end } = sentence
  if (text.length < 2 || fits(text)) return [sentence]
  const at = middle(text)
  return [
    { text: text.slice(0, at), start, end: start + at },
    { text: text.slice(at), start: start + at, end },
  ].flatMap((half) => halved(half, fits))
}

/** Where to cut a text of two letters or more: at the white space nearest to its middle, or else between two letters there. */
function middle(text: string): number {
  const half = text.length >> 1
  for (let away = 0; away < half; away++)
    for (const at of [half - away, half + away]) if (/\s/.test(text[at]!)) return Math.max(at, 1)
  const splitsPair = /[\uDC00-\uDFFF]/.test(text[half]!) && half > 1
  return splitsPair ? half - 1 : half
}

/** Sentences of a text, by the rules of Unicode (UAX 29) that Intl.Segmenter follows, less its breaks within names. */

/** `text.slice(start, end)` is the sentence, without white space around it. */
export interface Sentence {
  text: string
  start: number
  end: number
}

/** A full stop behind these seldom ends a sentence; Intl.Segmenter breaks at it when a capital follows. */
const ABBREVIATION =
  /(?:^|[\s("'“‘[])(?:Mr|Mrs|Ms|Dr|Prof|St|Mt|Gen|Col|Capt|Lt|Sgt|Rev|Hon|Gov|Sen|Rep|Pres|Jr|Sr|vs|No|Nos|Fig|cf|ca|approx|e\.g|i\.e|al|\p{Lu}|(?:\p{Lu}\.)+\p{Lu})\.\s*$/u

/**
 * Sentences in order; line breaks end one too. Text of white space alone has none.
 * @param locale BCP 47, e.g. 'en'
 */
export function splitSentences(text: string, locale = 'en'): Sentence[] {
  const sentences: Sentence[] = []
  let start = 0
  for (const { segment, index } of new Intl.Segmenter(locale, { granularity: 'sentence' }).segment(text)) {
    const end = index + segment.length
    // A sentence begins with no small letter: “Stop!” he said.
    const goesOn = ABBREVIATION.test(segment) || /^\p{Ll}/u.test(text.slice(end, end + 2))
    if (end < text.length && goesOn && !/[\n\r\u2028\u2029]/.test(segment)) continue
    pushLines(text, start, end, sentences)
    start = end
  }
  return sentences
}

function pushLines(text: string, start: number, end: number, sentences: Sentence[]): void {
  for (const line of text.slice(start, end).split(/(?<=[\n\r\u2028\u2029])/)) {
    const trimmed = line.trim()
    const from = start + line.indexOf(trimmed)
    if (trimmed !== '') sentences.push({ text: trimmed, start: from, end: from + trimmed.length })
    start += line.length
  }
}

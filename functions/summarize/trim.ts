/**
 * A headline out of a sentence by leaving words out, after Hedge Trimmer (Dorr et al. 2003,
 * https://aclanthology.org/W03-0501): no greeting, no determiners, auxiliaries and pronouns, and not many words.
 */

const MOST_WORDS = 12

/** "Hi Sally," "Dear all:" "Mark:" at the beginning. */
const GREETING =
  /^\s*((hi|hello|hey|dear|good (morning|afternoon))\b[^,:;.!\n-]{0,30}[,:;.!-]+|\p{Lu}[\p{L}\p{N}]+( \p{Lu}[\p{L}\p{N}]+)?\s*[,:;-]+|fyi\s*[,:;.-]*)\s*/iu

const LEFT_OUT = new Set(
  (
    'a an the this that there i you we he she it they my your our his her its their me us them ' +
    'is are was were be been am have has had will would can could do does did please attached'
  ).split(' '),
)

/** What no headline ends with. */
const DANGLING = new Set('in on at of to for with by from and or but as into over than'.split(' '))

/** The words that say what the sentence is about; the sentence where none is left. */
export function trimmed(sentence: string): string {
  const words = sentence
    .replace(GREETING, '')
    .split(/\s+/)
    .filter((word) => !LEFT_OUT.has(word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')))
  const kept = words.slice(0, MOST_WORDS)
  while (words.length > MOST_WORDS && DANGLING.has(kept.at(-1)?.toLowerCase() ?? '')) kept.pop()
  const headline = kept.join(' ').replace(/[\s.,:;!?-]+$/, '')
  return headline === '' ? sentence : headline[0]!.toUpperCase() + headline.slice(1)
}

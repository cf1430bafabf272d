/** Several texts in one stream. */
import type { TextPart } from '../../../function.ts'
import type { Writing } from '../../service.ts'

/**
 * Writings one after another, as one that returns all their answers; the texts of all are numbered through.
 * @param texts of each writing
 */
export function inTurn<Answer>(writings: readonly Writing<Answer>[], texts: number): Writing<Answer[]> {
  async function* parts(): AsyncGenerator<TextPart, Answer[], void> {
    const answers: Answer[] = []
    for (const [i, { parts }] of writings.entries()) {
      let next = await parts.next()
      for (; !next.done; next = await parts.next())
        yield { ...next.value, index: i * texts + next.value.index }
      answers.push(next.value)
    }
    return answers
  }
  return {
    parts: parts(),
    abort: () => {
      for (const { abort } of writings) abort()
    },
  }
}

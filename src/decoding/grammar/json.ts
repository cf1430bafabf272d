/** Texts that are JSON of a schema, whatever the model would rather write. */
import { EdgewiseError } from '../../errors.ts'
import type { ConstraintState } from '../constraint.ts'
import { createAutomaton, type Stack } from './automaton.ts'
import { include, type Mask, maskOf } from './mask.ts'
import { compileSchema } from './schema.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Masks kept: those of places that a text comes back to. */
const MOST_MASKS = 64

/**
 * The start of a text that parses as JSON and is valid by the schema, however many tokens it may have: near the limit only
 * what can be completed in time is allowed. Keep it to use it again.
 *
 * Of JSON Schema 2020-12: type, properties, required, additionalProperties, items, prefixItems, minItems, maxItems, enum,
 * const, anyOf, oneOf (of schemas that exclude one another), allOf of one, $ref within the schema, minLength, maxLength,
 * pattern (regular ones), format (common ones), minimum, maximum and their exclusive forms.
 * @throws EdgewiseError `schema_unsupported` for other keywords, and for schemas that no value satisfies
 */
export function jsonConstraint(schema: unknown, vocabulary: Vocabulary): ConstraintState {
  const automaton = createAutomaton(compileSchema(schema), vocabulary)
  const masks = new Map<Stack, Mask>()
  const scratch = new Uint32Array(Math.ceil(vocabulary.size / 32))

  function known(stack: Stack): Mask {
    const mask = masks.get(stack) ?? maskOf(automaton, vocabulary, stack)
    // The one used last is forgotten last.
    masks.delete(stack)
    masks.set(stack, mask)
    if (masks.size > MOST_MASKS) masks.delete(masks.keys().next().value!)
    return mask
  }

  function state(stacks: readonly Stack[]): ConstraintState {
    const distance = Math.min(...stacks.map(automaton.distance))
    return {
      complete: stacks.some(automaton.isComplete),
      final: stacks.every((stack) => automaton.threads(stack).length === 0),
      distance,
      mask(remaining) {
        const all = stacks.map(known)
        if (all.length === 1 && remaining > all[0]!.farthest) return all[0]!.bits
        scratch.fill(0)
        for (const { allowed } of all)
          for (const { distance, group } of allowed) if (distance < remaining) include(scratch, group)
        return scratch
      },
      nearest() {
        const stack = stacks.find((each) => automaton.distance(each) === distance)!
        return automaton.completion(stack)!.id
      },
      after(id) {
        const bytes = vocabulary.bytesOf(id) ?? new Uint8Array(0)
        return state(bytes.reduce((at: readonly Stack[], byte) => automaton.step(at, byte), stacks))
      },
    }
  }
  if (!automaton.start)
    throw new EdgewiseError(
      'schema_unsupported',
      'No value that could be written satisfies the schema.',
      'Check its required properties, its limits and its references.',
    )
  return state([automaton.start])
}

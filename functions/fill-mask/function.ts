/** Fill-mask: which words a masked language model (Devlin et al. 2018) puts in the place of [MASK]. */
import * as z from 'zod'
import { topIndices } from '../../src/decoding/probabilities.ts'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction } from '../../src/function.ts'
import type { Encoder } from '../../src/runtime/runtime.ts'
import { softmax } from '../../src/runtime/softmax.ts'
import { modelName, modelUsed, offset, probability, textList, texts } from '../../src/texts.ts'

const MAX_TARGETS = 100

const prediction = z.object({
  token: z.string().describe('The word, or the part of one that continues a word'),
  id: z.int().describe('Of the token in the vocabulary'),
  score: probability.describe('Probability among the whole vocabulary'),
  sequence: z.string().describe('The text with this word in the place of this mask'),
})

const mask = z.object({
  start: offset.describe('Where the mask is in the text'),
  end: offset,
  predictions: z.array(prediction).describe('The likeliest first'),
})

export const fillMask = defineFunction({
  name: 'fill-mask',
  summary: 'Guess the words behind [MASK] in a text',
  description:
    'Gives the likeliest words for each `[MASK]` of an English text, or how likely given words are there. Masks are ' +
    'filled each on its own. Of a text longer than the context, the model reads the part around each mask.',
  model: 'encoder',
  primary: 'text',
  input: z.strictObject({
    text: texts.describe('A text with at least one [MASK], or up to 64 of them'),
    topK: z.int().min(1).max(100).default(5).describe('How many words a mask'),
    targets: z
      .array(z.string().min(1).max(100))
      .min(1)
      .max(MAX_TARGETS)
      .optional()
      .describe('Words to choose among, each one token of the vocabulary'),
    model: modelName('encoder'),
  }),
  output: z.object({
    results: z
      .array(
        z.object({
          masks: z.array(mask).describe('In the order of the text'),
          tokens: z.int().describe('Tokens of the text, masks among them'),
          windowed: z.boolean().describe('Whether the model read only the part around each mask'),
        }),
      )
      .describe('One result a text, in the order of the texts'),
    model: modelUsed,
    tokens: z.int().describe('Tokens of all texts'),
  }),
  examples: [
    { title: 'One mask', input: { text: 'The movie was so [MASK] that I fell asleep.' } },
    {
      title: 'Chosen words',
      input: { text: 'She works as a [MASK] in a hospital.', targets: ['doctor', 'nurse', 'lawyer'] },
    },
  ],
  async run({ text, topK, targets, model }, { runtime, signal }) {
    const encoder = await runtime.encoder(model, signal, 'masked-lm')
    const maskToken = ['[MASK]', '<mask>'].find((token) => encoder.tokenizer.idOf(token) !== undefined)
    if (maskToken === undefined)
      throw new EdgewiseError(
        'config_invalid',
        `Model "${encoder.name}" has no mask token.`,
        'Choose a masked language model; GET /v1/models lists what there is.',
      )
    const maskId = encoder.tokenizer.idOf(maskToken)!
    const chosen = targets && targetIds(targets, encoder)

    const read = textList(text).map((text, i) => {
      const { ids, offsets } = encoder.tokenizer.encode(text, { offsets: true })
      const masks = ids.flatMap((id, at) => (id === maskId ? [at] : []))
      if (masks.length === 0)
        throw new EdgewiseError(
          'invalid_input',
          `Text ${i + 1} has no ${maskToken}.`,
          `Write ${maskToken} where a word is missing.`,
        )
      return { text, ids, offsets, masks, windows: windowsAround(masks, ids, encoder) }
    })
    const logits = await encoder.outputs(
      read.flatMap(({ windows }) => windows.map(({ sequence }) => sequence)),
      signal,
    )
    let next = 0
    const results = read.map(({ text, ids, offsets, masks, windows }) => {
      const rows = windows.flatMap(({ sequence: { positions } }) => {
        const own = logits[next++]!
        return positions.map((_, i) => own.subarray(i * encoder.width, (i + 1) * encoder.width))
      })
      return {
        masks: masks.map((at, i) => {
          const [start, end] = offsets[at]!
          const probabilities = softmax(rows[i]!)
          const likeliest = chosen
            ? chosen.toSorted((a, b) => probabilities[b]! - probabilities[a]!).slice(0, topK)
            : topIndices(rows[i]!, topK)
          const predictions = likeliest.map((id) => {
            const token = wordOf(id, encoder)
            const sequence = text.slice(0, start) + token + text.slice(end)
            return { token, id, score: probabilities[id]!, sequence }
          })
          return { start, end, predictions }
        }),
        tokens: ids.length,
        windowed: windows.length > 1 || windows[0]!.sequence.inputIds.length < ids.length,
      }
    })
    return {
      results,
      model: { name: encoder.name, revision: encoder.revision },
      tokens: results.reduce((sum, { tokens }) => sum + tokens, 0),
    }
  },
})

/** One window with all masks where the text fits, else one around each. */
function windowsAround(masks: number[], ids: number[], encoder: Encoder) {
  const room = encoder.contextLength - encoder.specialTokens
  const windowOf = (from: number, masks: number[]) => {
    const { inputIds } = encoder.wrap(ids.slice(from, from + room))
    // One special token stands in front of the text in every template of the families that have masks.
    return { sequence: { inputIds, positions: masks.map((at) => at - from + 1) } }
  }
  if (ids.length <= room) return [windowOf(0, masks)]
  return masks.map((at) => {
    const from = Math.max(0, Math.min(ids.length - room, at - Math.floor(room / 2)))
    return windowOf(from, [at])
  })
}

function targetIds(targets: string[], encoder: Encoder): number[] {
  const repeated = targets.find((target, i) => targets.indexOf(target) < i)
  if (repeated !== undefined)
    throw new EdgewiseError('invalid_input', `targets: "${repeated}" is there twice.`, 'Name each word once.')
  return targets.map((target) => {
    const ids = encoder.tokenize(target)
    if (ids.length === 1 && encoder.tokenizer.tokenOf(ids[0]!) !== '[UNK]') return ids[0]!
    throw new EdgewiseError(
      'invalid_input',
      `targets: "${target}" is ${ids.length === 1 ? 'not in the vocabulary' : `${ids.length} tokens`}.`,
      'Choose words that are one token each; POST /v1/tokenize tells.',
    )
  })
}

/** A token as it is written into a text. */
const wordOf = (id: number, encoder: Encoder): string =>
  (encoder.tokenizer.tokenOf(id) ?? '').replace(/^(##|▁|Ġ)/, '')

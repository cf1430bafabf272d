/** text-classification and zero-shot-classification. */
import * as z from 'zod'
import type { classify } from '../../../../functions/classify/function.ts'
import { EdgewiseError } from '../../../errors.ts'
import { classifyTexts } from '../../../runtime/classification.ts'
import { softmax } from '../../../runtime/softmax.ts'
import { text, textList, texts } from '../../../texts.ts'
import { defineTask, requestOf, unsupported } from './task.ts'

const scored = z.array(z.object({ label: z.string(), score: z.number() })).describe('The likeliest first')

const inOrder = (labels: readonly string[], scores: readonly number[]) =>
  labels.map((label, i) => ({ label, score: scores[i]! })).sort((a, b) => b.score - a.score)

const TRANSFORMS = {
  softmax: (logits: number[]) => softmax(logits),
  sigmoid: (logits: number[]) => logits.map((x) => 1 / (1 + Math.exp(-x))),
  none: (logits: number[]) => logits,
}

export const textClassification = defineTask({
  name: 'text-classification',
  summary: 'Classify texts by a model’s own labels',
  function: 'sentiment',
  models: ['text-classification'],
  request: requestOf(texts.describe('A text, or up to 64 of them'), {
    function_to_apply: z
      .enum(['softmax', 'sigmoid', 'none'])
      .default('softmax')
      .describe('What makes scores of logits'),
    top_k: z.int().min(1).optional().describe('Most labels; all unless given'),
  }),
  answer: z.array(scored).describe('A list of labels each text, of one text too'),
  example: {
    model: 'sentiment',
    body: { inputs: 'The plot is thin, but the acting is superb.', parameters: { top_k: 2 } },
  },
  async run({ inputs, parameters: { function_to_apply, top_k } }, model, service, c) {
    const { runtime, signal } = service.context(c)
    const encoder = await runtime.encoder(model.name, signal)
    const classified = await classifyTexts(encoder, textList(inputs), signal)
    return classified.map(({ logits }) =>
      inOrder(encoder.labels, TRANSFORMS[function_to_apply](logits)).slice(0, top_k),
    )
  },
})

const label = z.string().trim().min(1, 'must not be empty')

export const zeroShotClassification = defineTask({
  name: 'zero-shot-classification',
  summary: 'Sort a text into labels of your own',
  description:
    'There is no entailment model behind it: the embedding of the text is compared with those of the labels. ' +
    'POST /v1/classify learns from examples too.',
  function: 'classify',
  models: ['sentence-similarity', 'feature-extraction'],
  request: requestOf(text.describe('The text'), {
    candidate_labels: z
      .union([z.array(label), z.string().transform((list) => list.split(',').map((one) => one.trim()))])
      .pipe(z.array(label).min(2, 'must hold at least two labels'))
      .describe('The labels to choose from; as one text, separated by commas'),
    hypothesis_template: z
      .string()
      .refine((template) => template.includes('{}'), 'must say with {} where the label stands')
      .optional()
      .describe('The sentence that the text is compared with; "This is about {}." unless given'),
    multi_label: unsupported('labels are compared with one another, not judged each alone', false),
  }),
  answer: scored,
  example: {
    model: 'embed',
    body: {
      inputs: 'The striker scored twice in the last ten minutes of the game.',
      parameters: { candidate_labels: ['sports', 'politics', 'cooking'] },
    },
  },
  async run({ inputs, parameters: { candidate_labels, hypothesis_template } }, model, service, c) {
    const repeated = candidate_labels.find((one, i) => candidate_labels.indexOf(one) < i)
    if (repeated !== undefined)
      throw new EdgewiseError(
        'invalid_input',
        `candidate_labels: "${repeated}" is there twice.`,
        'Name each label once.',
      )
    const labels =
      hypothesis_template === undefined
        ? candidate_labels
        : candidate_labels.map((one) => ({
            label: one,
            hypothesis: hypothesis_template.replace('{}', () => one),
          }))
    const fn = service.find<typeof classify>('classify')!
    const { results } = await service.run(fn, { text: inputs, labels, model: model.name }, c)
    const { scores } = results[0]!
    return inOrder(
      candidate_labels,
      candidate_labels.map((one) => scores[one]!),
    )
  },
})

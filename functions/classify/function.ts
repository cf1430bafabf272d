/**
 * Classify: labels that the caller brings. With names alone (zero-shot) a text gets the label whose rendered hypothesis
 * its embedding is nearest to; with examples (few-shot), or by a trained classifier's name, a head on embeddings decides.
 */
import * as z from 'zod'
import { applyHead, fitHead, type Head } from '../../src/classifier/head.ts'
import { requireStore } from '../../src/classifier/store.ts'
import { embedExamples, labelsOf } from '../../src/classifier/train.ts'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction, type FunctionContext } from '../../src/function.ts'
import { embedTexts, normalized } from '../../src/runtime/embeddings.ts'
import type { Encoder } from '../../src/runtime/runtime.ts'
import { softmax } from '../../src/runtime/softmax.ts'
import { modelName, modelUsed, probability, text, textList, texts } from '../../src/texts.ts'
import { labelText, MAX_LABELS } from '../classifiers/function.ts'

/** Most examples that come with a request and are learned for it alone. */
export const MAX_FEW_SHOT = 1_000
/** Of cosines: near the one that makes the scores of zero-shot as sure as they are right (`npm run eval classify`). */
const TEMPERATURE = 0.07

const result = z.object({
  label: z.string().describe('The likeliest label'),
  score: probability.describe("The label's probability"),
  scores: z.record(z.string(), probability).describe('The probability of each label; they sum to 1'),
  tokens: z.int().describe('Tokens read, without special tokens'),
})

type Input = z.output<typeof classify.input>

export const classify = defineFunction({
  name: 'classify',
  summary: 'Sort texts into your own labels, with examples or without',
  description:
    'Give `labels` alone, or better `examples` of each (8 go far), or the name of a `classifier` that ' +
    '`POST /v1/classifiers` has trained. Without examples there is no entailment model behind it: the embedding of the ' +
    'text is compared with that of each label, so name labels in the words that texts would use, or describe them.',
  model: 'embed',
  bindings: ['CLASSIFIERS'],
  primary: 'text',
  input: z
    .strictObject({
      text: texts.describe('A text, or up to 64 of them'),
      labels: z
        .array(
          z.union([
            labelText,
            z.strictObject({
              label: labelText,
              description: text.describe('What texts of the label are about'),
            }),
            z.strictObject({
              label: labelText,
              hypothesis: text.describe('The sentence that texts of the label are near to, as it is'),
            }),
          ]),
        )
        .min(2, 'must hold at least two labels')
        .max(MAX_LABELS, `must hold at most ${MAX_LABELS} labels`)
        .optional()
        .describe('Labels to choose from, with or without a description or a hypothesis of their own'),
      examples: z
        .array(z.strictObject({ text, label: labelText }))
        .min(2, 'must hold at least two examples')
        .max(MAX_FEW_SHOT, `must hold at most ${MAX_FEW_SHOT} examples; train a classifier on more`)
        .optional()
        .describe('Labelled texts to learn from, for this request alone'),
      classifier: z.string().min(1).max(100).optional().describe('Name of a trained classifier'),
      hypothesis: z
        .string()
        .min(1)
        .max(100)
        .default('classify-topic')
        .describe('Prompt template that labels are put into, where there are no examples'),
      model: modelName('embed'),
    })
    .refine(
      ({ labels, examples, classifier }) =>
        [labels, examples, classifier].filter((given) => given !== undefined).length === 1,
      'give one of labels, examples and classifier',
    ),
  output: z.object({
    results: z.array(result).describe('One result a text, in the order of the texts'),
    method: z.enum(['zero-shot', 'few-shot', 'classifier']),
    model: modelUsed,
    tokens: z.int().describe('Tokens read in all, examples among them'),
  }),
  examples: [
    {
      title: 'Labels alone',
      input: {
        text: 'The striker scored twice in the last ten minutes of the game.',
        labels: ['sports', 'politics', 'cooking', 'computers'],
      },
    },
    {
      title: 'With examples',
      input: {
        text: ['Can I get my money back?', 'The app closes when I open it.'],
        examples: [
          { text: 'I want a refund.', label: 'refund' },
          { text: 'How do I return these shoes?', label: 'refund' },
          { text: 'Please cancel the order and pay me back.', label: 'refund' },
          { text: 'It crashes on my phone.', label: 'bug' },
          { text: 'The button does nothing.', label: 'bug' },
          { text: 'I get an error when I log in.', label: 'bug' },
        ],
      },
    },
  ],
  async run(input, context) {
    const { signal, runtime } = context
    const stored =
      input.classifier === undefined
        ? undefined
        : await requireStore(context.classifiers).get(input.classifier)
    const encoder = await runtime.encoder(stored?.info.model.name ?? input.model, signal, 'hidden-states')
    if (stored && stored.info.model.revision !== encoder.revision)
      throw new EdgewiseError(
        'classifier_outdated',
        `Classifier "${stored.info.name}" reads embeddings of "${encoder.name}" ${stored.info.model.revision}; the model is ${encoder.revision} now.`,
        'Train it again with "replace": true.',
      )
    const decision = await decide(input, stored?.head, encoder, context)
    const embedded = await embedTexts(encoder, textList(input.text), 'mean', signal)
    const results = embedded.map(({ vector, tokens }) => {
      const probabilities = decision.probabilities(normalized(vector))
      const best = probabilities.indexOf(Math.max(...probabilities))
      return {
        label: decision.labels[best]!,
        score: probabilities[best]!,
        scores: Object.fromEntries(decision.labels.map((label, c) => [label, probabilities[c]!])),
        tokens,
      }
    })
    return {
      results,
      method: decision.method,
      model: { name: encoder.name, revision: encoder.revision },
      tokens: decision.tokens + results.reduce((sum, { tokens }) => sum + tokens, 0),
    }
  },
})

interface Decision {
  method: 'zero-shot' | 'few-shot' | 'classifier'
  labels: string[]
  /** Tokens read to get there. */
  tokens: number
  /** Of each label, for a vector of length 1. */
  probabilities(vector: Float32Array): number[]
}

async function decide(
  { labels, examples, hypothesis }: Input,
  head: Head | undefined,
  encoder: Encoder,
  { runtime, signal }: FunctionContext,
): Promise<Decision> {
  if (head)
    return {
      method: 'classifier',
      labels: head.labels,
      tokens: 0,
      probabilities: (vector) => applyHead(head, vector),
    }
  if (examples) {
    const names = labelsOf(examples)
    const { tokens, ...embedded } = await embedExamples(encoder, examples, names, signal)
    const fitted = fitHead(names, embedded)
    return { method: 'few-shot', labels: names, tokens, probabilities: (vector) => applyHead(fitted, vector) }
  }
  const names = labels!.map((label) => (typeof label === 'string' ? label : label.label))
  const repeated = names.find((name, i) => names.indexOf(name) < i)
  if (repeated !== undefined)
    throw new EdgewiseError('invalid_input', `labels: "${repeated}" is there twice.`, 'Name each label once.')
  const template = await runtime.prompt(hypothesis, signal)
  const hypotheses = labels!.map((label) => {
    if (typeof label === 'string') return template.render({ label })
    return 'hypothesis' in label ? label.hypothesis : `${label.label}: ${label.description}`
  })
  const embedded = await embedTexts(encoder, hypotheses, 'mean', signal)
  const vectors = embedded.map(({ vector }) => normalized(vector))
  return {
    method: 'zero-shot',
    labels: names,
    tokens: embedded.reduce((sum, { tokens }) => sum + tokens, 0),
    probabilities: (vector) =>
      softmax(
        vectors.map((own) => own.reduce((sum, x, d) => sum + x * vector[d]!, 0)),
        TEMPERATURE,
      ),
  }
}

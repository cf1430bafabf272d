/** Classifiers: trains a head on embeddings inside the Worker, keeps it by name, and lists, shows and removes them. */
import * as z from 'zod'
import { fitHead } from '../../src/classifier/head.ts'
import { classifierInfo, classifierName, requireStore } from '../../src/classifier/store.ts'
import { embedExamples, labelsOf } from '../../src/classifier/train.ts'
import { crossValidate } from '../../src/classifier/validation.ts'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction, type FunctionRoute } from '../../src/function.ts'
import { modelName, text } from '../../src/texts.ts'

export const MAX_EXAMPLES = 5_000
export const MAX_LABELS = 100

export const labelText = z
  .string()
  .max(200, 'must be at most 200 characters')
  .refine((value) => value.trim() !== '', 'must not be empty')

const routes = {
  list: {
    method: 'get',
    path: '',
    summary: 'List the classifiers that were trained',
    output: z.object({ classifiers: z.array(classifierInfo) }),
    async run(_, { classifiers }) {
      const store = requireStore(classifiers)
      const all = await Promise.all((await store.names()).map((name) => store.get(name)))
      return { classifiers: all.map(({ info }) => info) }
    },
  },
  get: {
    method: 'get',
    path: '/:name',
    summary: 'Show a classifier',
    output: classifierInfo,
    example: { name: 'support' },
    run: async ({ name }, { classifiers }) => (await requireStore(classifiers).get(name)).info,
  },
  remove: {
    method: 'delete',
    path: '/:name',
    summary: 'Remove a classifier',
    output: z.object({ removed: z.string() }),
    example: { name: 'support' },
    async run({ name }, { classifiers }) {
      await requireStore(classifiers).remove(name)
      return { removed: name }
    },
  },
} satisfies Record<string, FunctionRoute>

export const classifiers = defineFunction({
  name: 'classifiers',
  summary: 'Train a classifier on your own examples',
  description:
    'Trains a classifier of English texts on 2 to 5,000 examples, tells by cross-validation how good it is, and keeps it: ' +
    '`POST /v1/classify` then takes its name. A request of 1 MiB holds 5,000 texts of 200 characters.',
  model: 'embed',
  bindings: ['CLASSIFIERS'],
  primary: 'examples',
  input: z.strictObject({
    name: classifierName.describe('What the classifier is called: a to z, 0 to 9 and -'),
    examples: z
      .array(z.strictObject({ text, label: labelText }))
      .min(2, 'must hold at least two examples')
      .max(MAX_EXAMPLES, `must hold at most ${MAX_EXAMPLES} examples`)
      .refine(
        (examples) => new Set(examples.map(({ label }) => label)).size <= MAX_LABELS,
        `must have at most ${MAX_LABELS} labels`,
      )
      .describe('Texts with their labels'),
    description: z.string().max(1_000).optional().describe('Kept with it'),
    replace: z.boolean().default(false).describe('Take the place of one that has the name'),
    model: modelName('embed'),
  }),
  output: z.object({ ...classifierInfo.shape, tokens: z.int().describe('Tokens read') }),
  examples: [
    {
      title: 'Support requests',
      input: {
        name: 'support',
        replace: true,
        examples: [
          { text: 'My parcel has not arrived yet.', label: 'delivery' },
          { text: 'The courier left the box at the wrong house.', label: 'delivery' },
          { text: 'When will you ship my order?', label: 'delivery' },
          { text: 'I was charged twice this month.', label: 'billing' },
          { text: 'Please send me an invoice with our tax number.', label: 'billing' },
          { text: 'The price on my bill is wrong.', label: 'billing' },
        ],
      },
    },
  ],
  async run({ name, examples, description, replace, model }, { runtime, signal, classifiers }) {
    const store = requireStore(classifiers)
    const labels = labelsOf(examples)
    if (!replace && (await store.has(name)))
      throw new EdgewiseError(
        'already_exists',
        `There is a classifier "${name}" already.`,
        'Choose another name, or send "replace": true.',
      )
    const encoder = await runtime.encoder(model, signal, 'hidden-states')
    const { tokens, ...embedded } = await embedExamples(encoder, examples, labels, signal)
    const head = fitHead(labels, embedded)
    const info = {
      name,
      ...(description !== undefined && { description }),
      labels,
      examples: examples.length,
      ...crossValidate(labels, embedded),
      model: { name: encoder.name, revision: encoder.revision },
    }
    await store.put({ info, head })
    return { ...info, tokens }
  },
  routes,
})

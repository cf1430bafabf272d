/** feature-extraction and sentence-similarity. */
import * as z from 'zod'
import type { embed } from '../../../../functions/embed/function.ts'
import { similarity } from '../../../similarity.ts'
import { MAX_BATCH, text, textList, texts } from '../../../texts.ts'
import { defineTask, oneOrMany, requestOf, truncate, unsupported } from './task.ts'

const models = ['sentence-similarity', 'feature-extraction']

/** These stand beside inputs in the specification of the task, and among the parameters in older clients. */
const fields = {
  normalize: z.boolean().optional().describe('Scales vectors to length 1; true unless given'),
  truncate: z
    .boolean()
    .optional()
    .describe('Reads only what fits the model at once, where a long text is read in windows otherwise'),
  truncation_direction: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['left', 'right']))
    .optional()
    .describe('Of truncate: which end is cut off; right unless given'),
  dimensions: z.int().min(1).optional().describe('Keeps the first so many'),
  encoding_format: z.literal('float', { error: 'must be float' }).optional(),
  prompt_name: unsupported('the model has no prompts'),
}

const { inputs, parameters, options } = requestOf(texts.describe('A text, or up to 64 of them'), fields).shape

export const featureExtraction = defineTask({
  name: 'feature-extraction',
  summary: 'Turn texts into vectors',
  function: 'embed',
  models,
  request: z.strictObject({ inputs, parameters, options, ...fields }),
  answer: z
    .union([z.array(z.number()), z.array(z.array(z.number()))])
    .describe('The vector of a text; a list of them for a list of texts'),
  example: { model: 'embed', body: { inputs: ['How do I reset my password?', 'I forgot my login.'] } },
  async run({ inputs, parameters, options: _, ...beside }, model, service, c) {
    const asked = { ...parameters, ...beside }
    const { runtime, signal } = service.context(c)
    let given = textList(inputs)
    if (asked.truncate) {
      const { tokenizer, contextLength, specialTokens } = await runtime.encoder(
        model.name,
        signal,
        'hidden-states',
      )
      const keep = asked.truncation_direction === 'left' ? 'last' : 'first'
      given = given.map((one) => truncate(one, contextLength - specialTokens, keep, tokenizer))
    }
    const fn = service.find<typeof embed>('embed')!
    const { normalize, dimensions } = asked
    const { results } = await service.run(fn, { text: given, normalize, dimensions, model: model.name }, c)
    return oneOrMany(
      inputs,
      results.map(({ embedding }) => embedding as number[]),
    )
  },
})

export const sentenceSimilarity = defineTask({
  name: 'sentence-similarity',
  summary: 'Compare a text with others',
  function: 'embed',
  models,
  request: requestOf(
    z.strictObject({
      source_sentence: text,
      sentences: z
        .array(text)
        .min(1, 'must hold at least one text')
        .max(MAX_BATCH - 1, `must hold at most ${MAX_BATCH - 1} texts`),
    }),
    {},
  ),
  answer: z.array(z.number()).describe('The cosine with each of the sentences'),
  example: {
    model: 'embed',
    body: {
      inputs: {
        source_sentence: 'How do I reset my password?',
        sentences: ['I forgot my login.', 'The train leaves at noon.'],
      },
    },
  },
  async run({ inputs: { source_sentence, sentences } }, model, service, c) {
    const fn = service.find<typeof embed>('embed')!
    const { results } = await service.run(fn, { text: [source_sentence, ...sentences], model: model.name }, c)
    const [source, ...others] = results.map(({ embedding }) => embedding)
    return others.map((other) => similarity(source!, other))
  },
})

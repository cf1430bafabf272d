/**
 * Embed: texts as vectors whose angle tells how alike they are (Sentence-BERT, Reimers and Gurevych 2019,
 * https://arxiv.org/abs/1908.10084). The first numbers of a vector are a vector by themselves (Matryoshka, Kusupati et al.
 * 2022, https://arxiv.org/abs/2205.13147).
 */
import * as z from 'zod'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction } from '../../src/function.ts'
import { embedTexts, normalized } from '../../src/runtime/embeddings.ts'
import { modelName, modelUsed, textList, texts } from '../../src/texts.ts'

const result = z.object({
  embedding: z
    .union([z.array(z.number()), z.string()])
    .describe('Numbers; of binary the bits, 8 a byte, the first the highest, as base64'),
  scale: z.number().optional().describe('Of int8: times the numbers gives the vector'),
  dimensions: z.int(),
  tokens: z.int().describe('Tokens read, without special tokens'),
  windows: z.int().describe('Parts the text was read in: more than 1 when it is longer than the context'),
})

export const embed = defineFunction({
  name: 'embed',
  summary: 'Turn texts into vectors to search and compare by',
  description:
    'One vector an English text. Vectors of length 1 have their dot product as cosine; fewer dimensions, int8 (a ' +
    'quarter) and binary (a 32nd) take less room. `similarity` of the client compares them, and Cloudflare Vectorize ' +
    'stores them.',
  model: 'embed',
  primary: 'text',
  input: z.strictObject({
    text: texts.describe('A text, or up to 64 of them'),
    pooling: z
      .enum(['mean', 'cls', 'last'])
      .default('mean')
      .describe('How tokens become one vector; the shipped model was trained for the mean'),
    normalize: z.boolean().default(true).describe('Scale vectors to length 1'),
    dimensions: z
      .int()
      .min(1)
      .optional()
      .describe('Keep the first so many; the shipped model was trained for 64, 128 and 256'),
    encoding: z.enum(['float', 'int8', 'binary']).default('float').describe('How vectors are written'),
    model: modelName('embed'),
  }),
  output: z.object({
    results: z.array(result).describe('One result a text, in the order of the texts'),
    model: modelUsed,
    tokens: z.int().describe('Tokens read in all'),
  }),
  examples: [
    { title: 'Two texts', input: { text: ['How do I reset my password?', 'I forgot my login.'] } },
    { title: 'Small', input: { text: 'A night train to Vienna', dimensions: 64, encoding: 'int8' } },
  ],
  async run({ text, pooling, normalize, dimensions, encoding, model }, { runtime, signal }) {
    const encoder = await runtime.encoder(model, signal, 'hidden-states')
    const size = dimensions ?? encoder.width
    if (size > encoder.width)
      throw new EdgewiseError(
        'invalid_input',
        `dimensions: ${size} is more than the ${encoder.width} of model "${encoder.name}".`,
        `Ask for at most ${encoder.width}.`,
      )
    if (encoding === 'binary' && size % 8 !== 0)
      throw new EdgewiseError(
        'invalid_input',
        `dimensions: ${size} bits are no whole bytes.`,
        'Ask for a multiple of 8.',
      )
    const embedded = await embedTexts(encoder, textList(text), pooling, signal)
    const results = embedded.map(({ vector, tokens, windows }) => {
      const first = vector.slice(0, size)
      return { ...write(normalize ? normalized(first) : first, encoding), dimensions: size, tokens, windows }
    })
    return {
      results,
      model: { name: encoder.name, revision: encoder.revision },
      tokens: results.reduce((sum, { tokens }) => sum + tokens, 0),
    }
  },
})

function write(vector: Float32Array, encoding: 'float' | 'int8' | 'binary') {
  if (encoding === 'float') return { embedding: Array.from(vector) }
  if (encoding === 'int8') {
    const scale = vector.reduce((max, x) => Math.max(max, Math.abs(x)), 0) / 127 || 1
    return { embedding: Array.from(vector, (x) => Math.round(x / scale)), scale }
  }
  const bytes = Array.from({ length: vector.length / 8 }, (_, byte) =>
    vector.subarray(byte * 8, byte * 8 + 8).reduce((bits, x) => (bits << 1) | (x > 0 ? 1 : 0), 0),
  )
  return { embedding: btoa(String.fromCharCode(...bytes)) }
}

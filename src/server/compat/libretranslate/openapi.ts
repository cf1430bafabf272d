/** What the OpenAPI document says of LibreTranslate's routes. */
import { type DescribeRouteOptions, resolver } from 'hono-openapi'
import * as z from 'zod'

export const TAG = 'LibreTranslate'

const errorSchema = z.object({ error: z.string() }).meta({ ref: 'LibreTranslateError' })

const errorContent = { 'application/json': { schema: resolver(errorSchema) } }

const ERRORS = Object.fromEntries(
  Object.entries({
    400: 'The input is wrong, or a language is not supported',
    401: 'The service wants an API key, and got none that it knows',
    413: 'The body is too large',
    415: 'The body has a type that is not understood',
    429: 'Too many requests',
    500: 'A bug',
    503: 'The model could not be loaded',
  }).map(([status, description]) => [status, { description, content: errorContent }]),
)

const language = z.string().describe('en, de or fr')
const q = z.union([z.string(), z.array(z.string())])
const apiKey = z.string().optional().describe('Of a service that wants one')

const translateRequest = z.object({
  q: q.describe('A text, or up to 64 of them; of a form, one'),
  source: language.describe('The language of the texts; auto detects it for each'),
  target: language.describe('The language to write'),
  format: z.enum(['text', 'html']).optional().describe('Of html the markup stays; text unless given'),
  alternatives: z.int().max(4).optional().describe('Other translations of each text; of html there are none'),
  api_key: apiKey,
})
const detectRequest = z.object({ q, api_key: apiKey })

const detection = z.object({
  confidence: z.number().describe('Per cent'),
  language: z.string(),
})
const oneOrMany = <Type extends z.ZodType>(type: Type) => z.union([type, z.array(type)])
const translation = z.object({
  translatedText: oneOrMany(z.string()),
  detectedLanguage: oneOrMany(detection).optional().describe('Where the source was auto'),
  alternatives: oneOrMany(z.array(z.string())).optional().describe('Where they were asked for'),
})

const bodyOf = (request: z.ZodObject, example: object) => {
  const schema = resolver(request, { io: 'input' })
  return {
    required: true,
    content: {
      'application/json': { schema, examples: { Example: { value: example } } },
      'application/x-www-form-urlencoded': { schema },
      'multipart/form-data': { schema },
    },
  }
}

const answerOf = (schema: z.ZodType) => ({
  200: { description: 'The answer', content: { 'application/json': { schema: resolver(schema) } } },
})

export const describeTranslate: DescribeRouteOptions = {
  operationId: 'libreTranslate.translate',
  summary: 'Translate texts or HTML',
  tags: [TAG],
  requestBody: bodyOf(translateRequest, {
    q: '<p class="green">I have no time.</p>',
    source: 'en',
    target: 'de',
    format: 'html',
  }),
  responses: { ...answerOf(translation), ...ERRORS },
}

export const describeDetect: DescribeRouteOptions = {
  operationId: 'libreTranslate.detect',
  summary: 'Tell the language of a text',
  tags: [TAG],
  requestBody: bodyOf(detectRequest, { q: 'Bonjour, comment allez-vous ?' }),
  responses: { ...answerOf(z.array(detection).describe('The likeliest first')), ...ERRORS },
}

export const describeLanguages: DescribeRouteOptions = {
  operationId: 'libreTranslate.languages',
  summary: 'List the languages',
  tags: [TAG],
  responses: {
    ...answerOf(z.array(z.object({ code: z.string(), name: z.string(), targets: z.array(z.string()) }))),
    503: ERRORS[503]!,
  },
}

export const describeHealth: DescribeRouteOptions = {
  operationId: 'libreTranslate.health',
  summary: 'Tell whether the service runs',
  tags: [TAG],
  responses: answerOf(z.object({ status: z.literal('ok') })),
}

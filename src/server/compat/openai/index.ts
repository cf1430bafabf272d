/**
 * OpenAI's API: chat completions, completions, embeddings, responses and models, for its clients and those made after it.
 * What each takes and what it does not is in docs/openai.md.
 */
import { Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type DescribeRouteOptions, describeRoute, resolver } from 'hono-openapi'
import * as z from 'zod'
import type { chat } from '../../../../functions/chat/function.ts'
import type { embed } from '../../../../functions/embed/function.ts'
import type { generate } from '../../../../functions/generate/function.ts'
import type { Dialect } from '../../service.ts'
import { chatCompletion, chatRequest, completeChat } from './chat-completions.ts'
import { complete, completion, completionRequest } from './completions.ts'
import { createEmbeddings, embeddingList, embeddingRequest } from './embeddings.ts'
import { errorBody } from './errors.ts'
import { respond, response, responseRequest } from './responses.ts'

const tag = {
  name: 'OpenAI',
  description: 'For clients of OpenAI’s API: the base URL is this service’s and /v1',
}

const PATHS = ['/v1/chat/completions', '/v1/completions', '/v1/embeddings', '/v1/responses']

const error = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string(),
    }),
  })
  .meta({ ref: 'OpenAiError' })

const describe = (
  operationId: string,
  summary: string,
  input: z.ZodObject,
  output: z.ZodObject,
  example: object,
): DescribeRouteOptions => ({
  operationId,
  summary,
  tags: [tag.name],
  requestBody: {
    required: true,
    content: {
      'application/json': {
        schema: resolver(input, { io: 'input' }),
        examples: { [summary]: { value: example } },
      },
    },
  },
  responses: {
    200: {
      description: 'The answer; with `stream` in server-sent events',
      content: { 'application/json': { schema: resolver(output) } },
    },
    ...Object.fromEntries(
      Object.entries({
        400: 'The request is wrong',
        404: 'There is no such model',
        503: 'It could not be loaded',
      }).map(([status, description]) => [
        status,
        { description, content: { 'application/json': { schema: resolver(error) } } },
      ]),
    ),
  },
})

export const openAi: Dialect = {
  tag,
  routes(service) {
    const app = new Hono()
    const talks = service.find<typeof chat>('chat')
    if (talks) {
      app.post(
        '/v1/chat/completions',
        describeRoute(
          describe('chatCompletions', 'Reply in a conversation', chatRequest, chatCompletion, {
            model: 'chat',
            messages: [{ role: 'user', content: 'I am looking for a restaurant in San Jose.' }],
          }),
        ),
        (c) => completeChat(c, service, talks),
      )
      app.post(
        '/v1/responses',
        describeRoute(
          describe('responses', 'Respond to a text', responseRequest, response, {
            model: 'chat',
            input: 'I need a hotel in Paris.',
          }),
        ),
        (c) => respond(c, service, talks),
      )
    }
    const writes = service.find<typeof generate>('generate')
    if (writes)
      app.post(
        '/v1/completions',
        describeRoute(
          describe('completions', 'Go on from a prompt', completionRequest, completion, {
            model: 'chat',
            prompt: 'The movie was',
            max_tokens: 24,
          }),
        ),
        (c) => complete(c, service, writes),
      )
    const embeds = service.find<typeof embed>('embed')
    if (embeds)
      app.post(
        '/v1/embeddings',
        describeRoute(
          describe('embeddings', 'Turn texts into vectors', embeddingRequest, embeddingList, {
            model: 'embed',
            input: ['How do I reset my password?', 'I forgot my login.'],
          }),
        ),
        (c) => createEmbeddings(c, service, embeds),
      )
    return app
  },
  error: (error, c) =>
    PATHS.includes(c.req.path) ? c.json(errorBody(error), error.status as ContentfulStatusCode) : undefined,
}

import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, it } from 'vitest'
import { functions } from '../../functions/index.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createApp } from './app.ts'

it('/openapi.json is valid OpenAPI 3.1 and describes each function with its errors and examples', async () => {
  const app = createApp({
    functions,
    runtime: (): Runtime => {
      throw new Error('the document needs no model')
    },
  })
  const document = (await (await app.request('/openapi.json')).json()) as {
    paths: Record<
      string,
      {
        post: {
          summary: string
          responses: object
          requestBody: { content: Record<string, { examples: object }> }
        }
      }
    >
  }
  expect(await new Validator().validate(document)).toEqual({ valid: true })
  for (const { name, summary, examples } of functions) {
    const { post } = document.paths[`/v1/${name}`]!
    expect(post.summary).toBe(summary)
    expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(['200', '400', '413', '503']))
    expect(Object.keys(post.requestBody.content['application/json']!.examples)).toHaveLength(examples.length)
  }
})

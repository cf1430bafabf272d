/** /openapi.json against the gateway as it is served: valid, complete, and each example answered as its schema says. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { functions } from '../functions/index.ts'
import type { Runtime } from '../src/runtime/runtime.ts'
import { createApp } from '../src/server/app.ts'
import { huggingFace } from '../src/server/compat/huggingface/index.ts'
import { libreTranslate } from '../src/server/compat/libretranslate/index.ts'
import { openAi } from '../src/server/compat/openai/index.ts'
import { startGateway } from './gateway.ts'

interface Content {
  schema: object
  examples?: Record<string, { value: unknown }>
}
interface Operation {
  operationId: string
  summary: string
  tags: string[]
  parameters?: { name: string; in: string; example?: string }[]
  requestBody?: { content: Record<string, Content> }
  responses: Record<string, { description: string; content?: Record<string, Content> }>
}
interface Document {
  paths: Record<string, Record<string, Operation>>
  components: object
}

let gateway: Awaited<ReturnType<typeof startGateway>>
let document: Document
const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }))
beforeAll(async () => {
  gateway = await startGateway()
  document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as Document
}, 90_000)
afterAll(() => gateway?.stop())

/** Function's own routes first, as their examples make what others read; those that delete last. */
function operations(): { method: string; path: string; operation: Operation }[] {
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
  const order = ['post', 'get', 'delete']
  return all.sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method))
}

/** Checks a body by the schema of a response. */
function expectValid(body: unknown, { schema }: Content, what: string): void {
  const validate = ajv.compile({ ...schema, components: document.components })
  expect(validate(body), `${what}: ${ajv.errorsText(validate.errors)}`).toBe(true)
}

describe('/openapi.json', () => {
  it('is valid OpenAPI 3.1', async () => {
    expect(await new Validator().validate(structuredClone(document) as never)).toEqual({ valid: true })
  })

  it('names each operation once, says what it does, and has the tags of the document', () => {
    const ids = operations().map(({ operation }) => operation.operationId)
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([])
    const { tags } = document as unknown as { tags: { name: string }[] }
    for (const { operation, path } of operations()) {
      expect(operation.summary, path).toMatch(/./)
      expect(tags.map(({ name }) => name)).toEqual(expect.arrayContaining(operation.tags))
    }
  })

  it('covers what answers', () => {
    const app = createApp({
      functions,
      dialects: [openAi, huggingFace, libreTranslate],
      runtime: (): Runtime => {
        throw new Error('no request is made')
      },
    })
    // Middleware is for all methods; the document does not describe itself.
    const routes = app.routes.filter(({ method, path }) => method !== 'ALL' && path !== '/openapi.json')
    expect(routes.length).toBeGreaterThan(functions.length)
    for (const { method, path } of routes)
      expect(document.paths[path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')], path).toHaveProperty(
        method.toLowerCase(),
      )
  })

  it('has examples that are answered as their schemas say', async () => {
    let examples = 0
    for (const { method, path, operation } of operations()) {
      const url = path.replace(/\{(\w+)\}/g, (_, name) => {
        const parameter = operation.parameters?.find((one) => one.name === name)
        expect(parameter?.example, `${path}: an example of ${name}`).toBeTypeOf('string')
        return encodeURI(parameter!.example!)
      })
      const bodies = Object.entries(operation.requestBody?.content ?? {}).flatMap(
        ([type, { examples = {} }]) =>
          Object.entries(examples).map(([title, { value }]) => ({ type, title, value })),
      )
      if (operation.requestBody) expect(bodies.length, `${method} ${path}: examples`).toBeGreaterThan(0)
      for (const { type, title, value } of bodies.length > 0
        ? bodies
        : [{ type: '', title: '', value: undefined }]) {
        const what = `${method} ${path} ${title}`
        const response = await fetch(gateway.url + url, {
          method: method.toUpperCase(),
          ...(type && {
            headers: { 'content-type': type },
            body: type.endsWith('json') ? JSON.stringify(value) : String(value),
          }),
        })
        const told = operation.responses[String(response.status)]
        expect(response.status, what).toBe(200)
        const content = told?.content?.[response.headers.get('content-type')!.split(';')[0]!]
        expect(content, `${what}: its type`).toBeDefined()
        expectValid(await response.json(), content!, what)
        examples++
      }
    }
    expect(examples).toBeGreaterThan(functions.length * 2)
  })

  it('describes errors as they are', async () => {
    for (const { path, operation } of operations()) {
      const content = operation.responses[400]?.content?.['application/json']
      if (!operation.requestBody || !content) continue
      const url = path.replace(
        /\{(\w+)\}/g,
        (_, name) => operation.parameters!.find((one) => one.name === name)!.example!,
      )
      const response = await fetch(gateway.url + url, {
        method: 'POST',
        body: '{"nosuch": ',
        headers: { 'content-type': 'application/json' },
      })
      expect(response.status, path).toBe(400)
      expectValid(await response.json(), content, `400 of ${path}`)
    }
  })
})

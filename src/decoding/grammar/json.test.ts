/** Whatever the logits, the text parses and is valid, by Ajv. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadDecoder } from '../../../test/parity/checkpoint.ts'
import type { ConstraintState } from '../constraint.ts'
import type { Decoder } from '../decoder.ts'
import { generate } from '../generate.ts'
import type { EndEvent, GenerationRequest } from '../request.ts'
import { simulateDecoder } from '../simulated.ts'
import { jsonConstraint } from './json.ts'
import { createVocabulary, type Vocabulary } from './vocabulary.ts'

// ------------------------------------------------------------------------------------------ vocabularies

/** All bytes, and pieces of JSON that cross the bounds of its parts; the last token is special. */
const pieces =
  '{" "} ": ": " ," ," [{ }] }, "}} []{} {} true tru alse null 12 .5 -1 e1 0. 00 abc ab  a é 日本 \\" \\u \\u00 \\n ["a"," "a" "a":'
const byteVocabulary = createVocabulary([
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...pieces.split(' ').map((piece) => piece || ' '),
  new TextEncoder().encode('日').subarray(0, 2),
  undefined,
])
/** No bytes but ASCII: nothing can be spelt but by whole tokens. */
const characterVocabulary = createVocabulary([
  ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)),
  ...pieces.split(' ').map((piece) => piece || ' '),
  undefined,
])

// ----------------------------------------------------------------------------------------------- schemas

type Schema = Record<string, unknown> | boolean

const keys = fc.constantFrom('a', 'ab', 'name', 'é"\\', 'list', '')
const limits = (least: string, most: string, largest: number) =>
  fc
    .tuple(fc.nat(largest), fc.nat(largest), fc.constantFrom('none', 'least', 'most', 'both'))
    .map(([a, b, which]) => ({
      ...((which === 'least' || which === 'both') && { [least]: Math.min(a, b) }),
      ...((which === 'most' || which === 'both') && { [most]: Math.max(a, b) }),
    }))

const strings: fc.Arbitrary<Schema> = fc.oneof(
  limits('minLength', 'maxLength', 6).map((l) => ({ type: 'string', ...l })),
  fc
    .constantFrom('^[a-c]{2,4}$', '\\d', '^(x|yé)+$', 'a.b$', '^$', '^["\\\\]+$', '^[^a]*$', '^\\w+@\\w+$')
    .map((pattern) => ({ type: 'string', pattern })),
  fc
    .constantFrom('date', 'time', 'date-time', 'uuid', 'email', 'ipv4', 'hostname', 'uri')
    .map((format) => ({ type: 'string', format })),
  fc.constantFrom({ type: 'string', pattern: '^(ab)*$', minLength: 3, maxLength: 6 }),
)
const bounds = (values: fc.Arbitrary<number>) =>
  fc
    .tuple(
      values,
      values,
      fc.constantFrom('minimum', 'exclusiveMinimum'),
      fc.constantFrom('maximum', 'exclusiveMaximum'),
    )
    .map(([a, b, least, most]) => ({ [least]: Math.min(a, b), [most]: Math.max(a, b) + 2 }))
const numbers: fc.Arbitrary<Schema> = fc.oneof(
  fc.constantFrom({ type: 'integer' }, { type: 'number' }, { type: 'integer', minimum: 0 }),
  bounds(fc.integer({ min: -1200, max: 1200 })).map((b) => ({ type: 'integer', ...b })),
  bounds(fc.integer({ min: -3000, max: 3000 }).map((x) => x / 100)).map((b) => ({ type: 'number', ...b })),
  fc.constantFrom(
    { type: 'number', minimum: 0.2, maximum: 0.7 },
    { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 0.001 },
    { type: 'number', exclusiveMinimum: -1, maximum: 0 },
    { type: 'number', maximum: -0.5 },
  ),
)
const values = fc.uniqueArray(
  fc.oneof(
    fc.constantFrom(null, true, 'a', 'abc', 'ab"', 12, -0.5, { a: [1, 'é'] }, []),
    fc.string({ maxLength: 3 }),
  ),
  { minLength: 1, maxLength: 4, selector: (value) => JSON.stringify(value) },
)

const { schema } = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthSize: 'medium' },
    fc.constantFrom<Schema>({ type: 'boolean' }, { type: 'null' }, { type: ['string', 'null'] }),
    strings,
    numbers,
    values.map((list) => ({ enum: list })),
    values.map(([value]) => ({ const: value, title: 'constant' })),
    fc.constantFrom<Schema>({}, true, { type: 'object' }, { type: 'array' }),
    fc
      .tuple(tie('schema'), limits('minItems', 'maxItems', 3))
      .map(([items, l]) => ({ type: 'array', items, ...l })),
    fc
      .tuple(fc.array(tie('schema'), { minLength: 1, maxLength: 2 }), fc.boolean(), fc.nat(2))
      .map(([prefixItems, more, minItems]) => ({
        type: 'array',
        prefixItems,
        items: more && { type: 'null' },
        minItems: Math.min(minItems, prefixItems.length),
      })),
    fc
      .tuple(
        fc.uniqueArray(fc.tuple(keys, tie('schema'), fc.boolean()), {
          maxLength: 4,
          selector: ([key]) => key,
        }),
        fc.oneof(fc.constantFrom(undefined, false, true), tie('schema')),
      )
      .map(([properties, additionalProperties]) => ({
        type: 'object',
        properties: Object.fromEntries(properties.map(([key, value]) => [key, value])),
        required: properties.filter(([, , required]) => required).map(([key]) => key),
        ...(additionalProperties !== undefined && { additionalProperties }),
      })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc.tuple(tie('schema'), tie('schema')).map(([a, b]) => ({
      oneOf: [
        { type: 'object', properties: { kind: { const: 'a' }, a }, required: ['kind'] },
        { type: 'object', properties: { kind: { const: 'b' }, b }, required: ['kind', 'b'] },
        { type: 'array', items: a },
      ],
    })),
    tie('schema').map((value) => ({
      $ref: '#/$defs/tree',
      $defs: {
        tree: {
          type: 'object',
          properties: { value, children: { type: 'array', items: { $ref: '#/$defs/tree' } } },
          required: ['children'],
          additionalProperties: false,
        },
      },
    })),
  ),
}))

/** $ref is to the root, so definitions are moved there. */
function rooted(schema: Schema): Schema {
  const definitions: Record<string, unknown> = {}
  const move = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(move)
    if (typeof part !== 'object' || part === null) return part
    const { $defs, ...rest } = part as Record<string, unknown>
    if (!$defs) return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, move(value)]))
    const name = `tree${Object.keys(definitions).length}`
    definitions[name] = null
    const text = JSON.stringify(move(($defs as { tree: unknown }).tree))
    definitions[name] = JSON.parse(text.replaceAll('#/$defs/tree"', `#/$defs/${name}"`))
    return { $ref: `#/$defs/${name}` }
  }
  const root = move(schema)
  if (typeof root !== 'object' || Object.keys(definitions).length === 0) return root as Schema
  return { allOf: [root], $defs: definitions }
}

const ajv = new Ajv2020({ strict: false, allowUnionTypes: true })
addFormats.default(ajv)

// ------------------------------------------------------------------------------------------------- tests

interface Written {
  text: string
  ids: number[]
  end: EndEvent
}

async function write(decoder: Decoder, vocabulary: Vocabulary, request: GenerationRequest): Promise<Written> {
  const ids: number[] = []
  let end: EndEvent | undefined
  for await (const event of generate(decoder, request)) {
    if (event.type === 'token') ids.push(event.id)
    else end = event
  }
  const bytes = ids.flatMap((id) => [...vocabulary.bytesOf(id)!])
  return { text: new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes)), ids, end: end! }
}

function start(schema: Schema, vocabulary: Vocabulary): ConstraintState {
  try {
    return jsonConstraint(schema, vocabulary)
  } catch (error) {
    // Random limits may leave no value; a schema that others can write is not refused for it.
    expect(error).toMatchObject({ code: 'schema_unsupported', message: expect.stringContaining('No value') })
    return fc.pre(false) as never
  }
}

describe.each([
  ['of bytes', byteVocabulary],
  ['of characters', characterVocabulary],
])('with a vocabulary %s', (_, vocabulary) => {
  const decoder = (seed: number, spread = 6) =>
    simulateDecoder({ seed, spread, vocabularySize: vocabulary.size, endTokenIds: [vocabulary.size - 1] })

  it('whatever the schema and the logits, the text parses and is valid', async () => {
    let closed = 0
    await fc.assert(
      fc.asyncProperty(
        schema.map(rooted),
        fc.nat(1000),
        fc.constantFrom(0, 0, 1, 5, 30, 100),
        fc.constantFrom<GenerationRequest>(
          { temperature: 1, seed: 1 },
          {},
          { temperature: 2, seed: 2, topP: 0.9 },
          { repetitionPenalty: 1.5 },
          { noRepeatNgramSize: 2, suppressTokens: [0x22, 0x7d] },
          { promptLookupNumTokens: 3 },
          { numBeams: 2 },
          { minNewTokens: 50 },
        ),
        async (s, seed, room, options) => {
          const constraint = start(s, vocabulary)
          if (constraint.distance === Infinity || constraint.distance > 300) fc.pre(false)
          const maxNewTokens = constraint.distance + room
          const request = { prompt: [1], maxNewTokens, constraint, ...options }
          const { text, ids, end } = await write(decoder(seed), vocabulary, request)
          expect(ids.length).toBeLessThanOrEqual(maxNewTokens)
          const value = JSON.parse(text)
          const validate = ajv.compile(s)
          if (!validate(value)) throw new Error(`${text}: ${ajv.errorsText(validate.errors)}`)
          if (end.finishReason === 'stop') closed++
        },
      ),
      { numRuns: 100 },
    )
    expect(closed).toBeGreaterThan(30)
  })

  it('a mask allows what the grammar and the budget allow, and no more', () => {
    fc.assert(
      fc.property(
        schema.map(rooted),
        fc.array(fc.nat(1e6), { maxLength: 12 }),
        fc.nat(6),
        (s, choices, room) => {
          let state = start(s, vocabulary)
          if (state.distance > 300) fc.pre(false)
          for (const choice of choices) {
            const remaining = state.distance + room
            const mask = state.mask(remaining).slice()
            const allowed = Array.from({ length: vocabulary.size }, (_, id) => id).filter(
              (id) => (mask[id >> 5]! >>> (id & 31)) & 1,
            )
            for (let id = 0; id < vocabulary.size; id++) {
              if (!vocabulary.bytesOf(id)) continue
              const { distance } = state.after(id)
              expect([id, allowed.includes(id)]).toEqual([id, distance < remaining])
            }
            if (state.distance > 0) {
              expect(allowed).toContain(state.nearest())
              expect(state.after(state.nearest()).distance).toBeLessThan(state.distance)
            }
            if (allowed.length === 0) break
            state = state.after(allowed[choice % allowed.length]!)
          }
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('budgets', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] }
  const request = { prompt: [1], constraint: jsonConstraint(schema, characterVocabulary) }
  const decoder = (onForward?: () => void) =>
    simulateDecoder({ seed: 3, vocabularySize: characterVocabulary.size, ...(onForward && { onForward }) })

  it('refuses one too small, at once', async () => {
    const least = request.constraint.distance // {" a ":" "}
    expect(least).toBe(4)
    expect(() => generate(decoder(), { ...request, maxNewTokens: least - 1 })).toThrow(
      expect.objectContaining({ code: 'budget_too_small' }),
    )
    const { text } = await write(decoder(), characterVocabulary, { ...request, maxNewTokens: least })
    expect(JSON.parse(text)).toEqual({ a: expect.any(String) })
  })

  it('completes the text when the time is over', async () => {
    const slow = () => {
      for (const end = performance.now() + 5; performance.now() < end; );
    }
    for (const numBeams of [1, 2]) {
      const timed = { ...request, maxNewTokens: 400, timeBudget: 30, numBeams, endTokenIds: [0] }
      const { text, end } = await write(decoder(slow), characterVocabulary, timed)
      expect(end.finishReason).toBe('time')
      expect(JSON.parse(text)).toEqual({ a: expect.any(String) })
    }
  })

  it('ends without an end token when nothing can follow', async () => {
    const constraint = jsonConstraint({ enum: ['aaaa', 'aab'] }, characterVocabulary)
    const { text, end } = await write(decoder(), characterVocabulary, { prompt: [1], constraint })
    expect(['"aaaa"', '"aab"']).toContain(text.trim())
    expect(end.finishReason).toBe('stop')
  })

  it('says when the vocabulary cannot spell it', () => {
    const letters = createVocabulary(['a', 'b', '"'])
    expect(() =>
      generate(decoder(), { prompt: [1], constraint: jsonConstraint({ type: 'object' }, letters) }),
    ).toThrow(expect.objectContaining({ code: 'budget_too_small' }))
  })
})

it('closes a text however deep it is', () => {
  let state = jsonConstraint({}, byteVocabulary)
  let text = ''
  const budget = 3000
  while (!state.final) {
    const mask = state.mask(budget - text.length)
    const open = 0x5b // [
    const id = (mask[open >> 5]! >>> (open & 31)) & 1 ? open : state.nearest()
    text += new TextDecoder().decode(byteVocabulary.bytesOf(id))
    state = state.after(id)
  }
  expect(text.length).toBe(budget)
  expect(text).toBe('['.repeat(budget / 2) + ']'.repeat(budget / 2))
})

it('a real model writes it too', async () => {
  const decoder = await loadDecoder('gpt2-lm')
  const vocabulary = createVocabulary(
    Array.from({ length: decoder.vocabularySize }, (_, id) =>
      id < 2 ? undefined : id < 258 ? Uint8Array.of(id - 2) : pieces.split(' ')[id - 258],
    ),
  )
  const s = {
    type: 'object',
    properties: {
      sentiment: { enum: ['positive', 'negative', 'neutral'] },
      score: { type: 'number', minimum: 0, maximum: 1 },
      reasons: { type: 'array', items: { type: 'string', maxLength: 9 }, minItems: 1, maxItems: 2 },
    },
    required: ['sentiment', 'score', 'reasons'],
    additionalProperties: false,
  }
  const constraint = jsonConstraint(s, vocabulary)
  for (let seed = 0; seed < 10; seed++)
    for (const numBeams of [1, 3]) {
      const sampling = numBeams === 1 && { temperature: 1, seed }
      const request = { prompt: [5 + seed, 9], constraint, maxNewTokens: 60, numBeams, ...sampling }
      const { text } = await write(decoder, vocabulary, request)
      expect(ajv.validate(s, JSON.parse(text)), text).toBe(true)
    }
})

describe('schemas', () => {
  it.each([
    [{ not: {} }, 'not'],
    [{ type: 'object', patternProperties: {} }, 'patternProperties'],
    [{ type: 'array', uniqueItems: true }, 'uniqueItems'],
    [{ type: 'number', multipleOf: 0.1 }, 'multipleOf'],
    [{ type: 'string', pattern: '^(?=a)' }, 'pattern'],
    [{ type: 'string', pattern: '(' }, 'pattern'],
    [{ type: 'string', pattern: '^(a|b|ab){900}[ab]{900}$' }, 'pattern'],
    [{ type: 'string', format: 'regex' }, 'format'],
    [{ anyOf: [{ type: 'null' }], type: 'string' }, 'type'],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'oneOf'],
    [{ oneOf: [{ enum: [1, 2] }, { enum: [2, 3] }] }, 'oneOf'],
    [{ allOf: [{}, {}] }, 'allOf'],
    [{ $ref: 'https://example.org/schema' }, '$ref'],
    [{ $ref: '#/$defs/missing' }, '$ref'],
    [{ $ref: '#' }, '$ref'],
    [{ anyOf: [{ type: 'null' }, { $ref: '#' }] }, '$ref'],
    [{ type: 'text' }, 'type'],
    [{ typo: 1 }, 'typo'],
  ])('refuses %j by the name of its keyword', (s, keyword) => {
    expect(() => jsonConstraint(s, byteVocabulary)).toThrow(
      expect.objectContaining({
        code: 'schema_unsupported',
        message: expect.stringContaining(`"${keyword}"`),
      }),
    )
  })

  it.each([
    [{ type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }],
    [{ type: 'integer', minimum: 1.2, maximum: 1.8 }],
    [{ type: 'string', minLength: 1e9 }],
    [{ type: 'array', items: true, minItems: 1e9 }],
    [false],
  ])('refuses %j, which no value satisfies', (s) => {
    expect(() => jsonConstraint(s, byteVocabulary)).toThrow(
      expect.objectContaining({ code: 'schema_unsupported', message: expect.stringContaining('No value') }),
    )
  })
})

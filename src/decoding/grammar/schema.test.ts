/** What a schema lets be written, by hand. */
import { describe, expect, it } from 'vitest'
import { jsonConstraint } from './json.ts'
import { createVocabulary } from './vocabulary.ts'

const vocabulary = createVocabulary(Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)))

/** Whether a text can be written to its end. */
function allows(schema: unknown, text: string): boolean {
  let state = jsonConstraint(schema, vocabulary)
  for (const byte of new TextEncoder().encode(text)) {
    const mask = state.mask(1000)
    if (((mask[byte >> 5]! >>> (byte & 31)) & 1) === 0) return false
    state = state.after(byte)
  }
  return state.complete
}

const object = (properties: Record<string, unknown>, rest: object = {}) => ({
  type: 'object',
  properties,
  ...rest,
})

describe.each<[string, unknown, string[], string[]]>([
  ['any value', true, ['null', '[1, {"a":[]}]', ' {"a": "b"}', '"é"'], ['', 'nul', '[1,]', '{"a"}', '  1']],
  [
    'properties in order, some of them optional',
    object({ a: { type: 'null' }, b: { type: 'null' }, c: { type: 'null' } }, { required: ['b'] }),
    ['{"b":null}', '{"a":null,"b":null}', '{"a":null, "b": null, "c":null}', '{"b":null,"c":null}'],
    ['{}', '{"a":null}', '{"b":null,"a":null}', '{"b":null,"d":null}', '{"b":null,}', '{,"b":null}'],
  ],
  [
    'no further properties unless asked for',
    object({ a: { type: 'null' } }),
    ['{}', '{"a":null}'],
    ['{"b":1}', '{"a":null,"b":1}'],
  ],
  [
    'further properties of a schema',
    object({ a: { type: 'null' } }, { additionalProperties: { type: 'integer' } }),
    ['{}', '{"b":1}', '{"a":null,"aa":1,"":2}'],
    ['{"a":1}', '{"b":null}', '{"b":1,"a":null}', '{"__proto__":1}', '{"\\u0061":1}'],
  ],
  [
    'a property that is required and not described',
    object({}, { required: ['x'] }),
    ['{"x":[1]}', '{"x":"a"}'],
    ['{}', '{"x":1,"y":2}'],
  ],
  [
    'a map, as zod writes it',
    { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'boolean' } },
    ['{}', '{"a b":true,"c":false}'],
    ['{"a":1}'],
  ],
  [
    'an array of limited length',
    { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 3 },
    ['[1]', '[1,2,3]', '[1, 2]'],
    ['[]', '[1,2,3,4]', '[1 ,2]', '["a"]'],
  ],
  [
    'a tuple',
    { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false, minItems: 2 },
    ['["a",1]'],
    ['["a"]', '["a",1,2]', '[1,"a"]'],
  ],
  [
    'a string of limited length, in characters',
    { type: 'string', minLength: 2, maxLength: 3 },
    ['"ab"', '"é日"', '"\\n\\u00e9a"', '"😀😀"'],
    ['"a"', '"abcd"', '"é"', '"\\n"', '"😀😀😀😀"'],
  ],
  [
    'several ways to go on at once',
    {
      anyOf: [
        { type: 'integer' },
        { type: 'array', items: { enum: ['ab', 'ac'] } },
        { const: 'abc' },
        { enum: [1.5] },
      ],
    },
    ['12', '["ab","ac"]', '"abc"', '1.5'],
    ['1.6', '"ab"', '["abc"]'],
  ],
  [
    'a list of values and a type',
    { enum: ['a', 1, null, 1.5], type: ['number', 'null'] },
    ['1', 'null', '1.5'],
    ['"a"'],
  ],
  ['the type that keywords are about', { minLength: 1 }, ['"a"'], ['""', '1']],
  [
    'recursion',
    {
      $ref: '#/$defs/list',
      $defs: { list: { anyOf: [{ type: 'null' }, { type: 'array', items: { $ref: '#/$defs/list' } }] } },
    },
    ['null', '[]', '[[null,[]],null]'],
    ['[1]', '[[]'],
  ],
  [
    'oneOf with a property that tells them apart',
    {
      oneOf: [
        object({ kind: { const: 'a' }, n: { type: 'integer' } }, { required: ['kind', 'n'] }),
        object({ kind: { enum: ['b', 'c'] } }, { required: ['kind'] }),
        { type: 'integer' },
        { enum: [0.5, 'x'] },
      ],
    },
    ['{"kind":"a","n":1}', '{"kind":"c"}', '7', '0.5'],
    ['{"kind":"a"}', '{"kind":"b","n":1}'],
  ],
  [
    'what is too long to be written is not begun',
    object({ a: { type: 'string', minLength: 1e9 }, b: { type: 'array', minItems: 1e9 } }),
    ['{}'],
    ['{"a":"a"}', '{"b":[]}'],
  ],
  ['a reference with escapes', { $ref: '#/$defs/a~1b%20c', $defs: { 'a/b c': { const: 1 } } }, ['1'], ['2']],
])('%s', (_, schema, right, wrong) => {
  it.each(right)('allows %s', (text) => {
    expect(allows(schema, text)).toBe(true)
  })
  it.each(wrong)('refuses %s', (text) => {
    expect(allows(schema, text)).toBe(false)
  })
})

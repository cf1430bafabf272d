import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createVocabulary } from './vocabulary.ts'

it('is a tree of the tokens’ bytes', () => {
  const text = fc.option(fc.string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 4 }), {
    nil: undefined,
  })
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), (texts) => {
      const vocabulary = createVocabulary(texts)
      const { firstId, ids, skip, depth, byte, nodes } = vocabulary
      texts.forEach((each, id) => {
        if (!each) return
        const bytes = new TextEncoder().encode(each)
        expect(vocabulary.bytesOf(id)).toEqual(bytes)
        let node = 0
        bytes.forEach((value, i) => {
          node = vocabulary.child(node, value)
          expect(byte[node]).toBe(value)
          expect(depth[node]).toBe(i + 1)
        })
        expect(Array.from(ids.subarray(firstId[node], firstId[node + 1]))).toContain(id)
      })
      const prefixes = texts.flatMap((each) => {
        const bytes = Array.from(new TextEncoder().encode(each ?? ''))
        return bytes.map((_, i) => bytes.slice(0, i + 1).join())
      })
      expect(nodes).toBe(1 + new Set(prefixes).size)
      expect(skip[0]).toBe(nodes)
      expect(firstId[nodes]).toBe(texts.filter((each) => each).length)
      expect(vocabulary.child(0, 0x7a)).toBe(-1)
    }),
  )
})

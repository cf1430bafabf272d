import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTokenizer } from '../../src/text/tokenizer.ts'
import { analyse, readerInput, windowsOf } from './features.ts'

const json = async (path: string) => JSON.parse(await readFile(path, 'utf8'))
const tokenizer = createTokenizer(await json('models/answer/tokenizer.json'))
const [cls, sep] = [tokenizer.idOf('[CLS]')!, tokenizer.idOf('[SEP]')!]

interface Case {
  question: string
  passage: string
  ids: number[]
  types: number[]
}
const cases: Case[] = await json('functions/answer/features.reference.json')

it.each(cases.map((fixture) => [fixture.question, fixture] as const))(
  'types as the training makes them: %s',
  (_, { question, passage, ids, types }) => {
    const input = readerInput(analyse(question, tokenizer), analyse(passage, tokenizer), cls, sep)
    expect(input.inputIds).toEqual(ids)
    expect(input.tokenTypeIds).toEqual(types)
  },
)

describe('windows', () => {
  const words = (lengths: number[]) =>
    lengths.map((length) => ({ ids: Array(length).fill(7) })) as ReturnType<typeof analyse>

  it('hold what fits, begin half a window apart, and hold every word', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 200 }),
        fc.integer({ min: 10, max: 60 }),
        (lengths, room) => {
          const windows = windowsOf(words(lengths), room)
          const held = new Set<number>()
          for (const [from, to] of windows) {
            const size = lengths.slice(from, to).reduce((a, b) => a + b, 0)
            expect(size).toBeLessThanOrEqual(room)
            for (let i = from; i < to; i++) held.add(i)
          }
          expect(held.size).toBe(lengths.length)
          for (let w = 1; w < windows.length; w++) {
            const skipped = lengths.slice(windows[w - 1]![0], windows[w]![0]).reduce((a, b) => a + b, 0)
            expect(skipped).toBeLessThanOrEqual(room / 2 + 9)
            expect(skipped).toBeGreaterThan(0)
          }
        },
      ),
    )
  })

  it('go on behind a word of more tokens than fit', () => {
    expect(windowsOf(words([3, 40, 3]), 10).at(-1)![1]).toBe(3)
  })
})

/** The Worker of vectorize.md: the page shows it as it is, and it finds the nearest texts. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { similarity } from '../src/similarity.ts'
import worker from './vectorize.example.ts'

const read = (name: string) => readFile(new URL(name, import.meta.url), 'utf8')

/** An index in memory, by cosine. */
function memoryIndex(dimensions: number) {
  const kept = new Map<string, number[]>()
  const check = (values: number[]) => {
    if (values.length !== dimensions) throw new Error(`The index has ${dimensions} dimensions.`)
  }
  return {
    kept,
    async upsert(vectors: { id: string; values: number[] }[]) {
      for (const { id, values } of vectors) {
        check(values)
        kept.set(id, values)
      }
    },
    async query(vector: number[], { topK }: { topK: number }) {
      check(vector)
      const matches = [...kept].map(([id, values]) => ({ id, score: similarity(vector, values) }))
      return { matches: matches.sort((a, b) => b.score - a.score).slice(0, topK), count: matches.length }
    },
  }
}

/** Answers as embed does: a vector counts the letters of its text, so that texts alike are near. */
function fakeService() {
  const asked: { text: string[]; dimensions: number }[] = []
  const answer: typeof fetch = async (url, init) => {
    expect(new URL(String(url)).pathname).toBe('/v1/embed')
    const input = JSON.parse(String(init?.body)) as { text: string[]; dimensions: number }
    asked.push(input)
    const results = input.text.map((text) => {
      const counts = new Array<number>(input.dimensions).fill(0)
      for (const letter of text.toLowerCase()) counts[letter.charCodeAt(0) % input.dimensions]! += 1
      const length = Math.hypot(...counts)
      const embedding = counts.map((count) => count / length)
      return { embedding, dimensions: input.dimensions, tokens: 1, windows: 1 }
    })
    return Response.json({ results, model: { name: 'embed', revision: '0' }, tokens: results.length })
  }
  return { fetch: answer, asked }
}

function start() {
  const [NLP, INDEX] = [fakeService(), memoryIndex(256)]
  const ask = (path: string, init?: RequestInit) =>
    worker.fetch(new Request(`http://search${path}`, init), { NLP, INDEX })
  const keep = (documents: { id: string; text: string }[]) =>
    ask('/documents', { method: 'POST', body: JSON.stringify(documents) })
  return { NLP, INDEX, ask, keep }
}

it('is in the page as it is', async () => {
  const [page, code] = await Promise.all([read('vectorize.md'), read('vectorize.example.ts')])
  expect(page.match(/^```ts\n([\s\S]*?)^```$/m)?.[1]).toBe(code)
})

describe('the Worker', () => {
  it('finds texts, the nearest first', async () => {
    const { ask, keep } = start()
    const kept = await keep([
      { id: 'far', text: 'zzz' },
      { id: 'near', text: 'night trains' },
      { id: 'same', text: 'a night train' },
    ])
    expect(await kept.json()).toEqual({ kept: 3 })
    const matches = (await (await ask('/search?q=a+night+train')).json()) as { id: string; score: number }[]
    expect(matches.map(({ id }) => id)).toEqual(['same', 'near', 'far'])
    expect(matches[0]!.score).toBeCloseTo(1)
  })

  it('sends no more texts at a time than embed takes, and replaces what has the same id', async () => {
    const { NLP, INDEX, keep } = start()
    const documents = Array.from({ length: 130 }, (_, i) => ({ id: `${i}`, text: `text ${i}` }))
    await keep(documents)
    await keep(documents.slice(0, 1))
    expect(NLP.asked.map(({ text }) => text.length)).toEqual([64, 64, 2, 1])
    expect(INDEX.kept.size).toBe(130)
  })

  it('answers nothing else', async () => {
    const { ask } = start()
    expect((await ask('/search')).status).toBe(404)
    expect((await ask('/other')).status).toBe(404)
  })
})

/** Texts through a translation model: into sentences, past what is kept, and together again. */
import { EdgewiseError } from '../../src/errors.ts'
import { languageTags } from '../../src/language/tags.ts'
import type { Generator } from '../../src/runtime/runtime.ts'
import { halved } from '../../src/text/halves.ts'
import { splitSentences } from '../../src/text/sentences.ts'
import { findKept, isComplete, joinPieces, type Kept, type Piece, peel } from './kept.ts'

/** The language that others are translated by way of. */
const HUB = 'en'
/** Most tokens of a part that is translated at once: training saw none longer. */
const MAX_TOKENS = 100

export interface Translated {
  text: string
  /** Geometric mean of the probabilities of what was written. */
  score: number
}

export interface TranslatedText {
  best: Translated
  others: Translated[]
  sentences: number
  inParts: number
}

export interface Translator {
  /** ISO 639-1. */
  languages: string[]
  /** Read and written so far. */
  tokens: { read: number; written: number }
  /** The languages on the way, both ends among them. */
  path(source: string, target: string): { languages: string[] }
  /**
   * Translates a text, yielding its sentences as they are done, each with what stands before it; the last language's.
   * @throws EdgewiseError `request_aborted`
   */
  translate(text: string, languages: string[]): AsyncGenerator<string, TranslatedText, void>
}

/** One of several translations of a sentence; the logarithm is of all its tokens. */
interface Hypothesis {
  text: string
  logprob: number
  tokens: number
}

export interface TranslatorOptions {
  numBeams: number
  alternatives: number
  signal: AbortSignal
}

/** @throws EdgewiseError `config_invalid` where the model's vocabulary has no tokens of languages */
export function createTranslator(
  generator: Generator,
  { numBeams, alternatives, signal }: TranslatorOptions,
): Translator {
  const { tokenizer } = generator
  const tags = languageTags(tokenizer)
  const slots: number[] = []
  for (const id of tokenizer.specialIds) {
    const token = tokenizer.tokenOf(id)!
    if (/^<\d+>$/.test(token)) slots[Number(token.slice(1, -1))] = id
  }
  if (tags.size < 2 || !generator.readsSource)
    throw new EdgewiseError(
      'config_invalid',
      `Model "${generator.name}" does not translate: its vocabulary has no languages such as >>de<<.`,
      'Choose a translation model; GET /v1/models lists what there is.',
    )
  const tokens = { read: 0, written: 0 }
  const sizeOf = (text: string) => tokenizer.encode(text).ids.length
  const wanted = 1 + alternatives

  /** What a source's ids become, the best first. */
  async function write(ids: number[], target: string, used: readonly number[]) {
    const beams = Math.max(numBeams, wanted)
    const source = Array.from(tokenizer.wrap([tags.get(target)!, ...ids]).inputIds)
    const unused = [...tags.values(), ...slots.filter((id) => !used.includes(id))]
    const written: number[] = []
    let logprob = 0
    let hypotheses: { ids: number[]; logprob: number }[] = []
    const events = generator.generate(source, {
      maxNewTokens: 2 * ids.length + 16,
      numBeams: beams,
      // The best often loses what is to be kept where another has all of it.
      numReturnSequences: beams > 1 ? (used.length > 0 ? beams : wanted) : 1,
      logprobs: beams === 1,
      suppressTokens: unused,
      signal,
    })
    for await (const event of events) {
      if (event.type === 'token') {
        if (beams === 1) {
          written.push(event.id)
          logprob += event.logprob!
        }
        continue
      }
      tokens.read += event.usage.promptTokens
      tokens.written += event.usage.completionTokens
      hypotheses = event.hypotheses?.map(({ ids, score }) => ({
        ids,
        logprob: score * (ids.length + 1),
      })) ?? [{ ids: written, logprob }]
    }
    return hypotheses
  }

  /** Translations of a text that the model reads at once; undefined where all lose what is kept. */
  async function whole(text: string, kept: Kept[], target: string): Promise<Hypothesis[] | undefined> {
    const ids: number[] = []
    let at = 0
    kept.forEach(({ start, end }, i) => {
      ids.push(...tokenizer.encode(text.slice(at, start)).ids, slots[i]!)
      at = end
    })
    ids.push(...tokenizer.encode(text.slice(at)).ids)
    const hypotheses = (await write(ids, target, slots.slice(0, kept.length))).flatMap(({ ids, logprob }) => {
      const pieces = piecesOf(ids)
      if (!isComplete(pieces, text, kept)) return []
      return { text: joinPieces(pieces, text, kept), logprob, tokens: ids.length + 1 }
    })
    return hypotheses.length > 0 ? hypotheses.slice(0, wanted) : undefined
  }

  function piecesOf(ids: number[]): Piece[] {
    const pieces: Piece[] = []
    let from = 0
    ids.forEach((id, i) => {
      const slot = slots.indexOf(id)
      if (slot < 0) return
      pieces.push(tokenizer.decode(ids.slice(from, i)), slot)
      from = i + 1
    })
    pieces.push(tokenizer.decode(ids.slice(from)))
    return pieces
  }

  /** Translations of the inside of a sentence, and whether its parts were translated each alone. */
  async function inside(text: string, target: string): Promise<{ found: Hypothesis[]; inParts: boolean }> {
    const kept = findKept(text)
    if (kept.length <= slots.length && sizeOf(text) <= MAX_TOKENS) {
      const found = await whole(text, kept, target)
      if (found) return { found, inParts: false }
    }
    // Each stretch between what is kept by itself, so that nothing can be lost.
    const stretches: { text: string; kept: boolean }[] = []
    let at = 0
    for (const { start, end } of kept) {
      stretches.push(
        { text: text.slice(at, start), kept: false },
        { text: text.slice(start, end), kept: true },
      )
      at = end
    }
    stretches.push({ text: text.slice(at), kept: false })
    let joined: Hypothesis[] = [{ text: '', logprob: 0, tokens: 0 }]
    for (const stretch of stretches) {
      if (stretch.kept || !isLanguage(stretch.text)) {
        joined = joined.map((one) => ({ ...one, text: one.text + stretch.text }))
        continue
      }
      const sentence = { text: stretch.text, start: 0, end: stretch.text.length }
      for (const part of halved(sentence, (text) => sizeOf(text) <= MAX_TOKENS)) {
        const [lead, body, tail] = spaced(part.text)
        const found = body === '' ? undefined : await whole(body, [], target)
        const texts = (found ?? [{ text: body, logprob: 0, tokens: 0 }]).map((one) => ({
          ...one,
          text: lead + one.text + tail,
        }))
        joined = combine(joined, texts)
      }
    }
    return { found: joined, inParts: true }
  }

  async function sentence(text: string, target: string) {
    const { before, inner, after } = peel(text)
    if (!isLanguage(inner))
      return { found: [{ text, logprob: 0, tokens: 0 }], inParts: false, translated: false }
    const { found, inParts } = await inside(inner, target)
    return {
      found: found.map((one) => ({ ...one, text: before + one.text + after })),
      inParts,
      translated: true,
    }
  }

  /** A text of one language into another that the model translates into. */
  async function* directly(text: string, source: string, target: string) {
    let joined: Hypothesis[] = [{ text: '', logprob: 0, tokens: 0 }]
    let [at, sentences, inParts] = [0, 0, 0]
    for (const { text: own, start, end } of splitSentences(text, source)) {
      const found = await sentence(own, target)
      sentences += Number(found.translated)
      inParts += Number(found.inParts)
      const gap = text.slice(at, start)
      joined = combine(
        joined,
        found.found.map((one) => ({ ...one, text: gap + one.text })),
      )
      yield gap + found.found[0]!.text
      at = end
    }
    joined = joined.map((one) => ({ ...one, text: one.text + text.slice(at) }))
    if (at < text.length) yield text.slice(at)
    return { joined, sentences, inParts }
  }

  return {
    languages: [...tags.keys()].sort(),
    tokens,
    path: (source, target) => ({
      languages:
        source === target || source === HUB || target === HUB ? [source, target] : [source, HUB, target],
    }),
    async *translate(text, languages) {
      if (languages[0] === languages.at(-1)) {
        yield text
        return { best: { text, score: 1 }, others: [], sentences: 0, inParts: 0 }
      }
      let [counts, first, others] = [{ sentences: 0, inParts: 0 }, { text, score: 1 }, [] as Translated[]]
      for (let step = 1; step < languages.length; step++) {
        const writing = directly(first.text, languages[step - 1]!, languages[step]!)
        let next = await writing.next()
        for (; !next.done; next = await writing.next()) if (step === languages.length - 1) yield next.value
        const { joined, ...more } = next.value
        counts = { sentences: more.sentences, inParts: counts.inParts + more.inParts }
        const [best, ...rest] = joined.map(({ text, logprob, tokens }) => ({
          text,
          score: tokens === 0 ? 1 : Math.exp(logprob / tokens),
        }))
        // What the way before it lost is lost for all of them.
        first = { text: best!.text, score: best!.score * first.score }
        others = rest.filter(
          ({ text }, i) => text !== first.text && rest.findIndex((one) => one.text === text) === i,
        )
      }
      return { best: first, others: others.slice(0, alternatives), ...counts }
    },
  }
}

const isLanguage = (text: string): boolean => /[\p{L}\p{N}]/u.test(text)

/** The white space around a text, apart. */
function spaced(text: string): [lead: string, body: string, tail: string] {
  const [, lead, body, tail] = text.match(/^(\s*)([\s\S]*?)(\s*)$/)!
  return [lead!, body!, tail!]
}

/** The next best of each part together; a part that has none left stays with its best. */
function combine(joined: Hypothesis[], parts: Hypothesis[]): Hypothesis[] {
  return Array.from({ length: Math.max(joined.length, parts.length) }, (_, i) => {
    const [before, part] = [joined[i] ?? joined[0]!, parts[i] ?? parts[0]!]
    return {
      text: before.text + part.text,
      logprob: before.logprob + part.logprob,
      tokens: before.tokens + part.tokens,
    }
  })
}

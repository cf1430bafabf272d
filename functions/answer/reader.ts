/**
 * Extractive reading (Devlin et al. 2018, https://arxiv.org/abs/1810.04805, section 4.2): the model points at the first
 * and the last token of an answer, or at [CLS] where the window does not say.
 */
import { EdgewiseError } from '../../src/errors.ts'
import { bm25 } from '../../src/retrieval/bm25.ts'
import type { Encoder } from '../../src/runtime/runtime.ts'
import { splitSentences } from '../../src/text/sentences.ts'
import type { Span } from '../../src/text/spans.ts'
import {
  analyse,
  pairInput,
  type ReaderInput,
  readerInput,
  TOKEN_TYPES,
  type Word,
  windowsOf,
} from './features.ts'

/** Most tokens of a question, so that a window has room for a passage. */
export const MAX_QUESTION_TOKENS = 48
/** Most tokens of an answer. */
const MAX_ANSWER_TOKENS = 30
/** Candidates kept of a window. */
const KEPT = 20

export interface Candidate {
  /** Of the text that was read. */
  text: number
  start: number
  end: number
  /** ln of the probability of the span, among all spans of its window and "not here". */
  logProbability: number
  /** ln of the odds against "not here". */
  logOdds: number
}

export interface Reading {
  /** The best first; none overlaps a better one. */
  candidates: Candidate[]
  /** Tokens read in all windows. */
  tokens: number
}

/**
 * Reads texts for the answer to a question, all windows of all of them.
 * @param priors of each text, added to the logarithm that spans are ranked by; 0 unless told otherwise
 * @throws EdgewiseError `context_exceeded`, `request_aborted`
 */
export async function read(
  encoder: Encoder,
  question: string,
  texts: readonly string[],
  signal: AbortSignal,
  priors: readonly number[] = [],
): Promise<Reading> {
  const { tokenizer, contextLength, tokenTypes } = encoder
  const [cls, sep] = [tokenizer.idOf('[CLS]'), tokenizer.idOf('[SEP]')]
  const inputOf = (question: Word[], window: Word[]): ReaderInput =>
    tokenTypes === TOKEN_TYPES && cls !== undefined && sep !== undefined
      ? readerInput(question, window, cls, sep)
      : pairInput(question, window, encoder)
  const asked = analyse(question, tokenizer)
  const questionTokens = asked.reduce((sum, { ids }) => sum + ids.length, 0)
  if (questionTokens > Math.min(MAX_QUESTION_TOKENS, contextLength - 16))
    throw new EdgewiseError(
      'context_exceeded',
      `The question has ${questionTokens} tokens, of which ${MAX_QUESTION_TOKENS} fit beside a passage.`,
      'Ask a shorter question; put background into the context.',
    )
  const room = contextLength - tokenizer.specialTokens.pair - questionTokens
  const windows = texts.flatMap((text, at) => {
    const words = analyse(text, tokenizer)
    return windowsOf(words, room).map(([from, to]) => {
      const window = words.slice(from, to).map((word) => cut(word, room))
      return { at, words: window, input: inputOf(asked, window) }
    })
  })
  const outputs = await encoder.outputs(
    windows.map(({ input }) => input),
    signal,
  )
  const found: Candidate[] = []
  /** Of each text: where its words start, and the probability that the answer does. */
  const starts = texts.map(() => new Map<number, number>())
  windows.forEach(({ at, words, input }, w) => {
    const { begin, end } = pointers(outputs[w]!, input.positions)
    words.forEach(({ span: [from] }, i) => {
      starts[at]!.set(from, Math.max(starts[at]!.get(from) ?? 0, Math.exp(begin[i + 1]!)))
    })
    found.push(...spansOf(at, words, input.positions, begin, end))
  })
  const weigh = weights(question, texts, starts, priors)
  return {
    candidates: withoutOverlaps(found.map((candidate) => ({ candidate, weight: weigh(candidate) }))),
    tokens: windows.reduce((sum, { input }) => sum + input.inputIds.length, 0),
  }
}

/** What a sentence's BM25 by the question adds to the logarithm that spans are ranked by; chosen on a third of qa.dev. */
const SENTENCE_WEIGHT = 0.3

/**
 * How much speaks for a span, as a logarithm: the geometric mean of its probability and of that with which the answer begins
 * in its sentence, how well the sentence matches the question's words, and what is known of its text beforehand.
 */
function weights(
  question: string,
  texts: readonly string[],
  starts: Map<number, number>[],
  priors: readonly number[],
): (candidate: Candidate) => number {
  const sentences = texts.flatMap((text, at) => splitSentences(text).map((sentence) => ({ at, ...sentence })))
  const matches = bm25(sentences.map(({ text }) => text)).rank(question)
  const shares = sentences.map(({ at, start, end }) => {
    let share = 0
    for (const [from, probability] of starts[at]!) if (start <= from && from < end) share += probability
    return share
  })
  return ({ text, start, logProbability }) => {
    const i = sentences.findLastIndex((sentence) => sentence.at === text && sentence.start <= start)
    const prior = priors[text] ?? 0
    if (i < 0) return logProbability + prior
    return (logProbability + Math.log(shares[i]! + 1e-9)) / 2 + SENTENCE_WEIGHT * matches[i]! + prior
  }
}

const cut = (word: Word, room: number): Word =>
  word.ids.length > room ? { ...word, ids: word.ids.slice(0, room) } : word

/**
 * ln of the probabilities of [CLS] (index 0) and of each word's first token to begin an answer, and of its last to end one.
 * @param logits [tokens, 2]
 */
function pointers(logits: Float32Array, positions: number[]): { begin: number[]; end: number[] } {
  const [first, last] = [positions[0]!, positions.at(-1)!]
  const normalized = (column: 0 | 1) => {
    let max = logits[column]!
    for (let i = first; i < last; i++) max = Math.max(max, logits[2 * i + column]!)
    let sum = Math.exp(logits[column]! - max)
    for (let i = first; i < last; i++) sum += Math.exp(logits[2 * i + column]! - max)
    const total = max + Math.log(sum)
    return (at: number) => logits[2 * at + column]! - total
  }
  const [begin, end] = [normalized(0), normalized(1)]
  const words = positions.slice(0, -1)
  return {
    begin: [begin(0), ...words.map(begin)],
    end: [end(0), ...words.map((_, i) => end(positions[i + 1]! - 1))],
  }
}

/** The likeliest spans of whole words in a window. */
function spansOf(
  text: number,
  words: Word[],
  positions: number[],
  begin: number[],
  end: number[],
): Candidate[] {
  const nowhere = begin[0]! + end[0]!
  const spans: [score: number, from: number, to: number][] = []
  for (let from = 0; from < words.length; from++)
    for (let to = from; to < words.length; to++) {
      if (positions[to + 1]! - positions[from]! > MAX_ANSWER_TOKENS) break
      spans.push([begin[from + 1]! + end[to + 1]!, from, to])
    }
  spans.sort((a, b) => b[0] - a[0])
  return spans
    .slice(0, KEPT)
    .filter(([, from, to]) => words[from]!.span[0] < words[to]!.span[1])
    .map(([score, from, to]) => ({
      text,
      start: words[from]!.span[0],
      end: words[to]!.span[1],
      logProbability: score,
      logOdds: score - nowhere,
    }))
}

interface Weighed {
  candidate: Candidate
  weight: number
}

/** The weightiest first. */
function withoutOverlaps(found: Weighed[]): Candidate[] {
  const kept: Weighed[] = []
  const overlaps = (a: Candidate) =>
    kept.some(({ candidate: b }) => a.text === b.text && a.start < b.end && b.start < a.end)
  for (const weighed of found.sort((a, b) => b.weight - a.weight))
    if (!overlaps(weighed.candidate)) kept.push(weighed)
  return kept.map(({ candidate }) => candidate)
}

const BEFORE_ANSWER = /[\s"'“”‘’«»(,;:–—-]/u
const AFTER_ANSWER = /[\s"“”‘«»,;:–—-]/u

/** Without white space, quotation marks and commas around it; a span of nothing else stays as it is. */
export function trimAnswer(text: string, [start, end]: Span): Span {
  let from = start
  let to = end
  while (from < to && BEFORE_ANSWER.test(text[from]!)) from++
  while (to > from && AFTER_ANSWER.test(text[to - 1]!)) to--
  return from < to ? [from, to] : [start, end]
}

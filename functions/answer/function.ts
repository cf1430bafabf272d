/**
 * Question answering: the part of a context, or of up to 100 documents, that answers a question; or that none does.
 * Documents are cut into passages, of which retrieval picks those to read (Chen et al. 2017,
 * https://arxiv.org/abs/1704.00051).
 */
import * as z from 'zod'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction } from '../../src/function.ts'
import { bm25, searchTerms } from '../../src/retrieval/bm25.ts'
import { best, fuse } from '../../src/retrieval/fusion.ts'
import { cutPassages, type Passage } from '../../src/retrieval/passages.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { splitSentences } from '../../src/text/sentences.ts'
import { type Candidate, read, trimAnswer } from './reader.ts'

/** Most characters of a context, and of all documents together. */
export const MAX_CONTEXT_LENGTH = 50_000
export const MAX_DOCUMENTS_LENGTH = 500_000
export const MAX_DOCUMENTS = 100
const MAX_QUESTION_LENGTH = 2_000

/** Tokens of a retrieved passage: with a usual question it is read in one window. */
const PASSAGE_TOKENS = 96
/** Passages that embeddings look at: the best by BM25. */
const EMBEDDED = 48
/**
 * An answer is given from these odds against "not here" on, as logarithm: chosen on a quarter of qa.dev, where each question
 * was asked of its own context and of the one most like it. `npm run eval answer` prints how often it is right.
 */
export const ANSWERABLE_LOG_ODDS = 2.5

const filled = (most: number) =>
  z
    .string()
    .max(most, `must be at most ${most} characters; split it`)
    .refine((value) => value.trim() !== '', 'must not be empty')

const documentInput = z.union([
  filled(MAX_CONTEXT_LENGTH),
  z.strictObject({
    id: z.string().min(1).max(200).optional().describe('Comes back with the answer'),
    text: filled(MAX_CONTEXT_LENGTH),
  }),
])

const offset = z.int().min(0)
const probability = z.number().min(0).max(1)
const source = z
  .object({ index: offset, id: z.string().optional() })
  .describe('Which of the documents, where documents were given')

const found = z.object({
  answer: z.string(),
  score: probability,
  start: offset,
  end: offset,
  document: source.optional(),
})

export const answer = defineFunction({
  name: 'answer',
  summary: 'Answer a question from a text or from documents',
  description:
    'Finds the span of the context that answers an English question: `context.slice(start, end) === answer`, in ' +
    'UTF-16 units as JavaScript counts. Long contexts are read in windows that overlap by half. Of up to 100 ' +
    'documents, BM25 and embeddings pick the passages that are read. Where nothing answers, `answerable` is false and ' +
    '`alternatives` still tell what came nearest.',
  model: 'answer',
  furtherModels: ['embed'],
  primary: 'question',
  input: z
    .strictObject({
      question: filled(MAX_QUESTION_LENGTH).describe('The question, at most 48 tokens'),
      context: filled(MAX_CONTEXT_LENGTH).optional().describe('The text to look in'),
      documents: z
        .array(documentInput)
        .min(1, 'must hold at least one document')
        .max(MAX_DOCUMENTS, `must hold at most ${MAX_DOCUMENTS} documents`)
        .optional()
        .describe('Up to 100 texts to look in, in place of a context; ids need not differ'),
      topK: z.int().min(0).max(20).default(3).describe('Most alternatives beside the answer'),
      passages: z.int().min(1).max(20).default(5).describe('Passages of documents that are read'),
      model: z.string().min(1).max(100).default('answer').describe('Name of a model in the catalog'),
      embedModel: z
        .string()
        .min(1)
        .max(100)
        .default('embed')
        .describe('The model whose embeddings help to pick passages'),
    })
    .refine(
      ({ context, documents }) => (context === undefined) !== (documents === undefined),
      'give either context or documents',
    )
    .refine(
      ({ documents = [] }) =>
        documents.reduce((sum, document) => sum + textOf(document).length, 0) <= MAX_DOCUMENTS_LENGTH,
      `documents must have at most ${MAX_DOCUMENTS_LENGTH} characters together`,
    ),
  output: z.object({
    answerable: z.boolean().describe('Whether the text says'),
    answer: z.string().nullable().describe('The span that answers; null where none does'),
    score: probability.describe(
      'Probability of the likeliest span, in the window it stands in; whether the text answers, `answerable` tells',
    ),
    start: offset.nullable().describe('Of the answer in the context, or in its document'),
    end: offset.nullable(),
    sentence: z
      .object({ text: z.string(), start: offset, end: offset })
      .nullable()
      .describe('The sentence that the likeliest span begins in: the evidence'),
    document: source.optional(),
    alternatives: z.array(found).describe('Other spans, the best first; none overlaps another'),
    passages: z
      .array(z.object({ document: source, start: offset, end: offset, score: z.number() }))
      .optional()
      .describe('Of documents: what was read, the best by retrieval first'),
    method: z
      .enum(['context', 'bm25+embeddings', 'bm25'])
      .describe('What was read: the context, or the passages of the documents that retrieval ranked first'),
    model: z.object({ name: z.string(), revision: z.string() }),
    tokens: z.int().describe('Tokens that the reader read, all windows together'),
  }),
  examples: [
    {
      title: 'A context',
      input: {
        question: 'When was the bridge opened?',
        context:
          'The old ferry stopped in 1931. The bridge was opened in May 1932 by the mayor, who crossed it on foot.',
      },
    },
    {
      title: 'Documents',
      input: {
        question: 'How long does delivery take?',
        documents: [
          {
            id: 'returns',
            text: 'You may send back what you bought within 30 days. We refund the full price.',
          },
          { id: 'delivery', text: 'We ship on the day of the order. Delivery takes three to five days.' },
          { id: 'contact', text: 'Our office is open from nine to five. Write to us at any time.' },
        ],
      },
    },
  ],
  async run(input, { runtime, signal }) {
    const encoder = await runtime.encoder(input.model, signal, 'question-answering')
    const documents = (input.documents ?? []).map(textOf)
    const retrieved = input.documents
      ? await retrieve(input.question, documents, input.passages, input.embedModel, runtime, signal)
      : undefined
    const passages: Passage[] = retrieved?.passages ?? [
      { document: 0, start: 0, end: input.context!.length, text: input.context! },
    ]
    const { candidates, tokens } = await read(
      encoder,
      input.question,
      passages.map(({ text }) => text),
      signal,
      retrieved?.priors,
    )

    const sourceOf = (index: number) => {
      const document = input.documents?.[index]
      if (document === undefined) return undefined
      return typeof document === 'object' && document.id !== undefined
        ? { index, id: document.id }
        : { index }
    }
    const wholeOf = (passage: Passage) => (input.documents ? documents[passage.document]! : input.context!)
    const located = candidates.slice(0, input.topK + 1).map((candidate) => {
      const passage = passages[candidate.text]!
      const whole = wholeOf(passage)
      const [start, end] = trimAnswer(whole, [passage.start + candidate.start, passage.start + candidate.end])
      const document = sourceOf(passage.document)
      return {
        answer: whole.slice(start, end),
        score: Math.exp(candidate.logProbability),
        start,
        end,
        ...(document && { document }),
      }
    })
    const [likeliest, ...others] = located
    const answerable =
      likeliest !== undefined &&
      isAnswer(candidates[0]!) &&
      speaksOf(input.question, passages[candidates[0]!.text]!.text)
    const sentence = likeliest
      ? (splitSentences(wholeOf(passages[candidates[0]!.text]!)).findLast(
          ({ start }) => start <= likeliest.start,
        ) ?? null)
      : null
    return {
      answerable,
      answer: answerable ? likeliest.answer : null,
      score: likeliest?.score ?? 0,
      start: answerable ? likeliest.start : null,
      end: answerable ? likeliest.end : null,
      sentence,
      ...(answerable && likeliest.document && { document: likeliest.document }),
      alternatives: answerable ? others : located.slice(0, input.topK),
      ...(retrieved && {
        passages: passages.map(({ document, start, end }, i) => ({
          document: sourceOf(document)!,
          start,
          end,
          score: retrieved.scores[i]!,
        })),
      }),
      method: retrieved?.method ?? ('context' as const),
      model: { name: encoder.name, revision: encoder.revision },
      tokens,
    }
  },
})

/** Whether a passage has any of the question's words: else it is about something else, however sure the model is. */
function speaksOf(question: string, passage: string): boolean {
  const terms = new Set(searchTerms(question))
  return terms.size === 0 || searchTerms(passage).some((term) => terms.has(term))
}

const isAnswer = ({ logOdds }: Candidate): boolean => logOdds > ANSWERABLE_LOG_ODDS

function textOf(document: z.infer<typeof documentInput>): string {
  return typeof document === 'string' ? document : document.text
}

/** What retrieval says for a passage's spans, as a logarithm: its BM25 and its cosine, weighed on an eighth of qa.dev. */
const BM25_WEIGHT = 0.2
const COSINE_WEIGHT = 3

interface Retrieved {
  passages: Passage[]
  scores: number[]
  priors: number[]
  method: 'bm25+embeddings' | 'bm25'
}

/** The passages to read, and how much speaks for each. Without its embeddings, BM25 picks alone. */
async function retrieve(
  question: string,
  documents: string[],
  count: number,
  embedModel: string,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<Retrieved> {
  const embedder = await runtime.encoder(embedModel, signal, 'hidden-states').catch((error: unknown) => {
    // A name that the caller got wrong is the caller's to mend; a model that cannot be loaded is not.
    if (error instanceof EdgewiseError && error.status === 503) return undefined
    throw error
  })
  const sizeOf = embedder
    ? (text: string) => embedder.tokenize(text).length
    : // Tokens of English text, near enough: a token has some four characters.
      (text: string) => text.length / 4
  const all = cutPassages(documents, PASSAGE_TOKENS, sizeOf)
  const words = bm25(all.map(({ text }) => text)).rank(question)
  const candidates = best(words, EMBEDDED)
  if (!embedder) {
    const chosen = candidates.slice(0, count)
    return {
      passages: chosen.map((i) => all[i]!),
      scores: chosen.map((i) => words[i]!),
      priors: chosen.map((i) => BM25_WEIGHT * words[i]!),
      method: 'bm25',
    }
  }
  const room = embedder.contextLength - embedder.specialTokens
  const [asked, ...vectors] = await embedder.embed(
    [question, ...candidates.map((i) => all[i]!.text)].map((text) =>
      embedder.wrap(embedder.tokenize(text).slice(0, room)),
    ),
    'mean',
    signal,
  )
  const cosines = vectors.map((vector) => vector.reduce((sum, x, d) => sum + x * asked![d]!, 0))
  const scores = fuse([candidates.map((i) => words[i]!), cosines])
  const chosen = best(scores, count)
  return {
    passages: chosen.map((i) => all[candidates[i]!]!),
    scores: chosen.map((i) => scores[i]!),
    priors: chosen.map((i) => BM25_WEIGHT * words[candidates[i]!]! + COSINE_WEIGHT * cosines[i]!),
    method: 'bm25+embeddings',
  }
}

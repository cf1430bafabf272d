/** question-answering. */
import * as z from 'zod'
import type { answer } from '../../../../functions/answer/function.ts'
import { defineTask, requestOf, truncate, unsupported, withoutEffect } from './task.ts'

/** As many as the function gives. */
const MAX_ANSWERS = 20

const found = z.object({
  answer: z.string(),
  score: z.number(),
  start: z.int().describe('In code points, as Python counts'),
  end: z.int(),
})

const OWN_WINDOWS = 'a long context is read in windows of the model’s own'

/** Hugging Face's answer of nothing. */
const NONE = { answer: '', start: 0, end: 0 }

export const questionAnswering = defineTask({
  name: 'question-answering',
  summary: 'Find the answer to a question in a text',
  function: 'answer',
  models: ['question-answering'],
  request: requestOf(
    z.strictObject({
      question: z.string().refine((value) => value.trim() !== '', 'must not be empty'),
      context: z.string().refine((value) => value.trim() !== '', 'must not be empty'),
    }),
    {
      top_k: z.int().min(1).max(MAX_ANSWERS).default(1).describe('Most answers'),
      handle_impossible_answer: z
        .boolean()
        .default(false)
        .describe('Answers with an empty text where the context does not tell'),
      max_answer_len: z.int().min(1).optional().describe('Leaves out answers of more tokens; 30 at most'),
      max_question_len: z.int().min(1).optional().describe('Reads so many tokens of the question'),
      align_to_words: unsupported('answers are whole words', true),
      doc_stride: withoutEffect(z.int().min(1), OWN_WINDOWS),
      max_seq_len: withoutEffect(z.int().min(1), OWN_WINDOWS),
    },
  ),
  answer: z.union([found, z.array(found)]).describe('A list where there are several'),
  example: {
    model: 'answer',
    body: {
      inputs: {
        question: 'When was the bridge opened?',
        context:
          'The old ferry stopped in 1931. The bridge was opened in May 1932 by the mayor, who crossed it on foot.',
      },
    },
  },
  async run({ inputs: { question, context }, parameters }, model, service, c) {
    const { top_k, max_answer_len = Number.POSITIVE_INFINITY, max_question_len } = parameters
    const { runtime, signal } = service.context(c)
    const { tokenizer } = await runtime.encoder(model.name, signal, 'question-answering')
    const asked =
      max_question_len === undefined ? question : truncate(question, max_question_len, 'first', tokenizer)
    const fn = service.find<typeof answer>('answer')!
    const told = await service.run(fn, { question: asked, context, topK: MAX_ANSWERS, model: model.name }, c)
    const { answerable, score, start, end, alternatives } = told
    const spans = answerable
      ? [{ answer: told.answer!, score, start: start!, end: end! }, ...alternatives]
      : alternatives
    const points = codePoints(context)
    const answers = spans
      .filter((span) => tokenizer.encode(span.answer).ids.length <= max_answer_len)
      .map((span) => ({
        answer: span.answer,
        score: span.score,
        start: points(span.start),
        end: points(span.end),
      }))
    if (!answerable && parameters.handle_impossible_answer) answers.unshift({ ...NONE, score: 1 - score })
    if (answers.length === 0) answers.push({ ...NONE, score: 0 })
    return top_k === 1 ? answers[0]! : answers.slice(0, top_k)
  },
})

/** From indices in UTF-16 to how many code points stand before, as Python counts. */
function codePoints(text: string): (index: number) => number {
  // A lone surrogate is one code point to both.
  const pairs = Array.from(text.matchAll(/[\ud800-\udbff][\udc00-\udfff]/g), ({ index }) => index)
  return (index) => index - pairs.filter((pair) => pair < index).length
}

/** Hugging Face's own client inside workerd, against the gateway. */
import { env } from 'cloudflare:workers'
import { InferenceClient } from '@huggingface/inference'
import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import relaxed from '../../../../dist/kernels.relaxed.wasm'
import simd from '../../../../dist/kernels.simd.wasm'
import type { answer } from '../../../../functions/answer/function.ts'
import type { classify } from '../../../../functions/classify/function.ts'
import type { embed } from '../../../../functions/embed/function.ts'
import type { fillMask } from '../../../../functions/fill-mask/function.ts'
import type { generate } from '../../../../functions/generate/function.ts'
import { sentiment } from '../../../../functions/sentiment/function.ts'
import type { summarize } from '../../../../functions/summarize/function.ts'
import type { tokenize } from '../../../../functions/tokenize/function.ts'
import type { translate } from '../../../../functions/translate/function.ts'
import { answerOf, post, send } from '../../../../test/worker.ts'
import { createRuntime } from '../../../runtime/native.ts'
import { similarity } from '../../../similarity.ts'
import { assetStorage } from '../../../storage/assets.ts'
import { createApp } from '../../app.ts'
import { huggingFace } from './index.ts'

const address = 'https://edgewise.test'
const fetch = ((url: RequestInfo | URL, init?: RequestInit) =>
  send(String(url).replace(address, ''), init)) as typeof globalThis.fetch
const options = { fetch, retry_on_error: false }
/** The client as one that is given one model's address. */
const at = (model: string) =>
  new InferenceClient('hf_none', { ...options, endpointUrl: `${address}/models/${model}` })

type AnswerOf<Fn extends { output: z.ZodType }> = z.output<Fn['output']>

/** The answer to a request as it is written. */
async function ask<Answer>(path: string, body: object): Promise<Answer> {
  const response = await post(path, JSON.stringify(body))
  const answer = await response.json()
  expect(response.status, JSON.stringify(answer)).toBe(200)
  return answer as Answer
}

const review = 'The plot is thin, but the acting is superb and I loved every minute.'

describe('text-classification', () => {
  it('scores the labels as sentiment does, the likeliest first', async () => {
    const { scores } = (await answerOf<AnswerOf<typeof sentiment>>('sentiment', { text: review })).results[0]!
    const answer = await at('sentiment').textClassification({ inputs: review })
    expect(answer.map(({ label }) => label)).toEqual(['positive', 'negative', 'neutral'])
    for (const { label, score } of answer) expect(score).toBe(scores[label as keyof typeof scores])
    const [best] = await at('sentiment').textClassification({ inputs: review, parameters: { top_k: 1 } })
    expect(best).toEqual(answer[0])
  })

  it('applies the function that is asked for', async () => {
    const scoresBy = async (function_to_apply: 'softmax' | 'sigmoid' | 'none') =>
      await at('sentiment').textClassification({ inputs: review, parameters: { function_to_apply } })
    const [logits, probabilities, sigmoids] = [
      await scoresBy('none'),
      await scoresBy('softmax'),
      await scoresBy('sigmoid'),
    ]
    const sum = logits.reduce((sum, { score }) => sum + Math.exp(score), 0)
    logits.forEach(({ label, score }, i) => {
      expect(probabilities[i]).toEqual({ label, score: expect.closeTo(Math.exp(score) / sum, 5) })
      expect(sigmoids[i]).toEqual({ label, score: expect.closeTo(1 / (1 + Math.exp(-score)), 10) })
    })
  })

  it('has the labels of any classifier, and takes many texts', async () => {
    const input = { text: review, emotion: true }
    const [{ emotion }] = (await answerOf<AnswerOf<typeof sentiment>>('sentiment', input)).results as [
      AnswerOf<typeof sentiment>['results'][0],
    ]
    const [best] = await at('emotion').textClassification({ inputs: review })
    expect(best).toEqual({ label: emotion!.label, score: emotion!.score })
    const many = await ask<{ label: string }[][]>('/models/xlnet', { inputs: [review, 'What a waste.'] })
    expect(many.map(([best]) => best!.label)).toEqual(['positive', 'negative'])
  })
})

describe('zero-shot-classification', () => {
  const inputs = 'The striker scored twice in the last ten minutes of the game.'
  const candidate_labels = ['politics', 'sports', 'cooking']
  const client = at('embed/pipeline/zero-shot-classification')

  it('scores labels as classify does, the likeliest first', async () => {
    const { results } = await answerOf<AnswerOf<typeof classify>>('classify', {
      text: inputs,
      labels: candidate_labels,
    })
    const answer = await client.zeroShotClassification({ inputs, parameters: { candidate_labels } })
    expect(answer[0]!.label).toBe('sports')
    expect(Object.fromEntries(answer.map(({ label, score }) => [label, score]))).toEqual(results[0]!.scores)
    for (let i = 1; i < 3; i++) expect(answer[i]!.score).toBeLessThanOrEqual(answer[i - 1]!.score)
    const listed = {
      inputs,
      parameters: { candidate_labels: 'politics, sports,cooking', multi_label: false },
    }
    expect(await ask('/models/embed/pipeline/zero-shot-classification', listed)).toEqual(answer)
  })

  it('compares with the sentence that it is given', async () => {
    const parameters = { candidate_labels, hypothesis_template: 'A report on {}, $& and all.' }
    const answer = await client.zeroShotClassification({ inputs, parameters })
    const { results } = await answerOf<AnswerOf<typeof classify>>('classify', {
      text: inputs,
      labels: candidate_labels.map((label) => ({ label, hypothesis: `A report on ${label}, $& and all.` })),
    })
    expect(Object.fromEntries(answer.map(({ label, score }) => [label, score]))).toEqual(results[0]!.scores)
    expect(answer).not.toEqual(
      await client.zeroShotClassification({ inputs, parameters: { candidate_labels } }),
    )
  })
})

describe('question-answering', () => {
  const context = '😀 The old ferry stopped in 1931. The bridge was opened in May 1932 by the mayor. 😀'
  const question = 'When was the bridge opened?'

  it('answers as answer does, and counts as Python does', async () => {
    const native = await answerOf<AnswerOf<typeof answer>>('answer', { question, context })
    const found = await at('answer').questionAnswering({ inputs: { question, context } })
    expect(native.answerable).toBe(true)
    expect(found).toEqual({
      answer: native.answer,
      score: native.score,
      // The first of the faces is two of JavaScript's characters.
      start: native.start! - 1,
      end: native.end! - 1,
    })
    expect([...context].slice(found.start, found.end).join('')).toBe(found.answer)
  })

  it('gives several, and leaves out long ones', async () => {
    const several = await ask<{ answer: string; score: number }[]>('/models/answer', {
      inputs: { question, context },
      parameters: { top_k: 3, align_to_words: true, doc_stride: 64, max_seq_len: 128 },
    })
    expect(several.length).toBeGreaterThan(1)
    expect(several.length).toBeLessThanOrEqual(3)
    const { tokens } = (
      await answerOf<AnswerOf<typeof tokenize>>('tokenize', { text: several[0]!.answer, model: 'answer' })
    ).results![0]!
    const parameters = { max_answer_len: tokens.length - 1, top_k: 20 }
    const short = await ask<{ answer: string }[]>('/models/answer', {
      inputs: { question, context },
      parameters,
    })
    expect(short.map(({ answer }) => answer)).not.toContain(several[0]!.answer)
  })

  it('says so where nothing answers', async () => {
    const inputs = { question: 'Who invented the telephone?', context: 'It rains. We stay at home.' }
    const client = at('answer')
    expect(
      await client.questionAnswering({ inputs, parameters: { handle_impossible_answer: true } }),
    ).toMatchObject({ answer: '', start: 0, end: 0 })
    const best = await client.questionAnswering({ inputs })
    expect(best.answer).not.toBe('')
    expect(inputs.context.slice(best.start, best.end)).toBe(best.answer)
  })

  it('reads as much of a question as it is told to', async () => {
    const long = `${question} ${'And where, and why, and how, and who says so? '.repeat(20)}`
    const { error } = (await (
      await post('/models/answer', JSON.stringify({ inputs: { question: long, context } }))
    ).json()) as { error: string }
    expect(error).toMatch(/question has \d+ tokens/)
    const parameters = { max_question_len: 6 }
    const found = await at('answer').questionAnswering({ inputs: { question: long, context }, parameters })
    expect(found).toEqual(await at('answer').questionAnswering({ inputs: { question, context } }))
  })
})

describe('translation', () => {
  it('translates as translate does, by the tags of several models', async () => {
    const text = 'I have no time.'
    const { results } = await answerOf<AnswerOf<typeof translate>>('translate', { text, target: 'de' })
    const expected = { translation_text: results[0]!.translation }
    const client = at('translate')
    for (const [src_lang, tgt_lang] of [
      ['en', 'de'],
      ['en_XX', 'de_DE'],
      ['eng_Latn', 'deu_Latn'],
      [undefined, 'de'],
    ] as const)
      expect(
        await client.translation({ inputs: text, parameters: { ...(src_lang && { src_lang }), tgt_lang } }),
      ).toEqual(expected)
  })

  it('takes many texts and beams', async () => {
    const inputs = ['Wo ist mein Buch?', "Je n'ai pas le temps."]
    const { results } = await answerOf<AnswerOf<typeof translate>>('translate', { text: inputs, numBeams: 1 })
    const parameters = { tgt_lang: 'en', generate_parameters: { num_beams: 1 }, truncation: 'only_first' }
    expect(await ask('/models/translate', { inputs, parameters })).toEqual(
      results.map(({ translation }) => ({ translation_text: translation })),
    )
  })
})

describe('summarization', () => {
  const inputs =
    'The city council met on Monday. After a long debate it decided to build a new bridge over the river. ' +
    'The old bridge is closed to trucks because of its age. The mayor thanked all who came. ' +
    'Work on the new bridge will begin in spring and take two years.'
  const client = at('embed/pipeline/summarization')
  const native = async (input: object) => {
    const { results } = await answerOf<AnswerOf<typeof summarize>>('summarize', { text: inputs, ...input })
    return { summary_text: results[0]!.sentences!.map(({ text }) => text).join(' ') }
  }

  it('gives the sentences that summarize gives', async () => {
    expect(await client.summarization({ inputs })).toEqual(await native({}))
  })

  it('keeps to a length', async () => {
    const expected = await native({ words: 15 })
    expect(expected).not.toEqual(await native({}))
    expect(await client.summarization({ inputs, parameters: { max_length: 20 } })).toEqual(expected)
    const parameters = { generate_parameters: { max_new_tokens: 20 }, clean_up_tokenization_spaces: true }
    expect(await client.summarization({ inputs, parameters })).toEqual(expected)
  })
})

describe('feature-extraction', () => {
  const text = 'How do I reset my password?'
  const client = at('embed/pipeline/feature-extraction')
  const vectorOf = async (input: object) => {
    const { results } = await answerOf<AnswerOf<typeof embed>>('embed', input)
    return results.map(({ embedding }) => embedding)
  }

  it('gives the vectors that embed gives', async () => {
    const [one, two] = await vectorOf({ text: [text, 'I forgot my login.'] })
    expect(await client.featureExtraction({ inputs: text })).toEqual(one)
    expect(await client.featureExtraction({ inputs: [text, 'I forgot my login.'] })).toEqual([one, two])
    expect(await client.featureExtraction({ inputs: [text] })).toEqual([one])
  })

  it('takes its parameters beside the inputs or among the parameters', async () => {
    const [expected] = await vectorOf({ text, normalize: false, dimensions: 64 })
    const input = { inputs: text, normalize: false, dimensions: 64, encoding_format: 'float' as const }
    expect(await client.featureExtraction(input)).toEqual(expected)
    const parameters = { normalize: false, dimensions: 64, truncate: null }
    expect(await ask('/models/embed/pipeline/feature-extraction', { inputs: text, parameters })).toEqual(
      expected,
    )
  })

  it('reads the first or the last of a text, if told to', async () => {
    const words = Array.from({ length: 300 }, (_, i) => (i < 150 ? 'cat' : 'dog'))
    const inputs = words.join(' ')
    const [whole] = await vectorOf({ text: inputs })
    const vectors = await Promise.all(
      ['right', 'left', 'Left'].map((truncation_direction) =>
        ask<number[]>('/models/embed/pipeline/feature-extraction', {
          inputs,
          truncate: true,
          truncation_direction,
        }),
      ),
    )
    expect(vectors[2]).toEqual(vectors[1])
    const { results } = await answerOf<AnswerOf<typeof embed>>('embed', {
      text: [inputs, 'cat '.repeat(126)],
    })
    expect(results[0]!.windows).toBe(3)
    expect(vectors[0]).toEqual(results[1]!.embedding)
    const [cats, dogs] = await vectorOf({ text: ['cat', 'dog'] })
    expect(similarity(vectors[0]!, cats!)).toBeGreaterThan(similarity(vectors[0]!, dogs!))
    expect(similarity(vectors[1]!, dogs!)).toBeGreaterThan(similarity(vectors[1]!, cats!))
    expect(await client.featureExtraction({ inputs })).toEqual(whole)
  })
})

describe('sentence-similarity', () => {
  it('is the cosine of the vectors', async () => {
    const [source_sentence, ...sentences] = [
      'I forgot my login.',
      'How do I reset my password?',
      'It rains.',
    ] as [string, ...string[]]
    const answer = await at('embed').sentenceSimilarity({ inputs: { source_sentence, sentences } })
    const { results } = await answerOf<AnswerOf<typeof embed>>('embed', {
      text: [source_sentence, ...sentences],
    })
    const [source, ...others] = results.map(({ embedding }) => embedding)
    expect(answer).toEqual(others.map((other) => similarity(source!, other)))
    expect(answer[0]).toBeGreaterThan(answer[1]!)
  })
})

describe('fill-mask', () => {
  const inputs = 'The movie was so [MASK] that I fell asleep.'
  const native = async (input: object) => {
    const { results } = await answerOf<AnswerOf<typeof fillMask>>('fill-mask', { text: inputs, ...input })
    return results[0]!.masks.map(({ predictions }) =>
      predictions.map(({ token, id, score, sequence }) => ({ sequence, score, token: id, token_str: token })),
    )
  }

  it('guesses the words that fill-mask guesses', async () => {
    expect(await at('encoder').fillMask({ inputs })).toEqual((await native({}))[0])
    expect(await at('encoder').fillMask({ inputs, parameters: { top_k: 2 } })).toHaveLength(2)
    const targets = ['happy', 'boring']
    const chosen = await at('encoder').fillMask({ inputs, parameters: { targets } })
    expect(chosen.map(({ token_str }) => token_str)).toEqual(['boring', 'happy'])
  })

  it('has a list a mask, and a list a text', async () => {
    const text = 'She [MASK] a letter to her [MASK].'
    const expected = await native({ text })
    expect(expected).toHaveLength(2)
    expect(await ask('/models/encoder', { inputs: text })).toEqual(expected)
    expect(await ask('/models/encoder', { inputs: [text, inputs] })).toEqual([
      expected,
      (await native({}))[0],
    ])
  })
})

interface Generated {
  generated_text: string
  details: {
    finish_reason: string
    generated_tokens: number
    seed: number | null
    prefill: []
    tokens: Token[]
    top_tokens?: Token[][]
    best_of_sequences?: Generated['details'][]
  }
}
interface Token {
  id: number
  text: string
  logprob: number
  special: boolean
}
interface StreamEvent {
  index: number
  token: Token
  top_tokens?: Token[]
  generated_text: string | null
  details: {
    finish_reason: string
    generated_tokens: number
    seed: number | null
    input_length: number
  } | null
  choices?: { index: number; text: string; finish_reason: string | null }[]
}

const inputs = 'The movie was'
const native = async (input: object) =>
  await answerOf<AnswerOf<typeof generate>>('generate', { prompt: inputs, maxNewTokens: 12, ...input })
const textOf = async (input: object) => (await native(input)).completions[0]!.text

describe('text-generation', () => {
  const write = async (parameters: object) =>
    (
      await ask<Generated[]>('/models/chat', { inputs, parameters: { max_new_tokens: 12, ...parameters } })
    )[0]!

  it('goes on as generate does, behind the prompt unless told otherwise', async () => {
    const text = await textOf({})
    expect(await write({})).toEqual({ generated_text: inputs + text })
    expect(await write({ return_full_text: false })).toEqual({ generated_text: text })
    const answer = await ask<Generated[]>('/models/chat/pipeline/text-generation', {
      inputs,
      parameters: null,
      options: { use_cache: false, wait_for_model: true },
    })
    expect(answer).toEqual([{ generated_text: inputs + (await textOf({ maxNewTokens: 100 })) }])
  })

  it('tells the tokens', async () => {
    const { completions } = await native({ logprobs: true, topLogprobs: 2 })
    const { generated_text, details } = await write({
      details: true,
      top_n_tokens: 2,
      return_full_text: false,
    })
    const token = ({ token, id, logprob }: { token: string; id: number; logprob: number }) => ({
      id,
      text: token,
      logprob,
      special: false,
    })
    expect(details).toEqual({
      finish_reason: 'length',
      generated_tokens: 12,
      seed: null,
      prefill: [],
      tokens: completions[0]!.logprobs!.map(token),
      top_tokens: completions[0]!.logprobs!.map(({ top }) => top!.map(token)),
    })
    expect(details.tokens.map(({ text }) => text).join('')).toBe(generated_text)
  })

  it('draws by the parameters', async () => {
    const drawn = await textOf({ temperature: 0.8, topP: 0.9, topK: 50, seed: 7 })
    const parameters = { temperature: 0.8, top_p: 0.9, top_k: 50, seed: 7, return_full_text: false }
    expect((await write(parameters)).generated_text).toBe(drawn)
    const sampled = await write({ do_sample: true, seed: 3, details: true, return_full_text: false })
    expect(sampled.generated_text).toBe(await textOf({ temperature: 1, seed: 3 }))
    expect(sampled.details.seed).toBe(3)
    const { seed } = (await write({ top_p: 0.9, details: true })).details
    expect(seed).toEqual(expect.any(Number))
    const again = await write({ top_p: 0.9, seed })
    expect(again).toEqual(await write({ top_p: 0.9, seed }))
    expect((await write({ temperature: 1 })).generated_text).toBe(inputs + (await textOf({})))
    expect((await write({ temperature: 0, do_sample: true })).generated_text).toBe(
      inputs + (await textOf({})),
    )
    const penalized = { repetition_penalty: 1.3, frequency_penalty: 1.5, max_new_tokens: 40 }
    expect((await write(penalized)).generated_text).toBe(
      inputs + (await textOf({ repetitionPenalty: 1.3, frequencyPenalty: 1.5, maxNewTokens: 40 })),
    )
  })

  it('ends behind a stop string', async () => {
    const whole = await textOf({ maxNewTokens: 24 })
    const word = whole.trim().split(/\s+/)[3]!
    const { generated_text, details } = await write({
      stop: [word],
      max_new_tokens: 24,
      details: true,
      return_full_text: false,
    })
    expect(details.finish_reason).toBe('stop_sequence')
    expect(generated_text).toBe(whole.slice(0, whole.indexOf(word) + word.length))
  })

  it('reads the last of the prompt, if told to', async () => {
    const long = 'Once upon a time there was a king who liked to sing.'
    const answer = async (prompt: string, parameters: object) =>
      (await ask<Generated[]>('/models/chat', {
        inputs: prompt,
        parameters: { max_new_tokens: 8, return_full_text: false, ...parameters },
      }))![0]!.generated_text
    const { results } = await answerOf<AnswerOf<typeof tokenize>>('tokenize', { text: long, model: 'chat' })
    const rest = long.slice(results![0]!.tokens.at(-5)!.start)
    expect(rest.length).toBeLessThan(long.length)
    expect(await answer(long, { truncate: 5 })).toBe(await answer(rest, {}))
    expect(await answer(long, { truncate: 500 })).toBe(await answer(long, {}))
  })

  it('gives the likeliest of several', async () => {
    const { generated_text, details } = await write({ best_of: 3, do_sample: true, details: true, seed: 1 })
    const mean = ({ tokens }: { tokens: Token[] }) =>
      tokens.reduce((sum, { logprob }) => sum + logprob, 0) / tokens.length
    expect(details.best_of_sequences).toHaveLength(2)
    for (const other of details.best_of_sequences!) expect(mean(other)).toBeLessThanOrEqual(mean(details))
    const [best] = await ask<Generated[]>('/models/chat', {
      inputs,
      parameters: { max_new_tokens: 12, do_sample: true, seed: details.seed },
    })
    expect(best!.generated_text).toBe(generated_text)
  })

  it.each([
    ['json', (schema: object) => ({ type: 'json', value: schema })],
    ['json_object', (schema: object) => ({ type: 'json_object', value: schema })],
    ['json_schema', (schema: object) => ({ type: 'json_schema', value: { name: 'city', schema } })],
  ])('writes JSON by a grammar of type %s', async (_, grammarOf) => {
    const schema = { type: 'object', properties: { city: { enum: ['Oslo', 'Rome'] } }, required: ['city'] }
    const grammar = grammarOf({ ...schema, additionalProperties: false })
    const { generated_text } = await write({ grammar, return_full_text: false, max_new_tokens: 40 })
    expect(JSON.parse(generated_text)).toEqual({ city: expect.stringMatching(/^(Oslo|Rome)$/) })
  })
})

describe('text-generation as a stream', () => {
  async function eventsOf(path: string, body: object): Promise<StreamEvent[]> {
    const response = await post(path, JSON.stringify({ ...body, stream: true }))
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const blocks = (await response.text()).split('\n\n').filter((block) => block !== '')
    return blocks.map((block) => JSON.parse(block.replace(/^data: /, '')))
  }
  const parameters = { max_new_tokens: 12, details: true }

  it('has an event a token, the last with the whole text', async () => {
    const events = await eventsOf('/models/chat', { inputs, parameters: { ...parameters, top_n_tokens: 1 } })
    const [{ details, generated_text }] = await ask<[Generated]>('/models/chat', {
      inputs,
      parameters: { ...parameters, top_n_tokens: 1 },
    })
    expect(events.map(({ token }) => token)).toEqual(details.tokens)
    expect(events.map(({ top_tokens }) => top_tokens)).toEqual(details.top_tokens)
    expect(events.map(({ index }) => index)).toEqual(events.map((_, i) => i + 1))
    for (const event of events.slice(0, -1))
      expect([event.generated_text, event.details]).toEqual([null, null])
    expect(events.at(-1)).toMatchObject({
      generated_text,
      details: {
        finish_reason: 'length',
        generated_tokens: 12,
        seed: null,
        input_length: expect.any(Number),
      },
    })
    expect(events.at(-1)!.details!.input_length).toBe((await native({})).usage.promptTokens)
  })

  it('has the text in its tokens, a stop string too', async () => {
    const whole = await textOf({ maxNewTokens: 24 })
    const stop = whole.trim().split(/\s+/).slice(2, 5).join(' ')
    const body = {
      inputs,
      parameters: { stop: [stop], max_new_tokens: 24, return_full_text: false, details: true },
    }
    const events = await eventsOf('/models/chat', body)
    const last = events.at(-1)!
    expect(last.details!.finish_reason).toBe('stop_sequence')
    expect(last.generated_text).toBe(whole.slice(0, whole.indexOf(stop) + stop.length))
    expect(events.map(({ token }) => token.text).join('')).toBe(last.generated_text)
    expect(events).toHaveLength(last.details!.generated_tokens)
  })

  it('never shows half a character', async () => {
    const schema = { const: { a: '😀é東' } }
    const body = { inputs, parameters: { grammar: { type: 'json', value: schema }, return_full_text: false } }
    const events = await eventsOf('/models/chat', body)
    const texts = events.map(({ token }) => token.text)
    expect(JSON.parse(texts.join(''))).toEqual(schema.const)
    expect(texts.join('')).toBe(events.at(-1)!.generated_text)
    expect(texts.filter((text) => text.includes('\ufffd'))).toEqual([])
  })

  it('has one event where the text ends at once', async () => {
    const first = (await native({ maxNewTokens: 1 })).completions[0]!.text
    const body = { inputs, parameters: { stop: [first], return_full_text: false } }
    const events = await eventsOf('/models/chat', body)
    expect(events).toMatchObject([{ index: 1, token: { text: first }, generated_text: first }])
  })

  it('tells what is wrong at the beginning by its status', async () => {
    for (const body of [
      { inputs: '', stream: true },
      { inputs, stream: true, parameters: { best_of: 2, do_sample: true } },
      { inputs: 'a '.repeat(20_000), stream: true },
    ]) {
      const response = await post('/models/chat', JSON.stringify(body))
      expect(response.status).toBe(400)
      expect(await response.json()).toEqual({ error: expect.any(String) })
    }
  })
})

describe('text generation by the client', () => {
  it('goes on as generate does', async () => {
    const answer = await at('chat').textGeneration({ inputs, parameters: { max_new_tokens: 12 } })
    expect(answer).toEqual({ generated_text: await textOf({}) })
    const parameters = { max_new_tokens: 12, return_full_text: true, temperature: 0.7, seed: 5 }
    expect(await at('chat').textGeneration({ inputs, parameters })).toEqual({
      generated_text: inputs + (await textOf({ temperature: 0.7, seed: 5 })),
    })
  })

  it('streams tokens, the last with the text', async () => {
    const events: StreamEvent[] = []
    const stream = at('chat').textGenerationStream({
      inputs,
      parameters: { max_new_tokens: 12, details: true },
    })
    for await (const event of stream) events.push(event as unknown as StreamEvent)
    const text = await textOf({})
    expect(events.map(({ token }) => token.text).join('')).toBe(text)
    expect(events.map(({ choices }) => choices![0]!.text).join('')).toBe(text)
    expect(events.map(({ choices }) => choices![0]!.finish_reason)).toEqual([
      ...Array(11).fill(null),
      'length',
    ])
    expect(events.at(-1)).toMatchObject({ generated_text: text, details: { generated_tokens: 12 } })
  })

  it('streams by the address of the model too', async () => {
    const texts: string[] = []
    const stream = at('chat').streamingRequest<StreamEvent>({ inputs, parameters: { max_new_tokens: 3 } })
    for await (const { token } of stream) texts.push(token.text)
    expect(texts.join('')).toBe(await textOf({ maxNewTokens: 3 }))
  })

  it('stops when it is aborted', async () => {
    const leaver = new AbortController()
    let seen = 0
    const read = async () => {
      const stream = at('chat').textGenerationStream(
        { inputs, parameters: { max_new_tokens: 2_000 } },
        { signal: leaver.signal },
      )
      for await (const _ of stream) if (++seen === 3) leaver.abort()
    }
    const start = Date.now()
    await expect(read()).rejects.toThrow(/abort/i)
    expect(seen).toBeLessThan(10)
    const whole = at('chat').textGeneration(
      { inputs, parameters: { max_new_tokens: 2_000 } },
      { signal: AbortSignal.timeout(100) },
    )
    await expect(whole).rejects.toThrow()
    expect((await send('/healthz')).status).toBe(200)
    expect(Date.now() - start).toBeLessThan(10_000)
  })
})

describe('addresses', () => {
  const sentimentPaths = [
    '/models/sentiment',
    '/models/edgewise/sentiment',
    '/models/edgewise%2Fsentiment',
    '/models/sentiment/pipeline/text-classification',
    '/models/edgewise/sentiment/pipeline/text-classification',
    '/hf-inference/models/sentiment',
    '/hf-inference/models/edgewise/sentiment',
    '/hf-inference/models/edgewise/sentiment/pipeline/text-classification',
  ]
  it.each(sentimentPaths)('POST %s', async (path) => {
    const [[best]] = await ask<[[{ label: string }]]>(path, { inputs: review })
    expect(best.label).toBe('positive')
  })

  it('serves a client whose fetch is sent here', async () => {
    const hosts = /^https:\/\/(router\.)?huggingface\.co/
    const client = new InferenceClient('hf_none', {
      retry_on_error: false,
      fetch: ((url: string, init?: RequestInit) => send(url.replace(hosts, ''), init)) as never,
    })
    const [best] = await client.textClassification({
      provider: 'hf-inference',
      model: 'edgewise/sentiment',
      inputs: review,
    })
    expect(best!.label).toBe('positive')
    const auto = await client.textGeneration({
      model: 'edgewise/chat',
      inputs,
      parameters: { max_new_tokens: 12 },
    })
    expect(auto.generated_text).toBe(await textOf({}))
    const vector = await client.featureExtraction({
      provider: 'hf-inference',
      model: 'edgewise/embed',
      inputs: 'Hello',
    })
    expect(vector).toHaveLength(256)
    await expect(
      client.textClassification({ provider: 'hf-inference', model: 'edgewise/none', inputs: review }),
    ).rejects.toThrow(/There is no model "edgewise\/none"/)
  })

  it('leads chatCompletion to OpenAI’s protocol', async () => {
    const client = new InferenceClient('hf_none', { ...options, endpointUrl: `${address}/v1` })
    const messages = [{ role: 'user', content: 'I need a hotel in Paris.' }]
    const { choices } = await client.chatCompletion({ model: 'chat', messages })
    const { message } = await answerOf<{ message: { content: string } }>('chat', { messages })
    expect(choices[0]!.message.content).toBe(message.content)
  })

  it('GET /api/models/MODEL says what a model does', async () => {
    expect(await (await send('/api/models/embed')).json()).toMatchObject({
      id: 'edgewise/embed',
      pipeline_tag: 'sentence-similarity',
      tags: expect.arrayContaining(['feature-extraction', 'zero-shot-classification']),
    })
  })

  it('takes bare texts and curl’s content type, as all routes do', async () => {
    const bodies = [
      ['"I loved it."', 'application/json'],
      ['I loved it.', 'text/plain'],
      ['{"inputs": "I loved it."}', 'application/x-www-form-urlencoded'],
    ] as const
    for (const [body, type] of bodies) {
      const answer = (await (await post('/models/sentiment', body, type)).json()) as { label: string }[][]
      expect(answer[0]![0]!.label).toBe('positive')
    }
  })

  it('has the tasks alone whose functions the Worker has, and models by other names', async () => {
    const aliases = { 'distilbert/distilbert-base-uncased-finetuned-sst-2-english': 'sentiment' }
    const runtime = createRuntime({ storage: assetStorage(env.ASSETS), kernels: { relaxed, simd }, aliases })
    const app = createApp({ functions: [sentiment], dialects: [huggingFace], runtime: () => runtime })
    const asked = async (path: string) =>
      await app.request(path, { method: 'POST', body: JSON.stringify({ inputs: review }) })
    expect((await asked('/models/sentiment')).status).toBe(200)
    const other = await asked('/models/distilbert/distilbert-base-uncased-finetuned-sst-2-english')
    expect(await other.json()).toMatchObject([[{ label: 'positive' }, {}, {}]])
    expect((await asked('/models/chat/v1/completions')).status).toBe(404)
    const missing = await asked('/models/encoder')
    expect(missing.status).toBe(400)
    expect(await missing.json()).toEqual({ error: expect.stringMatching(/no function/) })
    const document = (await (await app.request('/openapi.json')).json()) as { paths: object }
    const paths = Object.keys(document.paths).filter((path) => path.startsWith('/models'))
    expect(paths).toEqual(['/models/{model}', '/models/{model}/pipeline/text-classification'])
  })
})

describe('errors', () => {
  it('reach the client with status and words', async () => {
    const error = await at('none')
      .textClassification({ inputs: review })
      .catch((error: unknown) => error)
    expect(error).toMatchObject({
      message: expect.stringMatching(/There is no model "none"\. Use one of: .*sentiment/),
      httpResponse: { status: 404 },
    })
    await expect(at('sentiment').textClassification({ inputs: '' })).rejects.toThrow(
      /inputs: must not be empty/,
    )
    await expect(at('translate').translation({ inputs: 'Hi.' })).rejects.toThrow(/tgt_lang/)
    await expect(async () => {
      for await (const _ of at('none').textGenerationStream({ inputs })) expect.unreachable()
    }).rejects.toThrow(/There is no model/)
  })

  const classified = '/models/sentiment'
  const zeroShot = '/models/embed/pipeline/zero-shot-classification'
  const labels = { candidate_labels: ['a', 'b'] }
  it.each<[string, string, unknown, number, RegExp]>([
    ['an unknown model', '/models/nope', { inputs: 'a' }, 404, /no model "nope"/],
    ['another owner', '/models/google/sentiment', { inputs: 'a' }, 404, /google\/sentiment/],
    ['a prototype name', '/models/__proto__', { inputs: 'a' }, 404, /__proto__/],
    [
      'a task of another model',
      '/models/sentiment/pipeline/fill-mask',
      { inputs: 'a' },
      400,
      /does text-classification/,
    ],
    ['a task that there is not', '/models/sentiment/pipeline/none', { inputs: 'a' }, 404, /nothing at/],
    ['no generator', '/models/sentiment/v1/completions', { prompt: 'a' }, 400, /does not do text-generation/],
    ['a path that there is not', '/models/chat/v1/chat/completions', {}, 404, /nothing at/],
    ['inputs of another task', '/models/embed', { inputs: 'a' }, 400, /Read as sentence-similarity/],
    ['no inputs', classified, {}, 400, /inputs/],
    ['a number', classified, { inputs: 7 }, 400, /inputs/],
    ['inputs of null', classified, { inputs: null }, 400, /inputs/],
    ['null', classified, null, 400, /inputs/],
    ['an empty text among texts', classified, { inputs: ['a', ' '] }, 400, /inputs\[1\]/],
    ['65 texts', classified, { inputs: Array(65).fill('a') }, 400, /64/],
    ['a text too long', classified, { inputs: 'a'.repeat(50_001) }, 400, /50000/],
    ['parameters that are a list', classified, { inputs: 'a', parameters: [] }, 400, /parameters/],
    ['an unknown parameter', classified, { inputs: 'a', parameters: { topk: 1 } }, 400, /topk/],
    ['an unknown field', classified, { inputs: 'a', top_k: 1 }, 400, /top_k/],
    [
      'an unknown function',
      classified,
      { inputs: 'a', parameters: { function_to_apply: 'x' } },
      400,
      /softmax/,
    ],
    ['no labels', zeroShot, { inputs: 'a' }, 400, /candidate_labels/],
    ['one label', zeroShot, { inputs: 'a', parameters: { candidate_labels: ['a'] } }, 400, /two labels/],
    ['a label twice', zeroShot, { inputs: 'a', parameters: { candidate_labels: ['a', 'a'] } }, 400, /twice/],
    [
      'several labels at once',
      zeroShot,
      { inputs: 'a', parameters: { ...labels, multi_label: true } },
      400,
      /multi_label: is not supported/,
    ],
    [
      'a template without a place',
      zeroShot,
      { inputs: 'a', parameters: { ...labels, hypothesis_template: 'x' } },
      400,
      /\{\}/,
    ],
    ['no question', '/models/answer', { inputs: { context: 'a' } }, 400, /question/],
    [
      'words in part',
      '/models/answer',
      { inputs: { question: 'a', context: 'b' }, parameters: { align_to_words: false } },
      400,
      /align_to_words/,
    ],
    ['no language', '/models/translate', { inputs: 'a' }, 400, /tgt_lang/],
    [
      'another language',
      '/models/translate',
      { inputs: 'a', parameters: { tgt_lang: 'jpn_Jpan' } },
      400,
      /"ja"/,
    ],
    [
      'no tag of a language',
      '/models/translate',
      { inputs: 'a', parameters: { tgt_lang: 'German!' } },
      400,
      /tgt_lang/,
    ],
    [
      'a least length',
      '/models/embed/pipeline/summarization',
      { inputs: 'a', parameters: { min_length: 9 } },
      400,
      /min_length/,
    ],
    [
      'base64',
      '/models/embed/pipeline/feature-extraction',
      { inputs: 'a', encoding_format: 'base64' },
      400,
      /must be float/,
    ],
    [
      'a prompt',
      '/models/embed/pipeline/feature-extraction',
      { inputs: 'a', prompt_name: 'query' },
      400,
      /prompt_name/,
    ],
    [
      'more numbers than there are',
      '/models/embed/pipeline/feature-extraction',
      { inputs: 'a', dimensions: 999 },
      400,
      /999/,
    ],
    ['no sentences', '/models/embed', { inputs: { source_sentence: 'a', sentences: [] } }, 400, /sentences/],
    ['no mask', '/models/encoder', { inputs: 'a' }, 400, /\[MASK\]/],
    [
      'a target of many tokens',
      '/models/encoder',
      { inputs: '[MASK]', parameters: { targets: ['antidisestablishment'] } },
      400,
      /targets/,
    ],
    ['several prompts', '/models/chat', { inputs: ['a'] }, 400, /inputs/],
    [
      'typical_p',
      '/models/chat',
      { inputs: 'a', parameters: { typical_p: 0.9 } },
      400,
      /typical_p: is not supported/,
    ],
    ['a watermark', '/models/chat', { inputs: 'a', parameters: { watermark: true } }, 400, /watermark/],
    [
      'scores of the prompt',
      '/models/chat',
      { inputs: 'a', parameters: { decoder_input_details: true } },
      400,
      /decoder_input_details/,
    ],
    [
      'a regular expression',
      '/models/chat',
      { inputs: 'a', parameters: { grammar: { type: 'regex', value: 'a' } } },
      400,
      /grammar/,
    ],
    ['no tokens', '/models/chat', { inputs: 'a', parameters: { max_new_tokens: 0 } }, 400, /max_new_tokens/],
    ['the same text twice', '/models/chat', { inputs: 'a', parameters: { best_of: 2 } }, 400, /the same/],
    ['more than 1 MiB', classified, { inputs: 'a '.repeat(2 ** 19) }, 413, /larger than/],
  ])('%s', async (_, path, body, status, message) => {
    const response = await post(path, JSON.stringify(body))
    expect(await response.json()).toEqual({ error: expect.stringMatching(message) })
    expect(response.status).toBe(status)
  })

  it.each<[string, BodyInit, string, number, RegExp]>([
    ['an empty body', '', 'application/json', 400, /empty/],
    ['not JSON', '{"inputs": ', 'application/json', 400, /JSON/],
    ['invalid UTF-8', new Uint8Array([0x22, 0xc3, 0x28, 0x22]), 'application/json', 400, /UTF-8/],
    ['another type', '<a/>', 'application/xml', 415, /application\/xml/],
  ])('%s', async (_, body, type, status, message) => {
    const response = await post(classified, body, type)
    expect(await response.json()).toEqual({ error: expect.stringMatching(message) })
    expect(response.status).toBe(status)
  })

  it('another method, with the right one named', async () => {
    for (const path of ['/models/sentiment', '/hf-inference/models/edgewise/sentiment']) {
      const response = await send(path, { method: 'PUT', body: '{}' })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST')
      expect(await response.json()).toEqual({ error: expect.stringMatching(/PUT/) })
    }
  })
})

/** How good the decoder is: perplexity by source, how varied what it writes is, and how much of its code parses. */
import { type Evaluation, figure } from '../../bench/evaluation.ts'
import { chat } from '../chat/function.ts'
import { code } from '../code/function.ts'
import { generate } from './function.ts'

interface Row {
  text?: string
  source?: string
  turns?: { role: string; content: string }[]
  description?: string
  code?: string
  lang?: 'python' | 'javascript'
}

/** Rows of a source whose tokens are scored, and of those that are gone on with. */
const SCORED = 100
const WRITTEN = 30

export const evaluation: Evaluation<Row> = {
  name: 'generate',
  model: 'chat',
  data: ['dialogue.dev', 'code.dev', 'qa.dev'],
  about:
    'Perplexity of a token, given up to 256 before it: of the turns of dialogue.dev, the code of code.dev with its description, and the contexts of qa.dev as plain text. "distinct1" and "distinct2": different words and pairs of words in all that was written, in percent of all of them, greedy with the penalty of chat; "parses": how much of the code written from a description is in the grammar of its language, at the first attempt.',
  async *run(_, runtime, files) {
    const { signal } = new AbortController()
    const context = { runtime, signal }
    const generator = await runtime.generator('chat')
    const texts: Record<string, string[]> = {
      dialogue: files['dialogue.dev']!.slice(0, SCORED).map(({ turns }) =>
        generator.chatTemplate!.render(turns!, { add_generation_prompt: false }),
      ),
      code: files['code.dev']!.map(({ description, code, lang }) =>
        generator.chatTemplate!.render(
          [
            {
              role: 'user',
              content: `Write ${lang === 'python' ? 'Python' : 'JavaScript'} code. ${description}`,
            },
            { role: 'assistant', content: `\`\`\`${lang}\n${code}\n\`\`\`` },
          ],
          { add_generation_prompt: false },
        ),
      ),
      text: [...new Set(files['qa.dev']!.map((row) => (row as { context: string }).context))].slice(
        0,
        SCORED,
      ),
    }
    const scores: Record<string, { perplexity: number; tokens: number }> = {}
    let done = 0
    for (const [source, own] of Object.entries(texts)) {
      let [loss, tokens] = [0, 0]
      for (const text of own) {
        const ids = generator.encode(text).slice(0, 257)
        const scored = await generator.logprobs(ids, signal)
        loss -= scored.reduce((sum, value) => sum + value, 0)
        tokens += scored.length
        yield ++done
      }
      scores[source] = { perplexity: Math.exp(loss / tokens), tokens }
    }
    const replies: string[] = []
    for (const { turns } of files['dialogue.dev']!.slice(0, WRITTEN)) {
      const { message } = await chat.run(chat.input.parse({ messages: turns!.slice(0, 3) }), context)
      replies.push(message.content)
    }
    const stories: string[] = []
    for (const text of texts.text!.slice(0, WRITTEN)) {
      const prompt = text.split(' ').slice(0, 8).join(' ')
      const input = generate.input.parse({ prompt, maxNewTokens: 48, repetitionPenalty: 1.1 })
      stories.push((await generate.run(input, context)).completions[0]!.text)
    }
    const programs: { text: string; parses: boolean }[] = []
    const described = files['code.dev']!.filter(({ description }) => description)
    for (const { description, lang } of described.slice(0, WRITTEN)) {
      const input = code.input.parse({ description, language: lang, attempts: 1, maxNewTokens: 160 })
      const { text, parses } = await code.run(input, context)
      programs.push({ text, parses: parses! })
    }
    const row = (source: string, written: string[], parses: string) => ({
      source,
      tokens: scores[source]!.tokens,
      perplexity: scores[source]!.perplexity,
      distinct1: distinct(written, 1),
      distinct2: distinct(written, 2),
      parses,
    })
    const share = (100 * programs.filter(({ parses }) => parses).length) / programs.length
    return [
      row('text', stories, ''),
      row('dialogue', replies, ''),
      row(
        'code',
        programs.map(({ text }) => text),
        share.toFixed(2),
      ),
    ]
  },
  headlines: (table) => [
    ...['text', 'dialogue', 'code'].map((source) => ({
      measure: `perplexity, ${source}`,
      value: figure(table, source, 'perplexity'),
    })),
    { measure: 'distinct-2 of replies, %', value: figure(table, 'dialogue', 'distinct2') },
    { measure: 'code that parses, %', value: figure(table, 'code', 'parses') },
  ],
}

/** Different n-grams of words among all, in percent (Li et al. 2016, https://aclanthology.org/N16-1014). */
function distinct(texts: string[], n: number): number {
  const all = texts.flatMap((text) => {
    const words = text.split(/\s+/).filter((word) => word !== '')
    return Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) =>
      words.slice(i, i + n).join(' '),
    )
  })
  return (100 * new Set(all).size) / all.length
}

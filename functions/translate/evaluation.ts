/** How good translations are: sacreBLEU's BLEU and chrF by direction and source, how sure languages are told, and what is kept. */
import { type Evaluation, figure } from '../../bench/evaluation.ts'
import { DETECTABLE, detectLanguage } from '../../src/language/detect.ts'
import { translate } from './function.ts'
import { bleu, chrf } from './sacrebleu.ts'

interface Row {
  src: string
  tgt: string
  pair: string
  source: string
}

/** Sentences of a request. */
const BATCH = 64
const PLACEHOLDERS = ['{name}', '%s', '<b>', '</b>'] as const

export const evaluation: Evaluation<Row> = {
  name: 'translate',
  model: 'translate',
  data: ['translate.dev'],
  about:
    'BLEU and chrF as sacreBLEU computes them (13a, exp; chrF2), four beams. "detected": how often the language of the source was told right, in percent. "kept": of every tenth sentence with a placeholder, %s and a tag around its words, how often all came out once and in order, and how often the sentence had to be translated in parts for that.',
  async *run(rows, runtime) {
    const { signal } = new AbortController()
    const ask = (input: object) => translate.run(translate.input.parse(input), { runtime, signal })
    const table = []
    let done = 0
    const parts = Map.groupBy(rows, ({ pair, source }) => `${pair} ${source}`)
    for (const part of parts.values()) {
      const { pair, source } = part[0]!
      const [english, other] = pair.split('-') as [string, string]
      for (const [from, to] of [
        [english, other],
        [other, english],
      ] as const) {
        const texts = part.map(({ src, tgt }) => (from === english ? src : tgt))
        const references = part.map(({ src, tgt }) => (from === english ? tgt : src))
        const translations: string[] = []
        for (let at = 0; at < texts.length; at += BATCH) {
          const { results } = await ask({ text: texts.slice(at, at + BATCH), source: from, target: to })
          translations.push(...results.map(({ translation }) => translation))
          done += Math.min(BATCH, texts.length - at) / 2
          yield done
        }
        const marked = texts.filter((_, i) => i % 10 === 0).map(withPlaceholders)
        let [complete, inParts] = [0, 0]
        for (const text of marked) {
          const [result] = (await ask({ text, source: from, target: to })).results
          complete += Number(isKept(result!.translation))
          inParts += Number(result!.inParts > 0)
        }
        const share = (count: number, of: number) => (100 * count) / of
        table.push({
          direction: `${from}-${to} ${source}`,
          sentences: texts.length,
          bleu: bleu(translations, references),
          chrf: chrf(translations, references),
          detected: share(
            texts.filter((text) => detectLanguage(text)[0]!.language === from).length,
            texts.length,
          ),
          kept: share(complete, marked.length),
          inParts: share(inParts, marked.length),
        })
      }
    }
    return table
  },
  headlines: (table) =>
    DETECTABLE.filter((language) => language !== 'en').flatMap((language) =>
      [`en-${language}`, `${language}-en`].flatMap((direction) => [
        {
          measure: `BLEU ${direction}, Tatoeba`,
          value: figure(table, `${direction} tatoeba`, 'bleu'),
          bar: 30,
        },
        { measure: `chrF ${direction}, Tatoeba`, value: figure(table, `${direction} tatoeba`, 'chrf') },
      ]),
    ),
}

/** A placeholder in front, a tag around the second word, another placeholder before the end. */
function withPlaceholders(text: string): string {
  const words = text.split(' ')
  const [name, string, open, close] = PLACEHOLDERS
  const middle = Math.min(1, words.length - 1)
  words[middle] = `${open}${words[middle]}${close}`
  return `${name}: ${words.join(' ')} (%s)`.replace('%s', string)
}

function isKept(text: string): boolean {
  const counts = PLACEHOLDERS.map((kept) => text.split(kept).length - 1)
  return counts.every((count) => count === 1) && text.indexOf('<b>') < text.indexOf('</b>')
}

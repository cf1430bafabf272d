/** LibreTranslate's API (https://docs.libretranslate.com/guides/api_usage/) on the translate function. */
import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { describeRoute } from 'hono-openapi'
import type { translate } from '../../../../functions/translate/function.ts'
import { EdgewiseError } from '../../../errors.ts'
import { DETECTABLE, detectLanguage } from '../../../language/detect.ts'
import { languageTags } from '../../../language/tags.ts'
import type { Tokenizer } from '../../../text/tokenizer.ts'
import { MAX_BATCH, MAX_TEXT_LENGTH } from '../../../texts.ts'
import { type Dialect, keepAlive, type Service } from '../../service.ts'
import { plainText, translatableHtml } from './html.ts'
import { describeDetect, describeHealth, describeLanguages, describeTranslate, TAG } from './openapi.ts'
import { readFields } from './request.ts'

const PATHS = ['/translate', '/detect', '/languages', '/health']
const MAX_ALTERNATIVES = 4
/** The least probability of a language that is told. */
const LEAST = 0.1

export const libreTranslate: Dialect = {
  tag: { name: TAG, description: 'Translation by LibreTranslate’s protocol' },
  routes(service) {
    const routes = new Hono()
    const fn = service.find<typeof translate>('translate')
    if (!fn) return routes
    const kept = async <Answer extends object>(c: Context, answer: Promise<Answer>) => {
      keepAlive(c, answer)
      return c.json(await answer)
    }
    routes.post('/translate', describeRoute(describeTranslate), (c) => kept(c, translateFor(c, service, fn)))
    routes.post('/detect', describeRoute(describeDetect), async (c) => {
      const { q } = await readFields(c.req.raw)
      return c.json(detect(textsOf(q).join('\n')))
    })
    routes.get('/languages', describeRoute(describeLanguages), (c) => kept(c, listLanguages(c, service, fn)))
    routes.get('/health', describeRoute(describeHealth), (c) => c.json({ status: 'ok' }))
    return routes
  },
  async key(c) {
    if (!PATHS.includes(c.req.path) || c.req.method !== 'POST') return undefined
    const { api_key: key } = await readFields(c.req.raw.clone()).catch(() => ({}) as Record<string, unknown>)
    return typeof key === 'string' ? key : undefined
  },
  error: (error, c) =>
    PATHS.includes(c.req.path)
      ? c.json({ error: textOf(error) }, error.status as ContentfulStatusCode)
      : undefined,
}

const invalid = (message: string) => new EdgewiseError('invalid_input', message, '')

const textOf = ({ message, hint }: EdgewiseError): string =>
  [message, hint].filter((one) => one !== '').join(' ')

interface Detection {
  /** Per cent. */
  confidence: number
  language: string
}

/** LibreTranslate's answer to a text that has no letters. */
const UNTOLD: Detection = { confidence: 0, language: 'en' }

function detect(text: string): Detection[] {
  if (!/\p{L}/u.test(text)) return [UNTOLD]
  return detectLanguage(text)
    .filter(({ score }, i) => i === 0 || score >= LEAST)
    .map(({ language, score }) => ({ confidence: Math.round(score * 100), language }))
}

/** The languages of a translation model: its vocabulary has a token for each. */
const languagesOf = (tokenizer: Tokenizer): string[] =>
  [...languageTags(tokenizer).keys()].filter((language) => DETECTABLE.includes(language)).sort()

async function listLanguages(c: Context, service: Service, fn: typeof translate) {
  const { runtime, signal } = service.context(c)
  const languages = languagesOf((await runtime.generator(fn.model!, signal)).tokenizer)
  const names = new Intl.DisplayNames(['en'], { type: 'language' })
  return languages.map((code) => ({ code, name: names.of(code) ?? code, targets: languages }))
}

/** @throws EdgewiseError `invalid_input` in LibreTranslate's words */
function textsOf(q: unknown): string[] {
  if (q === undefined || q === null || q === '' || (Array.isArray(q) && q.length === 0))
    throw invalid('Invalid request: missing q parameter')
  const texts: unknown[] = Array.isArray(q) ? q : [q]
  if (!texts.every((text): text is string => typeof text === 'string'))
    throw invalid('Invalid request: q parameter is neither a text nor a list of texts')
  const tooMany = (size: number, limit: number) =>
    invalid(`Invalid request: request (${size}) exceeds text limit (${limit})`)
  if (texts.length > MAX_BATCH) throw tooMany(texts.length, MAX_BATCH)
  const longest = Math.max(...texts.map(({ length }) => length))
  if (longest > MAX_TEXT_LENGTH) throw tooMany(longest, MAX_TEXT_LENGTH)
  return texts
}

function languageOf(given: unknown, name: string, languages: readonly string[]): string {
  if (given === undefined || given === null || given === '')
    throw invalid(`Invalid request: missing ${name} parameter`)
  const code = String(given).toLowerCase().split(/[-_]/)[0]!
  if (languages.includes(code)) return code
  throw new EdgewiseError('language_unsupported', `${String(given).slice(0, 100)} is not supported`, '')
}

function alternativesOf(given: unknown): number {
  const count = Number(given ?? 0)
  if (!Number.isInteger(count)) throw invalid('Invalid request: alternatives parameter is not a number')
  if (count > MAX_ALTERNATIVES)
    throw invalid(`Invalid request: alternatives parameter must be <= ${MAX_ALTERNATIVES}`)
  return Math.max(0, count)
}

async function translateFor(c: Context, service: Service, fn: typeof translate) {
  const fields = await readFields(c.req.raw)
  const texts = textsOf(fields.q)
  const { runtime, signal } = service.context(c)
  const { tokenizer } = await runtime.generator(fn.model!, signal)
  const languages = languagesOf(tokenizer)
  const source = languageOf(fields.source, 'source', ['auto', ...languages])
  const target = languageOf(fields.target, 'target', languages)
  const alternatives = alternativesOf(fields.alternatives)
  const format = fields.format || 'text'
  if (format !== 'text' && format !== 'html')
    throw invalid(`${String(format).slice(0, 100)} format is not supported`)

  const results: { text: string; detected: Detection | undefined; others: string[] }[] = []
  for (const text of texts) {
    const document = format === 'html' ? translatableHtml(text) : plainText(text)
    const detected = source === 'auto' ? detect(document.visible)[0]! : undefined
    const from = detected?.language ?? source
    const translated: string[] = []
    let others: string[] = []
    for (let at = 0; at < document.texts.length && from !== target; at += MAX_BATCH) {
      const batch = document.texts.slice(at, at + MAX_BATCH)
      const input = { text: batch, source: from, target, alternatives: format === 'html' ? 0 : alternatives }
      const { results } = await service.run(fn, input, c)
      translated.push(...results.map(({ translation }) => translation))
      others = results[0]!.alternatives.map(({ translation }) => translation)
    }
    const isSame = translated.length === 0
    results.push({ text: isSame ? text : document.join(translated), detected, others })
  }
  const of = <Value>(pick: (result: (typeof results)[0]) => Value) =>
    Array.isArray(fields.q) ? results.map(pick) : pick(results[0]!)
  return {
    translatedText: of(({ text }) => text),
    ...(source === 'auto' && { detectedLanguage: of(({ detected }) => detected!) }),
    ...(alternatives > 0 && { alternatives: of(({ others }) => others) }),
  }
}

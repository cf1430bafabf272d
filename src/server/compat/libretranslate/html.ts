/**
 * HTML as the texts that are to be translated, and together again. A text goes from one block to the next; the markup
 * within it becomes short tags, <t0>, which the translate function keeps whatever they stand for.
 */
import { characterOf, escapeText, REFERENCE } from './character-references.ts'

/** A document whose texts can be translated. */
export interface TranslatableDocument {
  /** What a reader sees, to tell its language by. */
  visible: string
  /** To be translated; none is without letters. */
  texts: string[]
  /** The document with its texts translated, in their order. */
  join(translated: readonly string[]): string
}

/** Text as it is. */
export const plainText = (text: string): TranslatableDocument => ({
  visible: text,
  texts: isLanguage(text) ? [text] : [],
  join: ([translated]) => translated ?? text,
})

const isLanguage = (text: string): boolean => /[\p{L}\p{N}]/u.test(text)

/** Elements that a sentence does not go across. */
const BLOCKS = new Set(
  (
    'address article aside base blockquote body br button caption center col colgroup dd details dialog dir div dl dt ' +
    'fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html iframe input ' +
    'legend li link main menu meta nav noscript ol optgroup option p pre script search section select source style ' +
    'summary table tbody td template textarea tfoot th thead title tr track ul video'
  ).split(' '),
)

/** Elements whose content is no language; translate="no" says the same. */
const OPAQUE = new Set(
  'address audio canvas code kbd math object samp script style svg template time var video'.split(' '),
)

/** Elements whose content is no markup. */
const RAW = new Set(['script', 'style'])

const VOID = new Set('area base br col embed hr img input link meta source track wbr'.split(' '))

interface Token {
  kind: 'text' | 'tag' | 'opaque'
  source: string
  /** Of a tag, in lower case. */
  name: string
  closes: boolean
}

const TAG = /<(\/?)([A-Za-z][^\s/<>]*)(?:"[^"]*"|'[^']*'|[^'"<>])*>/y

/** Tags, comments and the text between them. */
function scan(html: string): Token[] {
  const tokens: Token[] = []
  const push = (kind: Token['kind'], source: string, name = '', closes = false) => {
    const last = tokens.at(-1)
    if (kind === 'text' && last?.kind === 'text') last.source += source
    else if (source !== '') tokens.push({ kind, source, name, closes })
  }
  const until = (end: string, from: number): number => {
    const at = html.indexOf(end, from)
    return at < 0 ? html.length : at + end.length
  }
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf('<', at)
    if (open !== at) {
      push('text', html.slice(at, open < 0 ? html.length : open))
      at = open < 0 ? html.length : open
      continue
    }
    TAG.lastIndex = at
    const tag = TAG.exec(html)
    if (tag) {
      const name = tag[2]!.toLowerCase()
      push('tag', tag[0], name, tag[1] === '/')
      at += tag[0].length
      if (RAW.has(name) && tag[1] === '') {
        const close = html.slice(at).search(new RegExp(`</${name}[\\s/>]`, 'i'))
        const end = close < 0 ? html.length : at + close
        push('opaque', html.slice(at, end))
        at = end
      }
    } else if (html.startsWith('<!--', at) || html.startsWith('<!', at) || html.startsWith('<?', at)) {
      const end = html.startsWith('<!--', at) ? until('-->', at + 4) : until('>', at)
      push('opaque', html.slice(at, end))
      at = end
    } else {
      // Less than.
      push('text', '<')
      at++
    }
  }
  return tokens
}

const isUntranslated = ({ name, source }: Token): boolean =>
  OPAQUE.has(name) || /\stranslate\s*=\s*(?:"no"|'no'|no[\s>])/i.test(source)

/** Makes each element whose content stays as it is one token. */
function withOpaqueElements(tokens: readonly Token[]): Token[] {
  const ends = endsOf(tokens)
  const joined: Token[] = []
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!
    const end = ends.get(i)
    if (end === undefined || !isUntranslated(token)) {
      joined.push(token)
      continue
    }
    const source = tokens
      .slice(i, end + 1)
      .map((one) => one.source)
      .join('')
    joined.push({ kind: 'opaque', source, name: token.name, closes: false })
    i = end
  }
  return joined
}

/** Of the tags that open an element: the index of the one that closes it, where there is one. */
function endsOf(tokens: readonly Token[]): Map<number, number> {
  const ends = new Map<number, number>()
  const open = new Map<string, number[]>()
  tokens.forEach(({ kind, name, source, closes }, i) => {
    if (kind !== 'tag' || VOID.has(name) || source.endsWith('/>')) return
    const starts = open.get(name) ?? []
    open.set(name, starts)
    if (!closes) starts.push(i)
    else if (starts.length > 0) ends.set(starts.pop()!, i)
  })
  return ends
}

const decode = (text: string): string =>
  text.replace(REFERENCE, (reference) => characterOf(reference) ?? reference)

/** A run of text and of what stands within it. */
interface Passage {
  source: string
  /** White space around the text, which stays. */
  lead: string
  text: string
  tail: string
  /** What the tags in the text stand for. */
  markup: string[]
}

/** @param html at most some 50,000 characters */
export function translatableHtml(html: string): TranslatableDocument {
  const tokens = withOpaqueElements(scan(html))
  // Tags that the text itself has not.
  let mark = 't'
  const written = decode(html)
  while (written.includes(`<${mark}`) || written.includes(`</${mark}`)) mark += 't'

  const parts: (string | Passage)[] = []
  let run: Token[] = []
  let preformatted = 0
  const endRun = () => {
    if (run.length > 0) parts.push(passageOf(run, mark, preformatted > 0))
    run = []
  }
  for (const token of tokens) {
    if (!BLOCKS.has(token.name)) {
      run.push(token)
      continue
    }
    endRun()
    parts.push(token.source)
    if (token.name === 'pre' && token.kind === 'tag') preformatted += token.closes ? -1 : 1
  }
  endRun()

  const passages = parts
    .filter((part) => typeof part !== 'string')
    .filter(({ text }) => isLanguage(bare(text, mark)))
  return {
    visible: passages.map(({ text }) => bare(text, mark)).join('\n'),
    texts: passages.map(({ text }) => text),
    join(translated) {
      const texts = new Map(passages.map((passage, i) => [passage, translated[i]!]))
      return parts
        .map((part) => {
          if (typeof part === 'string') return part
          const text = texts.get(part)
          return text === undefined ? part.source : part.lead + restored(text, part.markup, mark) + part.tail
        })
        .join('')
    },
  }
}

const tagsOf = (mark: string) => new RegExp(`</?${mark}(\\d+)>`, 'g')

const bare = (text: string, mark: string): string => text.replace(tagsOf(mark), '')

function passageOf(run: readonly Token[], mark: string, preformatted: boolean): Passage {
  const source = run.map((token) => token.source).join('')
  const markup: string[] = []
  const stands = (original: string, closes = false) =>
    `<${closes ? '/' : ''}${mark}${markup.push(original) - 1}>`
  const text = run
    .map((token) => {
      if (token.kind !== 'text') return stands(token.source, token.closes)
      return token.source.replace(REFERENCE, (reference) => characterOf(reference) ?? stands(reference))
    })
    .join('')
  const [, lead, body, tail] = text.match(/^([ \t\r\n\f]*)([\s\S]*?)([ \t\r\n\f]*)$/)!
  return {
    source,
    lead: lead!,
    // A line break within a paragraph is white space, and would end a sentence.
    text: preformatted ? body! : body!.replace(/[ \t\f]*[\r\n][ \t\r\n\f]*/g, ' '),
    tail: tail!,
    markup,
  }
}

/** A translation as HTML, with its markup. */
function restored(text: string, markup: readonly string[], mark: string): string {
  let out = ''
  let at = 0
  for (const { 0: tag, 1: number, index } of text.matchAll(tagsOf(mark))) {
    out += escapeText(text.slice(at, index)) + (markup[Number(number)] ?? escapeText(tag))
    at = index + tag.length
  }
  return out + escapeText(text.slice(at))
}

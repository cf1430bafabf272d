/** An answer drawn by its shape: scores as bars, spans in their text, tokens as chips; whatever else as JSON. */
/// <reference lib="dom" />

type Json = Record<string, unknown>

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'number')
const isList = (value: unknown, ...keys: string[]): value is Json[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((item) => isObject(item) && keys.every((key) => key in item))

function element(tag: string, className: string, ...content: (string | Node)[]): HTMLElement {
  const made = document.createElement(tag)
  if (className) made.className = className
  made.append(...content)
  return made
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`

/** Most bars of one result; of many labels the highest count. */
const MAX_BARS = 12

function bars(scores: [name: string, score: number][]): HTMLElement[] {
  return scores.slice(0, MAX_BARS).map(([name, score]) => {
    const fill = element('i', '')
    fill.style.width = `${score * 100}%`
    fill.style.setProperty('--colour', `var(--${name.replace(/[^a-z]/g, '')}, var(--accent))`)
    return element(
      'div',
      'score',
      element('span', '', name),
      element('span', 'bar', fill),
      element('output', '', percent(score)),
    )
  })
}

function scoreBars(scores: Json): HTMLElement[] {
  const entries = Object.entries(scores) as [string, number][]
  return bars(entries.length > 4 ? entries.sort((a, b) => b[1] - a[1]) : entries)
}

/** A text with parts marked: [start, end, class], none within another. */
function marked(text: string, parts: [start: number, end: number, className: string][]): HTMLElement {
  const box = element('p', 'context')
  let at = 0
  for (const [start, end, className] of parts.sort((a, b) => a[0] - b[0])) {
    if (start < at) continue
    box.append(
      text.slice(at, start),
      element(className === 'answer' ? 'mark' : 'u', '', text.slice(start, end)),
    )
    at = end
  }
  box.append(text.slice(at))
  return box
}

const labelOf = ({ label, score }: Json) =>
  label === null ? 'not mentioned' : `${label} ${percent(score as number)}`

function drawResult(result: Json): HTMLElement[] {
  const parts: HTMLElement[] = []
  if (isObject(result.scores) && typeof result.label === 'string')
    parts.push(element('h2', '', result.label), ...scoreBars(result.scores))
  if (isObject(result.emotion)) {
    const { label, scores } = result.emotion as { label: string; scores: Json }
    parts.push(element('h3', '', `Emotion: ${label}`), ...scoreBars(scores))
  }
  if (isList(result.sentences, 'text', 'label'))
    parts.push(
      element('h3', '', 'Sentences'),
      table(result.sentences.map((row) => [String(row.text), labelOf(row)])),
    )
  if (isList(result.aspects, 'aspect'))
    parts.push(
      element('h3', '', 'Aspects'),
      table(result.aspects.map((row) => [String(row.aspect), labelOf(row)])),
    )
  if (isList(result.masks, 'predictions'))
    for (const { predictions } of result.masks) {
      const found = predictions as { token: string; score: number; sequence: string }[]
      parts.push(
        element('h2', '', found[0]?.token ?? ''),
        ...bars(found.map(({ token, score }) => [token, score])),
        element('p', 'context', found[0]?.sequence ?? ''),
      )
    }
  if (isNumbers(result.embedding)) parts.push(...drawVector(result.embedding))
  if (isList(result.tokens, 'token', 'id'))
    parts.push(
      element(
        'p',
        'chips',
        ...result.tokens.map(({ token, id }) =>
          element('span', 'chip', String(token), element('small', '', String(id))),
        ),
      ),
    )
  if (typeof result.perplexity === 'number')
    parts.push(element('h2', '', `Perplexity ${result.perplexity.toFixed(1)}`))
  if (isList(result.tokenScores, 'token', 'logProbability'))
    parts.push(
      element(
        'p',
        'chips',
        ...result.tokenScores.map(({ token, logProbability }) => {
          const probability = Math.exp(logProbability as number)
          const chip = element('span', 'chip', String(token), element('small', '', percent(probability)))
          chip.style.setProperty('--share', String(Math.min(1, -(logProbability as number) / 10)))
          return chip
        }),
      ),
    )
  if (typeof result.translation === 'string') {
    const { source, pivot, target, score, alternatives } = result as Json & { alternatives: Json[] }
    const way = [source, pivot, target].filter(Boolean).join(' → ')
    parts.push(
      element('p', 'written', result.translation),
      element('p', 'quiet', `${way} · ${percent(score as number)} a token`),
      ...(alternatives.length > 0
        ? [table(alternatives.map((row) => [String(row.translation), percent(row.score as number)]))]
        : []),
    )
  }
  if (typeof result.summary === 'string') {
    const lines = result.summary.split('\n')
    const method = `${result.method}${result.fallback ? ': not all of it is the model’s' : ''}`
    parts.push(
      isList(result.sentences, 'text')
        ? element('ul', '', ...lines.map((line) => element('li', '', line)))
        : element('p', 'written', result.summary),
      element('p', 'quiet', method),
    )
  }
  if (parts.length === 0) parts.push(raw(result))
  const counts = [
    typeof result.tokens === 'number' ? `${result.tokens} tokens` : '',
    typeof result.windows === 'number' && result.windows > 1 ? `in ${result.windows} windows` : '',
  ].filter(Boolean)
  if (counts.length > 0) parts.push(element('p', 'quiet', counts.join(' ')))
  return parts
}

function drawVector(vector: number[]): HTMLElement[] {
  const max = Math.max(...vector.map(Math.abs)) || 1
  const strip = element('div', 'strip')
  strip.setAttribute('role', 'img')
  strip.setAttribute('aria-label', `${vector.length} numbers as colours`)
  for (const x of vector) {
    const cell = element('i', '')
    cell.style.background = x > 0 ? 'var(--positive)' : 'var(--negative)'
    cell.style.opacity = String(Math.abs(x) / max)
    strip.append(cell)
  }
  const first = vector.slice(0, 8).map((x) => (Number.isInteger(x) ? x : x.toFixed(3)))
  return [
    element('h2', '', `${vector.length} dimensions`),
    strip,
    element('p', 'context', `${first.join(', ')}, …`),
  ]
}

function table(rows: string[][]): HTMLElement {
  const body = element('tbody', '')
  for (const row of rows) body.append(element('tr', '', ...row.map((cell) => element('td', '', cell))))
  return element('table', '', body)
}

const raw = (value: unknown) => element('pre', '', JSON.stringify(value, null, 2))

/** A span that answers, in the text of the request that it is from. */
function drawSpan(answer: Json, request: Json): HTMLElement[] {
  const { sentence, alternatives } = answer as { sentence: Json | null; alternatives: Json[] }
  const index = (answer.document as { index: number } | undefined)?.index
  const document =
    index === undefined ? request.context : (request.documents as unknown[] | undefined)?.[index]
  const text = isObject(document) ? document.text : document
  const found = typeof answer.answer === 'string'
  const parts = [element('h2', '', found ? (answer.answer as string) : 'The text does not say.')]
  if (found) parts.push(...bars([['sure', answer.score as number]]))
  if (found && typeof text === 'string') {
    const [start, end] = [answer.start as number, answer.end as number]
    const spans: [number, number, string][] = [[start, end, 'answer']]
    if (sentence)
      spans.push(
        [sentence.start as number, Math.min(start, sentence.end as number), 'evidence'],
        [Math.max(end, sentence.start as number), sentence.end as number, 'evidence'],
      )
    parts.push(
      marked(
        text,
        spans.filter(([from, to]) => to > from),
      ),
    )
  }
  if (isList(alternatives, 'answer', 'score'))
    parts.push(
      element('h3', '', found ? 'Or' : 'What came nearest'),
      table(alternatives.map((row) => [String(row.answer), percent(row.score as number)])),
    )
  return parts
}

/** A turn of a conversation, and where it is from. */
function drawMessage({ method, evidence, unfamiliar }: Json, { content, toolCalls }: Json): HTMLElement[] {
  const place = isObject(evidence) ? ` ${((evidence.document as Json).index as number) + 1}` : ''
  return [
    ...(isList(toolCalls, 'name') ? toolCalls.map(raw) : [element('p', 'written', String(content))]),
    element('p', 'quiet', `${method}${place}`),
    ...(unfamiliar
      ? [element('p', 'error', 'The model has seen little of the kind: it makes this up.')]
      : []),
  ]
}

/** Code with whether it parses, or any text. */
function drawText({ task, parses, problem, language }: Json, text: string): HTMLElement[] {
  if (task === undefined || task === 'explain') return [element('p', 'written', text)]
  const { message, line } = (problem ?? {}) as { message?: string; line?: number }
  const verdict = parses ? `parses as ${language}` : `does not parse as ${language}: line ${line}, ${message}`
  return [element('pre', '', text), element('p', parses ? 'quiet' : 'error', verdict)]
}

/** @param request the body that was sent */
export function drawAnswer(answer: Json, request: Json): HTMLElement[] {
  if (isList(answer.results)) {
    const texts = [request.text].flat()
    return answer.results.flatMap((result, i) => [
      ...(texts.length > 1 ? [element('p', 'context of', String(texts[i]))] : []),
      ...drawResult(result),
    ])
  }
  if (isList(answer.completions, 'text'))
    return answer.completions.flatMap(({ text, finishReason }) => [
      element('p', 'written', element('span', 'quiet', String(request.prompt)), String(text)),
      element('p', 'quiet', `ended by ${finishReason}`),
    ])
  if (isObject(answer.message)) return drawMessage(answer, answer.message)
  if (typeof answer.text === 'string') return drawText(answer, answer.text)
  if (Array.isArray(answer.alternatives) && 'answer' in answer) return drawSpan(answer, request)
  return [raw(answer)]
}

export const paragraph = (className: string, text: string): HTMLElement => element('p', className, text)

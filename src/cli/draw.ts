/** Answers drawn for a terminal by their shape: whatever function has that shape is drawn so. */

type Json = Record<string, unknown>

interface Scored extends Json {
  label?: string
  score?: number
  scores: Record<string, number>
}

const WIDTH = 30
/** Characters of a text that stands in a line with others. */
const EXCERPT = 70

/**
 * An answer as bars, tables or a sentence, else as indented JSON.
 * @param texts what was asked, in the order of the results
 * @param named whether to write the text above also where there is only one
 */
export function drawAnswer(answer: Json, texts: string[], named = texts.length > 1): string {
  const results = listOf(answer.results)
  const draw =
    results && [drawScored, drawMasks, drawTokens, drawPerplexity].find(({ of }) => results.every(of))
  if (results && draw)
    return results
      .map((result, i) => [...(named ? [oneLine(texts[i] ?? '')] : []), ...draw.lines(result)].join('\n'))
      .join('\n\n')
  const head = named ? texts.map((text) => `${oneLine(text)}\n`).join('') : ''
  if (drawSpan.of(answer)) return head + drawSpan.lines(answer).join('\n')
  return head + JSON.stringify(answer, null, 2)
}

/** How answers of one shape are drawn. */
interface Shape {
  of(value: Json): boolean
  lines(value: Json): string[]
}

/** Classes with scores, and whatever stands in them that has scores too. */
const drawScored: Shape = {
  of: isScored,
  lines: (value) => {
    const { label, scores, ...others } = value as Scored
    return [...(label === undefined ? [] : [oneLine(label)]), ...bars(scores), ...nested(others)]
  },
}

function nested(fields: Json): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (isRecord(value) && isScored(value)) {
      const [first, ...rest] = drawScored.lines(value)
      return value.label === undefined ? [`${name}`, first!, ...rest] : [`${name}: ${first}`, ...rest]
    }
    const items = listOf(value)
    return items && items.length > 0 && items.every(isLabelled) ? [name, ...labelled(items)] : []
  })
}

/** One line an item: its class, its score and the text it is about. */
function labelled(items: Json[]): string[] {
  const labels = items.map(({ label }) => oneLine(String(label ?? 'not mentioned')))
  const width = widest(labels)
  return items.map((item, i) => {
    const text = Object.entries(item).find(
      ([name, value]) => name !== 'label' && typeof value === 'string',
    )?.[1]
    const score = item.score ?? (isScored(item) ? Math.max(...Object.values(item.scores)) : undefined)
    const parts = [
      labels[i]!.padEnd(width),
      typeof score === 'number' ? percent(score) : ' '.repeat(7),
      excerpt(text),
    ]
    return `  ${parts.filter((part) => part !== '').join('  ')}`
  })
}

/** What may stand in the place of each mask. */
const drawMasks: Shape = {
  of: ({ masks }) => listOf(masks)?.every(({ predictions }) => listOf(predictions)) ?? false,
  lines: ({ masks }) =>
    listOf(masks)!.flatMap(({ predictions }, i, all) => [
      ...(all.length > 1 ? [`mask ${i + 1}`] : []),
      ...bars(listOf(predictions)!.map(({ token, score }) => [String(token), Number(score)])),
    ]),
}

const drawTokens: Shape = {
  of: ({ tokens }) => listOf(tokens)?.every(({ token }) => typeof token === 'string') ?? false,
  lines: ({ tokens }) =>
    table(
      ['token', 'id', 'start', 'end'],
      listOf(tokens)!.map(({ token, id, start, end }) => [token, id, start, end]),
    ),
}

const drawPerplexity: Shape = {
  of: ({ perplexity }) => typeof perplexity === 'number',
  lines: ({ perplexity, logProbability, tokens, tokenScores }) => [
    `perplexity ${rounded(perplexity)}  (log-probability ${rounded(logProbability)} of ${tokens} tokens)`,
    ...bars(
      (listOf(tokenScores) ?? []).map(({ token, logProbability }) => [
        String(token),
        Math.exp(Number(logProbability)),
      ]),
    ),
  ],
}

/** An answer found in a text, its evidence and what else might answer. */
const drawSpan: Shape = {
  of: ({ answer, score }) => (typeof answer === 'string' || answer === null) && typeof score === 'number',
  lines: ({ answer, score, sentence, document, alternatives }) => {
    const others = listOf(alternatives) ?? []
    return [
      typeof answer === 'string'
        ? `${oneLine(answer)}  ${percent(Number(score)).trim()}${sourceOf(document)}`
        : `No answer  (the nearest: ${percent(Number(score)).trim()})`,
      ...(isRecord(sentence) ? [`  ${oneLine(String(sentence.text))}`] : []),
      ...(others.length > 0 ? ['alternatives'] : []),
      ...bars(
        others.map((other) => [`${excerpt(other.answer)}${sourceOf(other.document)}`, Number(other.score)]),
      ),
    ]
  },
}

function sourceOf(document: unknown): string {
  if (!isRecord(document)) return ''
  return `  in ${document.id === undefined ? `document ${Number(document.index) + 1}` : oneLine(String(document.id))}`
}

/** Scores of 0 to 1, each beside its name. */
export function bars(scores: Record<string, number> | [string, number][]): string[] {
  const rows = (Array.isArray(scores) ? scores : Object.entries(scores)).map(
    ([name, score]) => [oneLine(name), score] as const,
  )
  const width = Math.max(10, widest(rows.map(([name]) => name)))
  return rows.map(([name, score]) => {
    const filled = Math.max(0, Math.min(WIDTH, Math.round(score * WIDTH)))
    return `  ${name.padEnd(width)} ${'█'.repeat(filled)}${'·'.repeat(WIDTH - filled)} ${percent(score)}`
  })
}

/** Numbers to the right, all else to the left. */
function table(head: string[], rows: unknown[][]): string[] {
  const cells = [head, ...rows.map((row) => row.map((cell) => oneLine(String(cell))))]
  const widths = head.map((_, column) => widest(cells.map((row) => row[column]!)))
  return cells.map((row) => {
    const padded = row.map((cell, column) => {
      const right = typeof rows[0]?.[column] === 'number'
      return right ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
    })
    return `  ${padded.join('  ').trimEnd()}`
  })
}

const percent = (score: number): string => `${(score * 100).toFixed(1).padStart(5)} %`

const rounded = (number: unknown): string => String(Number(Number(number).toPrecision(4)))

const widest = (words: string[]): number => Math.max(0, ...words.map((word) => word.length))

/** Texts may hold whatever a terminal takes as a command. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')

function excerpt(text: unknown): string {
  const line = typeof text === 'string' ? oneLine(text).trim() : ''
  return line.length > EXCERPT ? `${line.slice(0, EXCERPT - 1)}…` : line
}

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const listOf = (value: unknown): Json[] | undefined =>
  Array.isArray(value) && value.every(isRecord) ? value : undefined

function isScored(value: Json): value is Scored {
  return isRecord(value.scores) && Object.values(value.scores).every((score) => typeof score === 'number')
}

const isLabelled = ({ label }: Json): boolean => typeof label === 'string' || label === null

/** The first page: type a text, see the answer. Knows functions only by their definitions' names and examples. */
/// <reference lib="dom" />

interface Form {
  name: string
  summary: string
  primary: string
  examples: { title: string; input: Record<string, unknown> }[]
}

/** Put in by build.ts. */
declare const FUNCTIONS: Form[]

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T
const form = element<HTMLFormElement>('form')
const picker = element<HTMLSelectElement>('function')
const text = element<HTMLTextAreaElement>('text')
const answer = element('answer')
const button = form.querySelector<HTMLButtonElement>('button[type=submit]')!

const current = (): Form => FUNCTIONS.find(({ name }) => name === picker.value)!

/** A list of texts is shown, and typed, one a line with an empty line between. */
const SEPARATOR = '\n\n'

function primaryValue(): string | string[] {
  const parts = text.value.split(/\n\s*\n/).filter((part) => part.trim() !== '')
  return parts.length > 1 ? parts : text.value
}

function showForm(): void {
  const { summary, primary, examples } = current()
  element('summary').textContent = summary
  element('examples').replaceChildren(
    ...examples.map(({ title, input }) => {
      const example = document.createElement('button')
      example.type = 'button'
      example.textContent = title
      example.addEventListener('click', () => {
        text.value = [input[primary]].flat().join(SEPARATOR)
        form.requestSubmit()
      })
      return example
    }),
  )
  text.placeholder = [examples[0]?.input[primary] ?? ''].flat().join(SEPARATOR)
  showCurl()
}

function showCurl(): void {
  const { name, primary } = current()
  const body = JSON.stringify({ [primary]: text.value ? primaryValue() : text.placeholder })
  const quoted = body.replaceAll("'", "'\\''")
  element('curl').textContent =
    `curl ${location.origin}/v1/${name} -H 'content-type: application/json' -d '${quoted}'`
}

let request: AbortController | undefined

async function run(): Promise<void> {
  request?.abort()
  const own = new AbortController()
  request = own
  button.disabled = true
  const { name, primary } = current()
  const start = performance.now()
  try {
    const response = await fetch(`/v1/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ [primary]: primaryValue() }),
      signal: own.signal,
    })
    const body = await response.json()
    if (response.ok) showAnswer(body, performance.now() - start)
    else showError(body.error.message, body.error.hint)
  } catch {
    if (!own.signal.aborted)
      showError('The server did not answer.', 'Check that it still runs, then try again.')
  } finally {
    if (request === own) button.disabled = false
  }
}

function showError(message: string, hint: string): void {
  const lines = [message, hint].map((line) => {
    const paragraph = document.createElement('p')
    paragraph.textContent = line
    return paragraph
  })
  lines[0]!.className = 'error'
  answer.replaceChildren(...lines)
  answer.hidden = false
}

/** A result with scores is drawn as bars; whatever else an answer holds is shown as it is. */
interface Scored {
  label: string
  scores: Record<string, number>
  tokens: number
  windows: number
}

function showAnswer(
  body: { results?: Scored[]; model?: { name: string; revision: string } },
  ms: number,
): void {
  const parts: HTMLElement[] = []
  const results = body.results
  if (results?.every(({ scores }) => scores)) for (const result of results) parts.push(...drawScores(result))
  else {
    const raw = document.createElement('pre')
    raw.textContent = JSON.stringify(body, null, 2)
    parts.push(raw)
  }
  const foot = document.createElement('p')
  foot.className = 'quiet'
  foot.textContent = `${Math.round(ms)} ms${body.model ? ` · model ${body.model.name} ${body.model.revision}` : ''}`
  answer.replaceChildren(...parts, foot)
  answer.hidden = false
}

function drawScores({ label, scores, tokens, windows }: Scored): HTMLElement[] {
  const heading = document.createElement('h2')
  heading.textContent = label
  const rows = Object.entries(scores).map(([name, score]) => {
    const row = document.createElement('div')
    row.className = 'score'
    const title = document.createElement('span')
    title.textContent = name
    const bar = document.createElement('span')
    bar.className = 'bar'
    const fill = document.createElement('i')
    fill.style.width = `${score * 100}%`
    fill.style.setProperty('--colour', `var(--${name})`)
    bar.append(fill)
    const value = document.createElement('output')
    value.textContent = `${(score * 100).toFixed(1)} %`
    row.append(title, bar, value)
    return row
  })
  const note = document.createElement('p')
  note.className = 'quiet'
  note.textContent = `${tokens} tokens${windows > 1 ? ` in ${windows} windows` : ''}`
  return [heading, ...rows, note]
}

picker.replaceChildren(...FUNCTIONS.map(({ name }) => new Option(name, name)))
picker.addEventListener('change', showForm)
text.addEventListener('input', showCurl)
text.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
})
form.addEventListener('submit', (event) => {
  event.preventDefault()
  showCurl()
  void run()
})
showForm()

/** The first page: choose a function, fill its form, see the answer. Knows functions by their definitions alone. */
/// <reference lib="dom" />
import { createClient, type RequestError } from '../src/client/client.ts'
import type { TextPart } from '../src/function.ts'
import { drawAnswer, paragraph } from './answer.ts'
import { type DrawnForm, drawForm, type Form, STREAM } from './form.ts'

/** Put in by build.ts. */
declare const FUNCTIONS: Form[]

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T
const form = element<HTMLFormElement>('form')
const picker = element<HTMLSelectElement>('function')
const answer = element('answer')
const stop = element<HTMLButtonElement>('stop')
const key = element<HTMLInputElement>('key')

type Json = Record<string, unknown>

/** The functions are known when the page runs, not when it is compiled. */
interface Call {
  (input: Json, options: { signal: AbortSignal }): Promise<Json>
  stream(input: Json, options: { signal: AbortSignal }): AsyncGenerator<TextPart, Json, void>
}
const client = () => createClient<[]>({ baseUrl: '', apiKey: key.value }) as Record<string, Call>

let current = FUNCTIONS[0]!
let fields: DrawnForm
let request: AbortController | undefined

function showForm(): void {
  current = FUNCTIONS.find(({ name }) => name === decodeURIComponent(location.hash.slice(1))) ?? FUNCTIONS[0]!
  picker.value = current.name
  request?.abort()
  answer.hidden = true
  fields = drawForm(current, element('fields'))
  element('examples').replaceChildren(
    ...current.examples.map(({ title, input }) => {
      const example = document.createElement('button')
      example.type = 'button'
      example.textContent = title
      example.addEventListener('click', () => {
        fields.fill(input)
        form.requestSubmit()
      })
      return example
    }),
  )
  element('summary').textContent = current.summary
  showCurl()
}

function showCurl(): void {
  let body: unknown
  try {
    body = fields.read()
  } catch {
    return
  }
  const filled = Object.keys(body as object).length > 0 ? body : current.examples[0]?.input
  const quoted = JSON.stringify(filled).replaceAll("'", "'\\''")
  element('curl').textContent =
    `curl ${location.origin}/v1/${current.name} -H 'content-type: application/json' ` +
    `${key.hidden ? '' : '-H "authorization: Bearer $KEY" '}-d '${quoted}'`
}

async function run(): Promise<void> {
  request?.abort()
  const own = new AbortController()
  request = own
  stop.hidden = false
  const start = performance.now()
  try {
    const body = fields.read()
    const streams = STREAM in (current.schema.properties ?? {})
    const result = await (streams ? written(body, own.signal) : client()[current.name]!(body, own))
    if (own.signal.aborted) return
    const { name, revision } = (result.model ?? {}) as { name?: string; revision?: string }
    const foot = `${Math.round(performance.now() - start)} ms${name ? ` · model ${name} ${revision}` : ''}`
    show(...drawAnswer(result, body), paragraph('quiet', foot))
  } catch (error) {
    if (own.signal.aborted) return
    const { message, hint = '', code } = error as RequestError
    if (code === 'unauthorized') askForKey()
    if (code === 'network')
      show(paragraph('error', 'The server did not answer. Check that it still runs, then try again.'))
    else show(paragraph('error', message), ...(hint ? [paragraph('', hint)] : []))
  } finally {
    if (request === own) stop.hidden = true
  }
}

/** Only where the service wants one; it is kept nowhere. */
function askForKey(): void {
  key.hidden = false
  for (const label of key.labels!) label.hidden = false
  key.focus()
}

/** Shows the text as it comes; the answer comes at its end. */
async function written(body: Json, signal: AbortSignal): Promise<Json> {
  const texts: HTMLElement[] = []
  const parts = client()[current.name]!.stream(body, { signal })
  let next = await parts.next()
  for (; !next.done; next = await parts.next()) {
    const { index, text } = next.value
    while (texts.length <= index) texts.push(paragraph('writing', ''))
    texts[index]!.append(text)
    show(...texts)
  }
  return next.value
}

function show(...parts: HTMLElement[]): void {
  answer.replaceChildren(...parts)
  answer.hidden = false
}

picker.replaceChildren(...FUNCTIONS.map(({ name }) => new Option(name, name)))
picker.addEventListener('change', () => {
  location.hash = picker.value
})
addEventListener('hashchange', showForm)
form.addEventListener('input', showCurl)
form.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
})
stop.addEventListener('click', () => request?.abort())
form.addEventListener('submit', (event) => {
  event.preventDefault()
  showCurl()
  void run()
})
showForm()

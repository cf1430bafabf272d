/** The first page: choose a function, fill its form, see the answer. Knows functions by their definitions alone. */
/// <reference lib="dom" />
import { drawAnswer, paragraph } from './answer.ts'
import { type DrawnForm, drawForm, type Form } from './form.ts'

/** Put in by build.ts. */
declare const FUNCTIONS: Form[]

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T
const form = element<HTMLFormElement>('form')
const picker = element<HTMLSelectElement>('function')
const answer = element('answer')
const button = form.querySelector<HTMLButtonElement>('button[type=submit]')!

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
    `curl ${location.origin}/v1/${current.name} -H 'content-type: application/json' -d '${quoted}'`
}

async function run(): Promise<void> {
  request?.abort()
  const own = new AbortController()
  request = own
  button.disabled = true
  const start = performance.now()
  try {
    const body = fields.read()
    const response = await fetch(`/v1/${current.name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: own.signal,
    }).catch(() => {
      throw new Error('The server did not answer. Check that it still runs, then try again.')
    })
    const result = await response.json()
    if (own.signal.aborted) return
    if (!response.ok) show(paragraph('error', result.error.message), paragraph('', result.error.hint))
    else {
      const { name, revision } = result.model ?? {}
      const foot = `${Math.round(performance.now() - start)} ms${name ? ` · model ${name} ${revision}` : ''}`
      show(...drawAnswer(result, body), paragraph('quiet', foot))
    }
  } catch (error) {
    if (!own.signal.aborted) show(paragraph('error', (error as Error).message))
  } finally {
    if (request === own) button.disabled = false
  }
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
form.addEventListener('submit', (event) => {
  event.preventDefault()
  showCurl()
  void run()
})
showForm()

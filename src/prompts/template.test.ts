import { Template } from '@huggingface/jinja'
import { describe, expect, it } from 'vitest'
import { createTemplate, MAX_TEMPLATE_LENGTH, TemplateError } from './template.ts'

const chat =
  "{% for message in messages %}<|{{ message.role }}|>{{ message['content'] | trim }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"

it.each([
  [chat, { messages: [{ role: 'user', content: ' Hi ' }], add_generation_prompt: true }],
  ['{% for i in range(3) %}{{ loop.index }}{% if not loop.last %}, {% endif %}{% endfor %}', {}],
  ['{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m("a") }}{{ items | join("-") }}', { items: ['x', 'y'] }],
  ['{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}', {}],
  ['{{ missing }}|{{ None }}|{{ true and not False }}|{{ {"a": [1, 2.5]} | tojson }}', {}],
])('renders %j as the library does', (source, values) => {
  expect(createTemplate(source).render(values)).toBe(new Template(source).render(values))
})

it('renders a template of a request', () => {
  const { render } = createTemplate(
    '{% for t in texts if t %}{{ t.strip() | upper }}{% endfor %}: {{ texts | join(", ") }}',
    {
      untrusted: true,
    },
  )
  expect(render({ texts: ['a ', '', 'b'] })).toBe('AB: a , , b')
})

/** Templates that would take all time or memory, or reach for the machine they run on. */
const hostile: [what: string, source: string][] = [
  ['an endless range', '{{ range(1000000000) }}'],
  ['a range of infinity', '{{ range(1 / 0) }}'],
  ['a range of no step', '{{ range(0, 5, 0) }}'],
  ['loops in loops', `${'{% for i in range(1000) %}'.repeat(4)}x${'{% endfor %}'.repeat(4)}`],
  ['empty loops in loops', '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}'],
  ['a text that doubles', `{% set s = "0123456789" %}${'{% set s = s ~ s %}'.repeat(40)}{{ s }}`],
  ['a list that doubles', `{% set a = [1] %}${'{% set a = a + a %}'.repeat(40)}{{ a }}`],
  ['lists in lists', `{% set a = ["xxxxxxxx"] %}${'{% set a = [a, a] %}'.repeat(40)}{{ a | tojson }}`],
  ['a namespace in itself', '{% set n = namespace() %}{% set n.n = n %}{{ n | tojson }}'],
  ['a wide indent', '{{ "a" | indent(500000000) }}'],
  ['a wide tojson', '{{ [1] | tojson(indent=500000000) }}'],
  ['a replacement that multiplies', `{% set s = "a" * 1 ~ "${'a'.repeat(9000)}" %}{{ s | replace("a", s) }}`],
  ['a method that multiplies', '{{ "aaaa".replace("a", "b") }}'],
  ['a join that multiplies', '{% set s = "aaaaaaaa" %}{{ [1, 2] | join(s) }}'],
  ['a macro that calls itself', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'],
  ['brackets in brackets', `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`],
  ['ifs in ifs', `${'{% if 1 %}'.repeat(800)}x${'{% endif %}'.repeat(800)}`],
  ['a template too long', 'x'.repeat(MAX_TEMPLATE_LENGTH + 1)],
  ['a constructor', '{{ "".constructor.constructor("return process")() }}'],
  ['a prototype', '{{ {}.__proto__.polluted() }}'],
  ['a function it was not given', '{{ fetch("https://example.org") }}'],
  ['a method by its computed name', '{{ "a"["strip"]() }}'],
  ['what does not parse', '{% for %}'],
  ['what is not closed', '{% if true %}'],
]

describe('a hostile template of a request', () => {
  it.each(hostile)('%s', (_, source) => {
    const start = performance.now()
    expect(() => createTemplate(source, { untrusted: true }).render({})).toThrow(TemplateError)
    expect(performance.now() - start).toBeLessThan(2_000)
  })

  it('reaches nothing of JavaScript by names', () => {
    const { render } = createTemplate(
      '{{ a.constructor }}{{ a.__proto__ }}{{ constructor }}{{ globalThis }}',
      { untrusted: true },
    )
    expect(render({ a: {} })).toBe('')
  })
})

it('limits templates of the storage too', () => {
  for (const what of [
    'an endless range',
    'loops in loops',
    'a text that doubles',
    'a macro that calls itself',
  ]) {
    const [, source] = hostile.find(([name]) => name === what)!
    expect(() => createTemplate(source).render({}), what).toThrow(TemplateError)
  }
})

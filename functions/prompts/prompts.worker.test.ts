import { describe, expect, it } from 'vitest'
import { answerOf, expectError, post, send } from '../../test/worker.ts'

const render = (name: string, body: unknown) => post(`/v1/prompts/${name}/render`, JSON.stringify(body))

it('lists the templates of the service, shows one and renders it', async () => {
  const { prompts } = (await (await send('/v1/prompts')).json()) as {
    prompts: { name: string; revision: string }[]
  }
  const topic = prompts.find(({ name }) => name === 'classify-topic')!
  expect(topic.revision).toMatch(/^[0-9a-f]{12}$/)
  expect(await (await send('/v1/prompts/classify-topic')).json()).toMatchObject({
    name: 'classify-topic',
    revision: topic.revision,
    template: expect.stringContaining('{{ label }}'),
  })
  const response = await render('classify-topic', { values: { label: 'sports' } })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({
    name: 'classify-topic',
    revision: topic.revision,
    text: 'This is about sports.',
  })
})

it('renders a template of the request', async () => {
  const template = '{% for word in words %}{{ loop.index }}. {{ word | upper }}\n{% endfor %}'
  expect(await answerOf('prompts', { template, values: { words: ['a', 'b'] } })).toEqual({
    text: '1. A\n2. B\n',
  })
})

describe('bad input', () => {
  it.each<[string, object, string, RegExp]>([
    ['a template that does not parse', { template: '{% if %}' }, 'template_invalid', /cannot be rendered/],
    ['a template that never ends', { template: '{{ range(1000000000) }}' }, 'template_invalid', /range/],
    [
      'a template that reaches out',
      { template: '{{ "".constructor("x") }}' },
      'template_invalid',
      /constructor/,
    ],
    ['a template that gives up', { template: '{{ raise_exception("No.") }}' }, 'template_invalid', /No\./],
    ['a template too long', { template: 'x'.repeat(20_000) }, 'invalid_input', /16384/],
    ['no template', {}, 'invalid_input', /template/],
    ['values that are a list', { template: 'x', values: [1] }, 'invalid_input', /values/],
  ])('%s', async (_, input, code, message) => {
    await expectError(await post('/v1/prompts', JSON.stringify(input)), code, message)
  })

  it('a prompt that is not there, and values that are none', async () => {
    await expectError(await render('nobody', { values: {} }), 'unknown_prompt', /nobody/)
    await expectError(await send('/v1/prompts/nobody'), 'unknown_prompt', /nobody/)
    await expectError(await render('classify-topic', { values: 7 }), 'invalid_input', /values/)
    await expectError(await render('classify-topic', {}), 'invalid_input', /values/)
    await expectError(await post('/v1/prompts/classify-topic/render', '{'), 'invalid_json')
    await expectError(await send('/v1/prompts/classify-topic/render'), 'method_not_allowed')
  })
})

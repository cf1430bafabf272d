/** Parity with Jinja2 as transformers uses it, from what it made of chat-template.fixture.json (training/make_chat_fixtures.py). */
import { describe, expect, it } from 'vitest'
import fixture from './chat-template.fixture.json' with { type: 'json' }
import { createChatTemplate } from './chat-template.ts'

const templates: Record<string, string> = fixture.templates
const tokens = { bos_token: { content: '<s>', lstrip: false }, eos_token: '</s>' }

it.each(fixture.cases)('$template, case %#', ({ template, messages, values, text }) => {
  const made = createChatTemplate({ ...tokens, chat_template: templates[template] })!
  expect(made.render(messages, values)).toBe(text)
})

describe('tokenizer_config.json', () => {
  it('may hold several templates, of which the default is taken, or none', () => {
    const chat_template = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: '{{ messages[0].content }}' },
    ]
    expect(createChatTemplate({ chat_template })!.render([{ role: 'user', content: 'Hi' }])).toBe('Hi')
    expect(createChatTemplate({})).toBeUndefined()
    expect(createChatTemplate({ chat_template: 7 })).toBeUndefined()
  })

  it('with a template that does not parse, or refuses a conversation', () => {
    expect(() => createChatTemplate({ chat_template: '{% if %}' })).toThrow(
      expect.objectContaining({ code: 'config_invalid' }),
    )
    const strict = createChatTemplate({ chat_template: "{{ raise_exception('Roles must alternate.') }}" })!
    expect(() => strict.render([{ role: 'user', content: 'Hi' }])).toThrow(
      expect.objectContaining({
        code: 'template_invalid',
        message: expect.stringMatching(/Roles must alternate/),
      }),
    )
  })
})

/** Prompts: the templates that functions ask models with, shown and rendered, and templates of one's own to try. */
import * as z from 'zod'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction, type FunctionRoute } from '../../src/function.ts'
import {
  createTemplate,
  MAX_RENDERED_LENGTH,
  MAX_TEMPLATE_LENGTH,
  TemplateError,
} from '../../src/prompts/template.ts'

const values = z.record(z.string().max(100), z.json()).describe('What the template may use, by name')

const promptInfo = z.object({
  name: z.string(),
  revision: z.string().describe('First 12 hex digits of its SHA-256'),
  size: z.int().describe('Bytes'),
})

const rendered = z.object({ text: z.string().max(MAX_RENDERED_LENGTH) })

const routes = {
  list: {
    method: 'get',
    path: '',
    summary: 'List the prompt templates there are',
    output: z.object({ prompts: z.array(promptInfo) }),
    run: async (_, { runtime }) => ({ prompts: await runtime.prompts() }),
  },
  get: {
    method: 'get',
    path: '/:name',
    summary: 'Show a prompt template',
    output: z.object({ name: z.string(), revision: z.string(), template: z.string() }),
    example: { name: 'summarize-headline' },
    async run({ name }, { runtime, signal }) {
      const { revision, source } = await runtime.prompt(name, signal)
      return { name, revision, template: source }
    },
  },
  render: {
    method: 'post',
    path: '/:name/render',
    summary: 'Render a prompt template',
    input: z.strictObject({ values }),
    output: z.object({ name: z.string(), revision: z.string(), ...rendered.shape }),
    example: { name: 'summarize-headline', input: { values: { text: 'The meeting is on Tuesday.' } } },
    async run({ name }, { runtime, signal }, { values }) {
      const prompt = await runtime.prompt(name, signal)
      return { name, revision: prompt.revision, text: tried(() => prompt.render(values as Values)) }
    },
  },
} satisfies Record<string, FunctionRoute>

type Values = z.output<typeof values>

export const prompts = defineFunction({
  name: 'prompts',
  summary: 'Render a template of your own, list and render those of the service',
  description:
    'Renders a Jinja template of the request as those in model storage are rendered. It may use variables, conditions, ' +
    'loops and the filters that cannot make much of little; size and work are limited. `GET /v1/prompts` lists the ' +
    'templates of the service, `POST /v1/prompts/{name}/render` renders one.',
  primary: 'template',
  input: z.strictObject({
    template: z
      .string()
      .min(1, 'must not be empty')
      .max(MAX_TEMPLATE_LENGTH, `must be at most ${MAX_TEMPLATE_LENGTH} characters`)
      .describe('A Jinja template'),
    values: values.default({}),
  }),
  output: rendered,
  examples: [
    {
      title: 'A list',
      input: {
        template: 'Choose one of: {{ labels | join(", ") }}.\nText: {{ text }}',
        values: { labels: ['sports', 'politics'], text: 'The match ended in a draw.' },
      },
    },
  ],
  async run({ template, values }) {
    return { text: tried(() => createTemplate(template, { untrusted: true }).render(values)) }
  },
  routes,
})

/** @throws EdgewiseError `template_invalid` */
function tried(render: () => string): string {
  try {
    return render()
  } catch (cause) {
    const why = cause instanceof TemplateError ? cause : (cause as Error).cause
    if (!(why instanceof TemplateError)) throw cause
    throw new EdgewiseError(
      'template_invalid',
      `The template cannot be rendered: ${why.message.slice(0, 300)}.`,
      'Correct the template or its values; docs/functions/prompts.md tells what a template may use.',
      { cause },
    )
  }
}

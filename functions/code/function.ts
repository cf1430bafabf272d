/** Code: written from a description, filled in between what is there, or explained; a parser tells whether it parses. */
import * as z from 'zod'
import { EdgewiseError } from '../../src/errors.ts'
import { defineFunction, drain, type FunctionContext, type TextPart } from '../../src/function.ts'
import type { Generator } from '../../src/runtime/runtime.ts'
import { modelName, modelUsed } from '../../src/texts.ts'
import { promptOf } from '../chat/conversation.ts'
import { decodingFields } from '../generate/function.ts'
import { completion, usage, write } from '../generate/writing.ts'
import { LANGUAGES, parseCode } from './parse.ts'

const MAX_CODE = 20_000
const part = z.string().max(MAX_CODE, `must be at most ${MAX_CODE} characters`)

/** As the prompts name them. */
const NAMES = { python: 'Python', javascript: 'JavaScript' } as const

const input = z
  .strictObject({
    description: part.min(1, 'must not be empty').optional().describe('What to write code for'),
    prefix: part.optional().describe('To complete: the code before'),
    suffix: part.optional().describe('To complete: the code behind'),
    code: part.min(1, 'must not be empty').optional().describe('The code to explain'),
    language: z.enum(LANGUAGES).default('python'),
    attempts: z
      .int()
      .min(1)
      .max(8)
      .default(3)
      .describe('Most times to write: again, drawn by chance, until the code parses'),
    maxNewTokens: decodingFields.maxNewTokens,
    temperature: z.number().min(0).max(5).default(0).describe('Of the first attempt'),
    seed: decodingFields.seed,
    timeBudget: decodingFields.timeBudget,
    prompt: z
      .string()
      .min(1)
      .max(100)
      .default('code-write')
      .describe('Of write: a template of GET /v1/prompts that takes language and description'),
    stream: z.boolean().default(false).describe('Sends the text as it is written; there is one attempt then'),
    model: modelName('chat'),
  })
  .refine(
    ({ description, prefix, suffix, code }) =>
      [description, prefix ?? suffix, code].filter((given) => given !== undefined).length === 1,
    'give either description, or prefix and suffix, or code',
  )

const output = z.object({
  task: z.enum(['write', 'complete', 'explain']),
  text: z.string().describe('The code that was written, or the explanation'),
  language: z.enum(LANGUAGES),
  parses: z
    .boolean()
    .optional()
    .describe('Whether the code is in the grammar of its language, with what is around it'),
  problem: z
    .object({ message: z.string(), line: z.int(), column: z.int() })
    .optional()
    .describe('Where it is not: the first mistake, counted from 1'),
  attempts: z.int().describe('How many were made; the last is told'),
  finishReason: completion.shape.finishReason,
  usage,
  model: modelUsed,
})

type Input = z.output<typeof input>

export const code = defineFunction({
  name: 'code',
  summary: 'Write, complete or explain code, and tell whether it parses',
  description:
    'Writes Python or JavaScript from a description, fills in what stands between a prefix and a suffix, or explains ' +
    'code. What is written is parsed: `parses` tells, and where it does not another attempt is made. The shipped model ' +
    'learned from two thousand short functions: it has the look of code, and seldom its sense.',
  model: 'chat',
  primary: 'description',
  input,
  output,
  examples: [
    { title: 'Write', input: { description: 'Checks whether a number is prime.', maxNewTokens: 96 } },
    {
      title: 'Complete',
      input: { prefix: 'def add(a, b):\n    return ', suffix: '\n\nprint(add(1, 2))\n', maxNewTokens: 16 },
    },
    { title: 'Explain', input: { code: 'def double(x):\n    return 2 * x', maxNewTokens: 48 } },
  ],
  run: async (input, context) => await drain(writeCode(input, input.attempts, context)),
  stream: (input, context) => writeCode(input, 1, context),
})

async function* writeCode(
  {
    description,
    prefix = '',
    suffix = '',
    code,
    language,
    maxNewTokens,
    temperature,
    seed,
    timeBudget,
    prompt,
    model,
  }: Input,
  attempts: number,
  { runtime, signal }: FunctionContext,
): AsyncGenerator<TextPart, z.output<typeof output>, void> {
  const generator = await runtime.generator(model, signal)
  const task = description !== undefined ? 'write' : code !== undefined ? 'explain' : 'complete'
  const asked = async (name: string, values: object) => {
    const { render } = await runtime.prompt(name, signal)
    const content = render({ language: NAMES[language], ...values })
    return promptOf(generator, [{ role: 'user', content }], [], maxNewTokens).ids
  }
  const fence = `\`\`\`${language}\n`
  const ids =
    task === 'write'
      ? [...(await asked(prompt, { description })), ...generator.tokenizer.encode(fence).ids]
      : task === 'explain'
        ? await asked('code-explain', { code })
        : filling(generator, prefix, suffix)
  const total = { promptTokens: 0, completionTokens: 0 }
  const deadline = timeBudget === undefined ? undefined : performance.now() + timeBudget
  for (let attempt = 1; ; attempt++) {
    const { completions, usage } = yield* write(generator, ids, {
      maxNewTokens,
      temperature: attempt === 1 ? temperature : Math.max(temperature, 0.6),
      topP: 0.95,
      ...(task === 'explain' && { repetitionPenalty: 1.1 }),
      ...(task === 'write' && { stop: ['\n```', '```'] }),
      ...(seed !== undefined && { seed: seed + attempt - 1 }),
      ...(deadline !== undefined && { timeBudget: Math.max(1, deadline - performance.now()) }),
      index: 0,
      signal,
    })
    const [{ text, finishReason }] = completions as [(typeof completions)[0]]
    total.promptTokens = usage.promptTokens
    total.completionTokens += usage.completionTokens
    const parsed = task === 'explain' ? undefined : parseCode(prefix + text + suffix, language)
    if (parsed && !parsed.parses && attempt < attempts && finishReason !== 'time') continue
    return {
      task,
      text: task === 'explain' ? text.trim() : text,
      language,
      ...parsed,
      attempts: attempt,
      finishReason,
      usage: total,
      model: { name: generator.name, revision: generator.revision },
    }
  }
}

/** The prompt for what stands in the middle. @throws EdgewiseError `config_invalid` where the model has no tokens for it */
function filling({ name, tokenizer }: Generator, prefix: string, suffix: string): number[] {
  const ids = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'].map((token) => tokenizer.idOf(token))
  const [before, behind, middle] = ids
  if (before === undefined || behind === undefined || middle === undefined)
    throw new EdgewiseError(
      'config_invalid',
      `Model "${name}" does not fill in: its vocabulary has no <|fim_middle|>.`,
      'Choose a model of code that does; GET /v1/models lists what there is.',
    )
  return [before, ...tokenizer.encode(prefix).ids, behind, ...tokenizer.encode(suffix).ids, middle]
}

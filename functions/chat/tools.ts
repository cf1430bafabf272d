/** Tools: which one to call, and the JSON that a call must be. */
import * as z from 'zod'
import { EdgewiseError } from '../../src/errors.ts'
import type { FunctionContext } from '../../src/function.ts'
import { similarity } from '../../src/similarity.ts'

export const toolDefinition = z.strictObject({
  name: z.string().regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -'),
  description: z.string().max(1_000).default(''),
  parameters: z
    .record(z.string(), z.json())
    .default({ type: 'object', properties: {}, additionalProperties: false })
    .describe('JSON schema of the arguments'),
})

export type Tool = z.output<typeof toolDefinition>

export const toolCall = z.object({
  name: z.string(),
  arguments: z.record(z.string(), z.json()),
})

/** From this cosine of a message and a tool's description on, `auto` calls it. */
export const NEAR = 0.45

/** @throws EdgewiseError `invalid_input` where a tool is named that is not there, or one is required and none is */
export async function chooseTool(
  tools: readonly Tool[],
  choice: 'auto' | 'none' | 'required' | { name: string },
  message: string,
  { runtime, signal }: FunctionContext,
): Promise<Tool | undefined> {
  const repeated = tools.find(({ name }, i) => tools.findIndex((tool) => tool.name === name) < i)
  if (repeated)
    throw new EdgewiseError(
      'invalid_input',
      `tools: "${repeated.name}" is there twice.`,
      'Name each tool once.',
    )
  if (typeof choice === 'object') {
    const named = tools.find(({ name }) => name === choice.name)
    if (named) return named
    throw new EdgewiseError(
      'invalid_input',
      `toolChoice: there is no tool "${choice.name}".`,
      'Name one of the tools.',
    )
  }
  if (choice === 'none') return undefined
  if (tools.length === 0) {
    if (choice === 'auto') return undefined
    throw new EdgewiseError(
      'invalid_input',
      'toolChoice: a tool is required and there is none.',
      'Give tools.',
    )
  }
  if (choice === 'required' && tools.length === 1) return tools[0]
  const { tool, near } = await nearestTool(tools, message, { runtime, signal })
  return choice === 'required' || near >= NEAR ? tool : undefined
}

/** The tool whose name and description are nearest to a message, and their cosine. */
export async function nearestTool(
  tools: readonly Tool[],
  message: string,
  { runtime, signal }: FunctionContext,
): Promise<{ tool: Tool; near: number }> {
  const encoder = await runtime.encoder('embed', signal, 'hidden-states')
  const texts = [
    message,
    ...tools.map(({ name, description }) => `${name.replace(/[_-]/g, ' ')}: ${description}`),
  ]
  const room = encoder.contextLength - encoder.specialTokens
  const [own, ...others] = await encoder.embed(
    texts.map((text) => encoder.wrap(encoder.tokenize(text).slice(0, room))),
    'mean',
    signal,
  )
  const near = others.map((vector) => similarity([...own!], [...vector]))
  const nearest = near.indexOf(Math.max(...near))
  return { tool: tools[nearest]!, near: near[nearest]! }
}

/** The schema of a call: the tool's name, and arguments by its own schema. */
export const toolSchema = ({ name, parameters }: Tool) => ({
  type: 'object',
  properties: { name: { const: name }, arguments: parameters },
  required: ['name', 'arguments'],
  additionalProperties: false,
})

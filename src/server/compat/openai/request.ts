/** What the requests of several routes have in common, by OpenAI's names, and what of them functions take. */
import type { Context } from 'hono'
import * as z from 'zod'
import { EdgewiseError } from '../../../errors.ts'
import { readInput } from '../../body.ts'
import { inputError } from '../../errors.ts'

const HINT = 'docs/openai.md says what is understood.'

/**
 * The body of a request. Fields that are not known are left alone, as clients send new ones before servers know them;
 * `refused` are those that would change the answer and cannot be honoured.
 * @throws EdgewiseError `invalid_input`, and those of readInput()
 */
export async function readRequest<Body extends z.ZodObject>(
  c: Context,
  body: Body,
  refused: readonly string[],
): Promise<z.output<Body>> {
  const given = (await readInput(c.req.raw, 'input')) as Record<string, unknown>
  const field = refused.find((name) => isAsked(given[name]))
  if (field) throw new EdgewiseError('invalid_input', `${field} is not supported.`, `Leave it out; ${HINT}`)
  const parsed = body.safeParse(given)
  if (!parsed.success) throw inputError(parsed.error, HINT)
  return parsed.data
}

/** Whether a field asks for anything: clients spell out defaults. */
const isAsked = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0)

/** Absent or null: clients send both. */
export const optional = <T extends z.ZodType>(type: T) =>
  type.nullish().transform((value) => value ?? undefined)

export const model = z.string().min(1).max(100).describe('A name of GET /v1/models')

/** Of decoding. */
export const sampling = {
  temperature: optional(z.number().min(0).max(2)).describe(
    '0 unless given, which takes the likeliest token each time; 1 where n is more than 1',
  ),
  top_p: optional(z.number().min(0).max(1)),
  seed: optional(z.int()),
  stop: optional(z.union([z.string(), z.array(z.string())])),
  presence_penalty: optional(z.number().min(-2).max(2)),
  frequency_penalty: optional(z.number().min(-2).max(2)),
  logit_bias: optional(z.record(z.string(), z.number())).describe(
    'By the token ids of the model’s own tokenizer',
  ),
}

/** How many texts. */
export const n = optional(z.int().min(1).max(8))

interface Sampling {
  temperature?: number | undefined
  top_p?: number | undefined
  seed?: number | undefined
  stop?: string | string[] | undefined
  presence_penalty?: number | undefined
  frequency_penalty?: number | undefined
  logit_bias?: Record<string, number> | undefined
}

/** The same by the names of generate and chat. @param n texts that are asked for */
export function decodingOf(request: Sampling, maxTokens: number | undefined, n = 1) {
  const {
    temperature = n > 1 ? 1 : 0,
    top_p,
    seed,
    stop,
    presence_penalty,
    frequency_penalty,
    logit_bias,
  } = request
  return {
    temperature,
    // A share of 0 leaves the likeliest token, as does the smallest that there is.
    ...(top_p !== undefined && { topP: Math.max(top_p, Number.MIN_VALUE) }),
    ...(seed !== undefined && { seed: Math.abs(seed) }),
    ...(stop !== undefined && { stop: [stop].flat().filter((one) => one !== '') }),
    ...(presence_penalty !== undefined && { presencePenalty: presence_penalty }),
    ...(frequency_penalty !== undefined && { frequencyPenalty: frequency_penalty }),
    ...(logit_bias !== undefined && { logitBias: logit_bias }),
    ...(maxTokens !== undefined && { maxNewTokens: maxTokens }),
  }
}

/** JSON that the answer must be. */
export const jsonSchema = z.looseObject({ name: z.string(), schema: z.record(z.string(), z.json()) })

/** Of a request for JSON of whatever form. */
export const ANY_OBJECT = { type: 'object' }

/** @param prefix of what it is, as in OpenAI's: chatcmpl, cmpl, resp, msg, call */
export const newId = (prefix: string): string => `${prefix}-${crypto.randomUUID().replaceAll('-', '')}`

/** Seconds since 1970. */
export const now = (): number => Math.floor(Date.now() / 1000)

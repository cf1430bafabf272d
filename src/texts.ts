/** What functions that take one text or many have in common. */
import * as z from 'zod'

/** Most characters of one text: about 12,000 tokens, 100 windows. */
export const MAX_TEXT_LENGTH = 50_000
/** Most texts of one request. */
export const MAX_BATCH = 64

/** A text that says something. */
export const text = z
  .string()
  .max(MAX_TEXT_LENGTH, `must be at most ${MAX_TEXT_LENGTH} characters; split it`)
  .refine((value) => value.trim() !== '', 'must not be empty')

/** A text, or up to MAX_BATCH of them. */
export const texts = z.union([
  text,
  z.array(text).min(1, 'must hold at least one text').max(MAX_BATCH, `must hold at most ${MAX_BATCH} texts`),
])

export const textList = (input: z.output<typeof texts>): string[] =>
  typeof input === 'string' ? [input] : input

/** The field that names a model. */
export const modelName = (name: string) =>
  z.string().min(1).max(100).default(name).describe('Name of a model in the catalog')

/** The model that answered. */
export const modelUsed = z
  .object({ name: z.string(), revision: z.string() })
  .describe('The model that answered')

export const probability = z.number().min(0).max(1)

/** An index into a text, in UTF-16 units as JavaScript counts. */
export const offset = z.int().min(0)

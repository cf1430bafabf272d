/**
 * catalog.json lists the models there are with the size and sha256 of each file. Files are opened through it, so
 * that a missing, cut or altered one is an error and never a wrong answer.
 */
import * as z from 'zod'
import { EdgewiseError } from '../errors.ts'
import { sha256Sink } from './sha256.ts'
import type { ModelStorage } from './storage.ts'

const catalogFile = z.object({ size: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) })

const catalogModel = z.object({
  name: z.string(),
  task: z.string(),
  summary: z.string(),
  license: z.string(),
  /** By name within the model's folder. */
  files: z.record(z.string(), catalogFile),
})

const uniqueNames = (entries: { name: string }[]) =>
  new Set(entries.map(({ name }) => name)).size === entries.length

export const catalogSchema = z.object({
  models: z.array(catalogModel).refine(uniqueNames, 'two models have one name'),
  /** Templates in prompts/NAME.jinja, by name. */
  prompts: z.record(z.string(), catalogFile).default({}),
})

export type Catalog = z.infer<typeof catalogSchema>
export type CatalogModel = z.infer<typeof catalogModel>

/** As Response.text() does, which in Node costs a cold start 40 ms of loading its HTTP client. */
async function readText(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  const reader = stream.getReader()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    text += decoder.decode(value, { stream: !done })
    if (done) return text
  }
}

/** @throws EdgewiseError `catalog_invalid`, and what the storage throws */
export async function readCatalog(storage: ModelStorage, signal?: AbortSignal): Promise<Catalog> {
  const text = await readText(await storage.open('catalog.json', signal))
  try {
    return catalogSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new EdgewiseError(
      'catalog_invalid',
      'models/catalog.json is not a valid catalog.',
      'Make it again: npm run catalog.',
      { cause },
    )
  }
}

/**
 * Opens a model's file as a stream that fails at its end unless size and hash are the catalog's. What was read must
 * not be used before the stream has ended.
 * @throws EdgewiseError `file_missing`, `storage_failed`; the stream: `file_truncated`, `file_altered`
 */
export async function openVerified(
  storage: ModelStorage,
  model: CatalogModel,
  file: string,
): Promise<ReadableStream<Uint8Array>> {
  const expected = model.files[file]
  if (!expected)
    throw new EdgewiseError(
      'file_missing',
      `The catalog lists no ${file} for model "${model.name}".`,
      'Add the file to the model and make the catalog again: npm run catalog.',
    )
  return openExpected(storage, `${model.name}/${file}`, expected)
}

/** A prompt template whole and verified; undefined if the catalog has none of the name. */
export async function readPrompt(
  storage: ModelStorage,
  { prompts }: Catalog,
  name: string,
): Promise<string | undefined> {
  if (!Object.hasOwn(prompts, name)) return undefined
  return await readText(await openExpected(storage, `prompts/${name}.jinja`, prompts[name]!))
}

async function openExpected(
  storage: ModelStorage,
  path: string,
  expected: z.infer<typeof catalogFile>,
): Promise<ReadableStream<Uint8Array>> {
  const hash = sha256Sink()
  const reader = (await storage.open(path)).getReader()
  let size = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read().catch((cause: unknown) => {
          if (cause instanceof EdgewiseError) throw cause
          throw new EdgewiseError('storage_failed', `Reading ${path} failed.`, 'Try again in a moment.', {
            cause,
          })
        })
        if (!done) {
          size += value.length
          await hash.write(value)
          return controller.enqueue(value)
        }
        if (size < expected.size)
          throw new EdgewiseError(
            'file_truncated',
            `${path} has ${size} bytes, the catalog says ${expected.size}.`,
            'Store the file again: it was cut off.',
          )
        if (size > expected.size || (await hash.digest()) !== expected.sha256)
          throw new EdgewiseError(
            'file_altered',
            `${path} is not the file that the catalog lists.`,
            'Store the published file again, or make the catalog again if the change was meant: npm run catalog.',
          )
        controller.close()
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // Nothing is read ahead: a storage may use its buffers again.
    { highWaterMark: 0 },
  )
}

/** A small file (config, tokenizer) whole and verified, as JSON. */
export async function readVerifiedJson(
  storage: ModelStorage,
  model: CatalogModel,
  file: string,
): Promise<unknown> {
  const text = await readText(await openVerified(storage, model, file))
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new EdgewiseError(
      'config_invalid',
      `${model.name}/${file} is not JSON.`,
      'Store the published file again.',
      { cause },
    )
  }
}

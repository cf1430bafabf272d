/** Trained classifiers, kept by name. */
import * as z from 'zod'
import { EdgewiseError } from '../errors.ts'
import type { ObjectStorage } from '../storage/objects.ts'
import type { Head } from './head.ts'

export const classifierName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/,
    'must be 1 to 64 of a to z, 0 to 9 and -, none of these at its ends',
  )

/** What is told of a classifier. */
export const classifierInfo = z.object({
  name: classifierName,
  description: z.string().optional(),
  labels: z.array(z.string()),
  examples: z.int().describe('How many it was trained on'),
  accuracy: z
    .number()
    .describe('Share that heads got right of examples that they had not seen: five-fold cross-validation'),
  majority: z.number().describe('What guessing the most frequent label gives'),
  perLabel: z.array(
    z.object({ label: z.string(), count: z.int(), precision: z.number(), recall: z.number() }),
  ),
  model: z.object({ name: z.string(), revision: z.string() }).describe('Whose embeddings it reads'),
})

export type ClassifierInfo = z.infer<typeof classifierInfo>

export interface StoredClassifier {
  info: ClassifierInfo
  head: Head
}

export interface ClassifierStore {
  /** @throws EdgewiseError `unknown_classifier`, `storage_failed` */
  get(name: string): Promise<StoredClassifier>
  has(name: string): Promise<boolean>
  put(classifier: StoredClassifier): Promise<void>
  /** @throws EdgewiseError `unknown_classifier`, `storage_failed` */
  remove(name: string): Promise<void>
  /** Names, in order. */
  names(): Promise<string[]>
}

const PREFIX = 'classifiers/'
const SUFFIX = '.json'

const stored = z.object({
  info: classifierInfo,
  head: z.object({ width: z.int(), weights: z.string() }),
})

export function classifierStore(storage: ObjectStorage): ClassifierStore {
  const keyOf = (name: string) => {
    // Names come from paths of requests as well, which no schema has seen.
    if (!classifierName.safeParse(name).success) throw unknown(name)
    return `${PREFIX}${name}${SUFFIX}`
  }
  const unknown = (name: string) =>
    new EdgewiseError(
      'unknown_classifier',
      `There is no classifier "${name.slice(0, 100)}".`,
      'GET /v1/classifiers lists what there is; POST /v1/classifiers trains one.',
    )
  return {
    async get(name) {
      const text = await storage.get(keyOf(name))
      if (text === undefined) throw unknown(name)
      const parsed = stored.safeParse(readJson(text))
      if (!parsed.success) throw damaged(name)
      const { info, head } = parsed.data
      const bytes = Uint8Array.from(atob(head.weights), (character) => character.charCodeAt(0))
      if (bytes.length !== info.labels.length * (head.width + 1) * 4) throw damaged(name)
      return {
        info,
        head: { labels: info.labels, width: head.width, weights: new Float32Array(bytes.buffer) },
      }
    },
    has: async (name) => (await storage.get(keyOf(name))) !== undefined,
    async put({ info, head }) {
      const bytes = new Uint8Array(head.weights.buffer, head.weights.byteOffset, head.weights.byteLength)
      let binary = ''
      for (const byte of bytes) binary += String.fromCharCode(byte)
      const weights = btoa(binary)
      await storage.put(keyOf(info.name), JSON.stringify({ info, head: { width: head.width, weights } }))
    },
    async remove(name) {
      if (!(await storage.delete(keyOf(name)))) throw unknown(name)
    },
    names: async () =>
      (await storage.list(PREFIX))
        .filter((key) => key.endsWith(SUFFIX))
        .map((key) => key.slice(PREFIX.length, -SUFFIX.length)),
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const damaged = (name: string) =>
  new EdgewiseError(
    'storage_failed',
    `The stored classifier "${name}" is damaged.`,
    'Train it again with "replace": true.',
  )

/** @throws EdgewiseError `not_configured` where the service keeps no classifiers */
export function requireStore(store: ClassifierStore | undefined): ClassifierStore {
  if (store) return store
  throw new EdgewiseError(
    'not_configured',
    'This service has no place to keep classifiers.',
    'Bind an R2 bucket or a KV namespace as CLASSIFIERS in wrangler.toml.',
  )
}

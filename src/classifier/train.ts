/** From labelled texts to a head: embeddings, checks of the examples, and their order. */
import { EdgewiseError } from '../errors.ts'
import { embedTexts, normalized } from '../runtime/embeddings.ts'
import type { Encoder } from '../runtime/runtime.ts'
import type { Examples } from './head.ts'

export interface LabelledText {
  text: string
  label: string
}

/** Texts embedded at a time, so that not all their hidden states are held at once. */
const BATCH = 64

/**
 * Labels in the order in which they first appear.
 * @throws EdgewiseError `invalid_input` where all have one label
 */
export function labelsOf(examples: readonly LabelledText[]): string[] {
  const counts = new Map<string, number>()
  for (const { label } of examples) counts.set(label, (counts.get(label) ?? 0) + 1)
  if (counts.size < 2)
    throw new EdgewiseError(
      'invalid_input',
      `examples: all have the label "${[...counts.keys()][0]?.slice(0, 100)}".`,
      'Give examples of at least two labels.',
    )
  return [...counts.keys()]
}

/** Vectors of length 1 with the index of each one's label. */
export async function embedExamples(
  encoder: Encoder,
  examples: readonly LabelledText[],
  labels: string[],
  signal: AbortSignal,
): Promise<Examples & { tokens: number }> {
  const features: Float32Array[] = []
  let tokens = 0
  for (let start = 0; start < examples.length; start += BATCH) {
    const texts = examples.slice(start, start + BATCH).map(({ text }) => text)
    for (const embedded of await embedTexts(encoder, texts, 'mean', signal)) {
      features.push(normalized(embedded.vector))
      tokens += embedded.tokens
    }
  }
  return { features, gold: examples.map(({ label }) => labels.indexOf(label)), tokens }
}

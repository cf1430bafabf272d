/** Texts of any length as vectors. */
import type { Pooling } from '../backends/encoder.ts'
import type { Encoder } from './runtime.ts'
import { splitWindows } from './windows.ts'

export interface Embedded {
  /** [width], not normalized. */
  vector: Float32Array
  /** Without special tokens. */
  tokens: number
  windows: number
}

/**
 * One vector a text: pooled hidden states, of a long text those of its windows averaged by their length.
 * @throws EdgewiseError `request_aborted`
 */
export async function embedTexts(
  encoder: Encoder,
  texts: readonly string[],
  pooling: Pooling,
  signal?: AbortSignal,
): Promise<Embedded[]> {
  const windowsOf = texts.map((text) =>
    splitWindows(encoder.tokenize(text), encoder.contextLength - encoder.specialTokens),
  )
  const pooled = await encoder.pool(windowsOf.flat().map(encoder.wrap), pooling, signal)
  let next = 0
  return windowsOf.map((windows) => {
    const tokens = windows.reduce((sum, { length }) => sum + length, 0)
    const vector = new Float32Array(encoder.width)
    for (const { length } of windows) {
      const own = pooled[next++]!
      // A text of no tokens has one empty window.
      const weight = (length || 1) / (tokens || 1)
      for (let d = 0; d < vector.length; d++) vector[d]! += own[d]! * weight
    }
    return { vector, tokens, windows: windows.length }
  })
}

/** Scaled to length 1, so that a dot product is the cosine; zeros stay. */
export function normalized(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector)
  return length > 0 ? vector.map((x) => x / length) : vector
}

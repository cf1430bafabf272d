/** A text's class by a sequence classifier: long texts in windows whose logits are averaged by length. */
import type { Encoder } from './runtime.ts'
import { softmax } from './softmax.ts'
import { splitWindows } from './windows.ts'

export interface Classified {
  label: string
  score: number
  scores: Record<string, number>
  /** Of the labels, in the model's order. */
  logits: number[]
  tokens: number
  windows: number
}

/** @throws EdgewiseError `request_aborted` */
export async function classifyTexts(
  encoder: Encoder,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Classified[]> {
  const windowsOf = texts.map((text) =>
    splitWindows(encoder.tokenize(text), encoder.contextLength - encoder.specialTokens),
  )
  const logits = await encoder.outputs(windowsOf.flat().map(encoder.wrap), signal)
  let next = 0
  return windowsOf.map((windows) => {
    const own = logits.slice(next, next + windows.length)
    next += windows.length
    return summarize(encoder.labels, windows, own)
  })
}

function summarize(labels: string[], windows: number[][], logits: Float32Array[]): Classified {
  const tokens = windows.reduce((sum, window) => sum + window.length, 0)
  const mean = labels.map((_, c) =>
    // An untokenizable text (control characters only) has no tokens: its one empty window then weighs 1.
    windows.reduce((sum, window, i) => sum + (logits[i]![c]! * (window.length || 1)) / (tokens || 1), 0),
  )
  const probabilities = softmax(mean)
  const best = probabilities.indexOf(Math.max(...probabilities))
  return {
    label: labels[best]!,
    score: probabilities[best]!,
    scores: Object.fromEntries(labels.map((name, c) => [name, probabilities[c]!])),
    logits: mean,
    tokens,
    windows: windows.length,
  }
}

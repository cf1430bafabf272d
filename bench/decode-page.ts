/**
 * Our engine and llama.cpp (wllama) in one page, on the same weights and one thread each, in turn. bench/decode.ts bundles
 * and serves it, beside the kernels and wllama's module, and calls compareWithLlamaCpp.
 */
import { Wllama } from '@wllama/wllama/esm/index.js'
import { compileKernels } from '../src/engine/kernels.ts'
import { argmax, logProbabilities, openOwn, PREFILL, PROMPT, promptOf, STEPS } from './decoders.ts'
import { exportGguf, textOf } from './gguf.ts'
import type { LlamaConfig } from './onnx-llama.ts'
import { readCheckpoint } from './onnx-weights.ts'
import { type LlamaSize, syntheticLlama } from './synthetic.ts'

/** Rounds that let both engines' modules be compiled for good. */
const WARM_UP = 1
/** Tokens at which both are compared, each behind our engine's own text. */
const COMPARED = 16

export interface PageTimes {
  /** Milliseconds of PREFILL tokens. */
  prefill: number[]
  /** Milliseconds of a step behind a prompt of PROMPT tokens, mean of STEPS. */
  step: number[]
}

export interface PageResult {
  own: PageTimes
  peer: PageTimes
  /** llama.cpp's build. */
  version: string
  /** Of COMPARED tokens, how many llama.cpp would choose too. */
  sameTokens: string
  /** Largest difference of a likely token's log probability. */
  difference: number
}

interface Completion {
  choices: { logprobs?: { content: { id: number; top_logprobs: { id: number; logprob: number }[] }[] } }[]
  timings: { prompt_n: number; prompt_ms: number; predicted_n: number; predicted_ms: number }
}

async function compareWithLlamaCpp(size: LlamaSize, rounds: number): Promise<PageResult> {
  const checkpoint = syntheticLlama(size)
  const kernels = await compileKernels(
    async (build) => new Uint8Array(await (await fetch(`kernels.${build}.wasm`)).arrayBuffer()),
  )
  const { model } = await openOwn(checkpoint, kernels)

  const wllama = new Wllama(
    { default: new URL('wllama.wasm', location.href).href },
    { suppressNativeLog: true },
  )
  const file = exportGguf(readCheckpoint(checkpoint.config as unknown as LlamaConfig, checkpoint.weights))
  // Its flash attention, the default, is a little slower here.
  const context = { n_ctx: 2 * PREFILL, n_threads: 1, n_gpu_layers: 0, n_parallel: 1, flash_attn: false }
  await wllama.loadModel([file], context)
  const complete = async (prompt: number[], tokens: number, options: object = {}): Promise<Completion> => {
    const request = {
      ...{ prompt: prompt.map(textOf).join(''), max_tokens: tokens, temperature: 0, seed: 1 },
      ...{ top_k: 1, samplers: ['top_k'], ignore_eos: true, cache_prompt: false, ...options },
    }
    return (await wllama.createCompletion(request)) as unknown as Completion
  }

  // Each next token is the one that our engine finds likeliest, whatever llama.cpp says.
  const [prefill, prompt] = [promptOf(PREFILL, size.vocabulary), promptOf(PROMPT, size.vocabulary)]
  const text = [...prompt]
  let [same, difference] = [0, 0]
  model.reset()
  let logits = await model.feed(prompt)
  for (let i = 0; i < COMPARED; i++) {
    const { choices } = await complete(text, 1, { logprobs: 5, cache_prompt: true })
    const likely = choices[0]!.logprobs!.content[0]!.top_logprobs
    const own = logProbabilities(
      logits,
      likely.map(({ id }) => id),
    )
    difference = Math.max(difference, ...likely.map(({ logprob }, i) => Math.abs(logprob - own[i]!)))
    const next = argmax(logits)
    if (likely[0]!.id === next) same++
    text.push(next)
    logits = await model.feed([next])
  }

  const own: PageTimes = { prefill: [], step: [] }
  const peer: PageTimes = { prefill: [], step: [] }
  for (let round = -WARM_UP; round < rounds; round++) {
    model.reset()
    let start = performance.now()
    await model.feed(prefill)
    const ownPrefill = performance.now() - start
    model.reset()
    logits = await model.feed(prompt)
    start = performance.now()
    for (let i = 0; i < STEPS; i++) logits = await model.feed([argmax(logits)])
    const ownStep = (performance.now() - start) / STEPS

    const read = (await complete(prefill, 1)).timings
    // The first token comes with the prompt.
    const written = (await complete(prompt, 1 + STEPS)).timings
    if (read.prompt_n !== PREFILL || written.predicted_n !== 1 + STEPS)
      throw new Error(`llama.cpp read ${read.prompt_n} and wrote ${written.predicted_n} tokens`)
    if (round < 0) continue
    own.prefill.push(ownPrefill)
    own.step.push(ownStep)
    peer.prefill.push(read.prompt_ms)
    peer.step.push(written.predicted_ms / STEPS)
  }
  await wllama.exit()
  return { own, peer, version: Wllama.getLibllamaVersion(), sameTokens: `${same} of ${COMPARED}`, difference }
}

Object.assign(globalThis, { compareWithLlamaCpp })

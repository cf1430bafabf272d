/** Parity of the BERT family with Hugging Face transformers, on test/parity's checkpoints (see its README). */
import { describe, expect, it } from 'vitest'
import {
  argmax,
  BUILDS,
  cosine,
  expectWithin,
  type Input,
  loadEncoder,
  readFixture,
} from '../../test/parity/checkpoint.ts'
import { EdgewiseError } from '../errors.ts'
import type { EncoderTask } from './architecture.ts'

/** What cases.json holds depends on the task. */
interface Case extends Input {
  logits: number[]
  start_logits: number[]
  end_logits: number[]
  /** Of the last token. */
  last_hidden_state: number[]
  /** Mean of the hidden states over the tokens. */
  mean_pooled?: number[]
}
interface PaddedBatch {
  batch: number[][]
  first_outputs: number[][]
}

const builds = Object.keys(BUILDS) as (keyof typeof BUILDS)[]
const casesOf = (folder: string) => {
  const cases: (Case | PaddedBatch)[] = readFixture(`${folder}/cases.json`)
  return {
    single: cases.filter((c): c is Case => 'input_ids' in c),
    padded: cases.find((c): c is PaddedBatch => 'batch' in c)!,
  }
}

/** With the least cosine of int8 outputs: ALBERT adds up the rounding of one layer's weights at each use of it. */
const checkpoints: [string, EncoderTask, number][] = [
  ['bert-sequence-classification', 'sequence-classification', 0.995],
  ['distilbert-sequence-classification', 'sequence-classification', 0.995],
  ['roberta-sequence-classification', 'sequence-classification', 0.995],
  ['electra-sequence-classification', 'sequence-classification', 0.995],
  ['albert-sequence-classification', 'sequence-classification', 0.97],
  ['bert-question-answering', 'question-answering', 0.99],
  ['bert-masked-lm', 'masked-lm', 0.99],
  ['bert-token-classification', 'token-classification', 0.99],
  ['bert-base-model', 'hidden-states', 0.99],
  // The checkpoint of an embedding model: the encoder alone, and many small heads.
  ['variants/bert-minilm', 'hidden-states', 0.985],
  ['variants/bert-masked-lm-relu', 'masked-lm', 0.985],
  ['variants/bert-question-answering-gelu-new', 'question-answering', 0.985],
  ['variants/bert-token-classification-four-types', 'token-classification', 0.985],
  ['variants/bert-fp16', 'sequence-classification', 0.985],
  ['variants/bert-sharded', 'sequence-classification', 0.985],
  ['variants/distilbert-token-classification', 'token-classification', 0.985],
  ['variants/distilbert-question-answering', 'question-answering', 0.985],
  ['variants/distilbert-masked-lm', 'masked-lm', 0.985],
  ['variants/roberta-token-classification', 'token-classification', 0.985],
  ['variants/roberta-question-answering', 'question-answering', 0.985],
  ['variants/roberta-masked-lm', 'masked-lm', 0.985],
  ['variants/electra-token-classification', 'token-classification', 0.985],
  ['variants/electra-question-answering', 'question-answering', 0.985],
  ['variants/electra-masked-lm', 'masked-lm', 0.985],
  ['variants/albert-token-classification', 'token-classification', 0.985],
  ['variants/albert-question-answering', 'question-answering', 0.985],
  ['variants/albert-masked-lm', 'masked-lm', 0.985],
]

const meanOfRows = (output: Float32Array, width: number): number[] =>
  Array.from({ length: width }, (_, column) => {
    const values = output.filter((_, i) => i % width === column)
    return values.reduce((a, b) => a + b) / values.length
  })

describe.each(checkpoints)('%s', (folder, task, int8Cosine) => {
  const { single, padded } = casesOf(folder)

  /** What the reference wrote down of an output [tokens, width]. */
  const part = (output: Float32Array, width: number): ArrayLike<number> => {
    if (task === 'masked-lm' || task === 'hidden-states') return output.subarray(output.length - width)
    if (task !== 'question-answering') return output
    const column = (c: number) => output.filter((_, i) => i % width === c)
    return [...column(0), ...column(1)]
  }
  const wanted = (c: Case) => c.logits ?? c.last_hidden_state ?? [...c.start_logits, ...c.end_logits]

  it.each(builds)('fp32 outputs within 1e-3, %s kernels', async (build) => {
    const { run, width } = await loadEncoder(folder, { task, build })
    for (const c of single) {
      const output = run([c])[0]!
      expectWithin(part(output, width), wanted(c), 1e-3)
      if (c.mean_pooled) expectWithin(meanOfRows(output, width), c.mean_pooled, 1e-3)
    }
  })

  it('answers a batch as it answers its rows alone, and as the reference does padded', async () => {
    const { run, width } = await loadEncoder(folder, { task })
    const rows = padded.batch.map((input_ids) => ({ input_ids }))
    run(rows).forEach((output, i) => {
      expect(output).toEqual(run([rows[i]!])[0])
      const expected = padded.first_outputs[i]!
      const first =
        task === 'question-answering' ? output.filter((_, j) => j % width === 0) : output.subarray(0, width)
      expectWithin(first.slice(0, expected.length), expected, 1e-3)
    })
  })

  it.each(builds)('answers a batch in int8 as it answers its rows alone, %s kernels', async (build) => {
    const { run } = await loadEncoder(folder, { task, build, precision: 'int8' })
    const rows = padded.batch.map((input_ids) => ({ input_ids }))
    run(rows).forEach((output, i) => {
      expect(output).toEqual(run([rows[i]!])[0])
    })
  })

  it.each(builds)('int8 outputs near those of fp32, %s kernels', async (build) => {
    const { run, width } = await loadEncoder(folder, { task, build, precision: 'int8' })
    for (const c of single) {
      const output = part(run([c])[0]!, width)
      expect(cosine(output, wanted(c))).toBeGreaterThanOrEqual(int8Cosine)
      if (task === 'sequence-classification') expect(argmax(output)).toBe(argmax(wanted(c)))
    }
  })
})

describe('checkpoints that do not fit', () => {
  const folder = 'bert-sequence-classification'
  const failure = (config: object, task?: EncoderTask) =>
    loadEncoder(folder, { config, ...(task && { task }) }).then(
      () => 'loaded',
      (error: EdgewiseError) => error,
    )

  it('names the model_type that is not implemented', async () => {
    expect(await failure({ model_type: 'mamba' })).toMatchObject({
      code: 'architecture_unsupported',
      message: expect.stringContaining('"mamba"'),
    })
  })

  it('names a tensor that is missing', async () => {
    const { num_hidden_layers: layers } = readFixture(`${folder}/config.json`)
    expect(await failure({ num_hidden_layers: layers + 1 })).toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining(`bert.encoder.layer.${layers}`),
    })
  })

  it('names the tensor of a head that the checkpoint lacks', async () => {
    expect(await failure({}, 'question-answering')).toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining('qa_outputs.weight'),
    })
  })

  it('names a tensor of another shape', async () => {
    expect(await failure({ vocab_size: 500 })).toMatchObject({
      code: 'tensor_invalid',
      message: expect.stringContaining('bert.embeddings.word_embeddings.weight'),
    })
  })

  it.each([
    ['an activation that is not known', { hidden_act: 'snake' }],
    ['a size that is no number', { hidden_size: 'wide' }],
    ['heads that do not divide the width', { num_attention_heads: 5 }],
  ])('rejects %s', async (_, change) => {
    expect(await failure(change)).toMatchObject({ code: 'config_invalid' })
  })

  it('rejects token ids outside the vocabulary', async () => {
    const { run } = await loadEncoder(folder, { precision: 'int8' })
    expect(() => run([{ input_ids: [3, 512] }])).toThrow(EdgewiseError)
  })
})

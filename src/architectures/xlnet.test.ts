/** Parity of XLNet with Hugging Face transformers, on test/parity's checkpoints (see its README). */
import { describe, expect, it } from 'vitest'
import {
  argmax,
  BUILDS,
  cosine,
  expectWithin,
  type Input,
  type LoadOptions,
  load,
  loadEncoder,
  readFixture,
} from '../../test/parity/checkpoint.ts'
import { EdgewiseError } from '../errors.ts'
import type { PermutationLm, PermutationOutput, PermutationStep, SegmentMemory } from './architecture.ts'
import { findPermutationLm } from './index.ts'
import { maskOfOrder } from './xlnet.ts'

interface Prediction {
  input_ids: number[]
  logits_last: number[]
  /** Of the last token, from the others. */
  predict_last_token_logits?: number[]
  factorization_rank_of_position?: number[]
  two_stream_logits_last?: number[]
  two_stream_argmax_all?: number[]
}
/** Consecutive segments, each with the memory of those before. */
interface Text {
  segments: number[][]
  logits_last: number[][]
}

const builds = Object.keys(BUILDS) as (keyof typeof BUILDS)[]

async function loadLm(
  folder: string,
  options: LoadOptions = {},
): Promise<PermutationLm & { run(steps: PermutationStep[]): PermutationOutput[] }> {
  const { model, engine } = await load(folder, options, (config, plan) =>
    findPermutationLm(config).permutationLm(config, plan),
  )
  return { ...model, run: (steps) => model.forward(engine, steps) }
}

const positions = (ids: number[]) => ids.map((_, i) => i)
/** No token sees the last one. */
const lastHidden = ({ length }: number[]) =>
  Array.from({ length: length * length }, (_, at) => at % length === length - 1)

const languageModels = ['xlnet-lm', 'variants/xlnet-clamp-mems', 'variants/xlnet-uni']

describe.each(languageModels)('%s', (folder) => {
  const cases: (Prediction | Text)[] = readFixture(`${folder}/cases.json`)
  const predictions = cases.filter((c): c is Prediction => 'input_ids' in c)
  const texts = cases.filter((c): c is Text => 'segments' in c)

  /** What cases.json asks of a text, with the answers: the logits of each step's last row. */
  const stepsOf = (c: Prediction): [PermutationStep, number[]][] => {
    const { input_ids: inputIds, factorization_rank_of_position: ranks } = c
    const steps: [PermutationStep, number[]][] = [[{ inputIds }, c.logits_last]]
    if (c.predict_last_token_logits)
      steps.push([
        { inputIds, permMask: lastHidden(inputIds), targets: [inputIds.length - 1] },
        c.predict_last_token_logits,
      ])
    if (ranks)
      steps.push([
        { inputIds, permMask: maskOfOrder(ranks), targets: positions(inputIds) },
        c.two_stream_logits_last!,
      ])
    return steps
  }
  const lastOf = ({ logits }: PermutationOutput, { vocabularySize }: PermutationLm) =>
    logits.subarray(-vocabularySize)

  it.each(builds)('fp32 logits within 1e-3, %s kernels', async (build) => {
    const lm = await loadLm(folder, { build })
    for (const c of predictions) {
      const steps = stepsOf(c)
      const outputs = lm.run(steps.map(([step]) => step))
      steps.forEach(([, expected], i) => {
        expectWithin(lastOf(outputs[i]!, lm), expected, 1e-3)
      })
      if (!c.two_stream_argmax_all) continue
      const { logits } = outputs.at(-1)!
      const rows = c.two_stream_argmax_all.map((_, i) =>
        logits.subarray(i * lm.vocabularySize, (i + 1) * lm.vocabularySize),
      )
      expect(rows.map(argmax)).toEqual(c.two_stream_argmax_all)
    }
  })

  it.each(builds)('fp32 logits of segments with their memory within 1e-3, %s kernels', async (build) => {
    const lm = await loadLm(folder, { build })
    for (const { segments, logits_last } of texts) {
      let memory: SegmentMemory | undefined
      segments.forEach((inputIds, i) => {
        const [output] = lm.run([{ inputIds, ...(memory && { memory }) }])
        expectWithin(lastOf(output!, lm), logits_last[i]!, 1e-3)
        memory = output!.memory
      })
    }
  })

  it.each(builds)('int8 logits near those of fp32, %s kernels', async (build) => {
    const lm = await loadLm(folder, { build, precision: 'int8' })
    for (const [step, expected] of predictions.flatMap(stepsOf))
      expect(cosine(lastOf(lm.run([step])[0]!, lm), expected)).toBeGreaterThanOrEqual(0.99)
  })
})

describe('permutations', () => {
  const folder = 'xlnet-lm'
  const [short, , , long]: Prediction[] = readFixture(`${folder}/cases.json`)
  const inputIds = long!.input_ids
  const ranks = long!.factorization_rank_of_position!
  const tokenTypeIds = inputIds.map((_, i) => (i < 9 ? 0 : i % 2))

  it('masks what comes no earlier in the order', () => {
    // The second token is predicted first, then the third, then the first.
    expect([...maskOfOrder([2, 0, 1])]).toEqual([1, 0, 0, 1, 1, 1, 1, 0, 1])
  })

  it('computes segments together as it computes each alone', async () => {
    const { run } = await loadLm(folder)
    const [{ memory }] = run([{ inputIds: inputIds.slice(0, 5) }]) as [PermutationOutput]
    const steps: PermutationStep[] = [
      { inputIds: short!.input_ids },
      { inputIds, tokenTypeIds, memory, permMask: maskOfOrder(ranks), targets: [31, 4] },
      // More queries than are computed at a time, with their streams in one block.
      { inputIds, permMask: maskOfOrder(ranks), targets: positions(inputIds) },
      { inputIds, tokenTypeIds },
    ]
    const together = run(steps)
    steps.forEach((step, i) => {
      const [alone] = run([step])
      expectWithin(together[i]!.logits, [...alone!.logits], 1e-4)
      expect(together[i]!.memory).toEqual(alone!.memory)
    })
  })

  it('predicts targets in any order, each on its own', async () => {
    const { run, vocabularySize } = await loadLm(folder)
    const step = { inputIds, tokenTypeIds, permMask: maskOfOrder(ranks) }
    const targets = [17, 3, 39, 0, 3]
    const [all, some] = run([
      { ...step, targets: positions(inputIds) },
      { ...step, targets },
    ])
    targets.forEach((target, i) => {
      const expected = all!.logits.subarray(target * vocabularySize, (target + 1) * vocabularySize)
      const actual = some!.logits.subarray(i * vocabularySize, (i + 1) * vocabularySize)
      expectWithin(actual, [...expected], 1e-4)
    })
  })

  it('does not let a target see its own token or what comes later in the order', async () => {
    const { run } = await loadLm(folder)
    const permMask = maskOfOrder(ranks)
    const target = ranks.indexOf(20)
    const hidden = (change: (rank: number) => boolean) =>
      run([
        {
          inputIds: inputIds.map((id, i) => (change(ranks[i]!) ? 7 : id)),
          permMask,
          targets: [target],
        },
      ])[0]!.logits
    const expected = hidden(() => false)
    expect(hidden((rank) => rank >= 20)).toEqual(expected)
    expect(hidden((rank) => rank === 19)).not.toEqual(expected)
  })

  it('counts the memory as segment 0, as transformers does', async () => {
    const { run } = await loadLm(folder)
    const [{ memory }] = run([{ inputIds: inputIds.slice(0, 8) }]) as [PermutationOutput]
    const ids = inputIds.slice(8, 20)
    const [none, zeros, ones] = run([
      { inputIds: ids, memory },
      { inputIds: ids, memory, tokenTypeIds: ids.map(() => 0) },
      { inputIds: ids, memory, tokenTypeIds: ids.map(() => 1) },
    ])
    expectWithin(zeros!.logits, [...none!.logits], 1e-3)
    expect(cosine(ones!.logits, none!.logits)).toBeLessThan(0.9999)
  })

  it.each([
    ['all', { mem_len: null }, [40, 43]],
    ['the last mem_len tokens', { mem_len: 16 }, [16, 16]],
    ['the first reuse_len of a segment', { mem_len: 0, reuse_len: 2 }, [2, 4]],
    ['both limits', { mem_len: 3, reuse_len: 2 }, [2, 3]],
  ])('remembers %s', async (_, config, [afterFirst, afterSecond]) => {
    const { run } = await loadLm(folder, { config })
    const [first] = run([{ inputIds }])
    const [second] = run([{ inputIds: short!.input_ids, memory: first!.memory }])
    const { d_model, n_layer } = readFixture(`${folder}/config.json`)
    const tokensOf = ({ memory }: PermutationOutput) => memory.map(({ length }) => length / d_model)
    expect(tokensOf(first!)).toEqual(Array(n_layer).fill(afterFirst))
    expect(tokensOf(second!)).toEqual(Array(n_layer).fill(afterSecond))
  })

  it.each<[string, Partial<PermutationStep>]>([
    ['no tokens', { inputIds: [] }],
    ['token types of another length', { tokenTypeIds: [0] }],
    ['a mask of another size', { permMask: [0, 1, 1, 0] }],
    ['a target outside', { targets: [40] }],
    ['a target that is no position', { targets: [0.5] }],
    ['a memory of fewer layers', { memory: [new Float32Array(64)] }],
    ['a memory of another width', { memory: [new Float32Array(60), new Float32Array(60)] }],
  ])('rejects %s', async (_, change) => {
    const { run } = await loadLm(folder)
    expect(() => run([{ inputIds, ...change }])).toThrow(
      expect.objectContaining({ code: 'invalid_input' }) as Error,
    )
  })
})

describe('xlnet-sequence-classification', () => {
  const folder = 'xlnet-sequence-classification'
  const cases: (Input & { logits: number[] })[] = readFixture(`${folder}/cases.json`)

  it.each(builds)('fp32 logits within 1e-3, %s kernels', async (build) => {
    const { run } = await loadEncoder(folder, { build })
    for (const c of cases) expectWithin(run([c])[0]!, c.logits, 1e-3)
  })

  it.each(builds)('int8 logits near those of fp32, %s kernels', async (build) => {
    const { run } = await loadEncoder(folder, { build, precision: 'int8' })
    for (const c of cases) {
      const [logits] = run([c])
      expect(cosine(logits!, c.logits)).toBeGreaterThanOrEqual(0.99)
      expect(argmax(logits!)).toBe(argmax(c.logits))
    }
  })

  it('answers a batch as it answers its rows alone', async () => {
    const { run } = await loadEncoder(folder)
    run(cases).forEach((logits, i) => {
      expectWithin(logits, cases[i]!.logits, 1e-3)
    })
  })

  it('summarizes by the first, the last or the mean of the tokens', async () => {
    const one = { input_ids: [42] }
    const encoders = await Promise.all(
      ['last', 'first', 'mean', 'cls_index'].map((summary_type) =>
        loadEncoder(folder, { config: { summary_type } }),
      ),
    )
    const [last, first, mean, named] = encoders.map(({ run }) => run([one, cases[1]!]))
    for (const other of [first, mean, named]) expect(other![0]).toEqual(last![0])
    expect(named![1]).toEqual(last![1])
    expect(first![1]).not.toEqual(last![1])
    expect(mean![1]).not.toEqual(last![1])
  })

  it('gives the hidden states behind the head', async () => {
    const { run, width, labels } = await loadEncoder(folder, { task: 'hidden-states' })
    expect([width, labels]).toEqual([readFixture(`${folder}/config.json`).d_model, []])
    expect(run([cases[1]!])[0]).toHaveLength(7 * width)
  })
})

describe('checkpoints that do not fit', () => {
  const failure = (
    config: object,
    task: Parameters<typeof loadEncoder>[1] = {},
    folder = 'xlnet-sequence-classification',
  ) =>
    loadEncoder(folder, { config, ...task }).then(
      () => 'loaded',
      (error: EdgewiseError) => error,
    )

  it.each([
    ['heads that do not divide the width', { n_head: 5, d_head: undefined }],
    ['an odd width', { d_model: 63 }],
    ['an attention that is not known', { attn_type: 'sparse' }],
    ['a summary that is not implemented', { summary_type: 'attn' }],
  ])('rejects %s', async (_, change) => {
    expect(await failure(change)).toMatchObject({ code: 'config_invalid' })
  })

  it('names the tensor of a head that the checkpoint lacks', async () => {
    expect(await failure({}, { task: 'token-classification' })).toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining('classifier.weight'),
    })
    expect(await failure({}, { task: 'question-answering' })).toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining('qa_outputs.weight'),
    })
  })

  it('says how words are predicted instead of by masks', async () => {
    expect(await failure({}, { task: 'masked-lm' }, 'xlnet-lm')).toMatchObject({
      code: 'architecture_unsupported',
      hint: expect.stringContaining('permutationLm'),
    })
  })

  it('names a capability that a family lacks', () => {
    expect(() => findPermutationLm({ model_type: 'bert' })).toThrow(
      'not implemented as a language model of permutations',
    )
  })

  it('rejects token ids outside the vocabulary', async () => {
    const { run } = await loadLm('xlnet-lm')
    expect(() => run([{ inputIds: [3, 512] }])).toThrow(EdgewiseError)
  })
})

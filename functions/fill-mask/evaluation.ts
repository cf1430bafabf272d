/**
 * How well the encoder guesses: 15 % of the words of texts that its training did not see are hidden (four fifths [MASK], a
 * tenth another word, a tenth left), as BERT's training has it.
 */
import { type Evaluation, figure } from '../../bench/evaluation.ts'
import { logSumExp, topIndices } from '../../src/decoding/probabilities.ts'
import { createRandom } from '../../src/decoding/random.ts'
import heldOut from './held-out.json' with { type: 'json' }

interface Row {
  text: string
  source: string
}

const HIDDEN = 0.15
/** Tokens of the beginning of each text. */
const TOKENS = 126
const LARGER = ['imdb', 'win32', 'aeslc', 'squadshifts']

export const evaluation: Evaluation<Row> = {
  name: 'fill-mask',
  model: 'encoder',
  data: ['text.train'],
  about:
    'Perplexity of hidden words (15 %) in the first 126 tokens of the texts of text.train that were kept out of training, and how often the right word is the first or among the first five.',
  async *run(rows, runtime) {
    const encoder = await runtime.encoder('encoder', undefined, 'masked-lm')
    const { tokenizer } = encoder
    const random = createRandom(1)
    const mask = tokenizer.idOf('[MASK]')!
    const first = Math.max(...tokenizer.specialIds) + 1
    const draw = (from: number, to: number) => from + Math.floor(random() * (to - from))
    const bySource = new Map<string, { loss: number; hit: boolean; near: boolean }[]>()
    let done = 0
    // A row limit leaves out those that lie behind it.
    for (const { text, source } of heldOut.flatMap((at) => rows[at] ?? [])) {
      const ids = tokenizer.encode(text).ids.slice(0, TOKENS)
      const words = ids.map((_, i) => i).filter((i) => ids[i]! >= first)
      const count = Math.max(1, Math.round(HIDDEN * words.length))
      const hidden = Array.from(
        { length: Math.min(count, words.length) },
        () => words.splice(draw(0, words.length), 1)[0]!,
      )
      const changed = ids.map((id, i) => {
        if (!hidden.includes(i)) return id
        const how = random()
        return how < 0.8 ? mask : how < 0.9 ? draw(first, tokenizer.vocabularySize) : id
      })
      const { inputIds } = encoder.wrap(changed)
      const [logits] = await encoder.outputs([{ inputIds, positions: hidden.map((i) => i + 1) }])
      const kept = bySource.get(source) ?? []
      bySource.set(source, kept)
      hidden.forEach((i, row) => {
        const own = logits!.subarray(row * encoder.width, (row + 1) * encoder.width)
        const best = topIndices(own, 5)
        kept.push({
          loss: logSumExp(own) - own[ids[i]!]!,
          hit: best[0] === ids[i],
          near: best.includes(ids[i]!),
        })
      })
      yield ++done
    }
    const row = (texts: string, own: { loss: number; hit: boolean; near: boolean }[]) => ({
      texts,
      words: own.length,
      perplexity: Math.exp(own.reduce((sum, { loss }) => sum + loss, 0) / own.length),
      first: (100 * own.filter(({ hit }) => hit).length) / own.length,
      amongFive: (100 * own.filter(({ near }) => near).length) / own.length,
    })
    const larger = LARGER.flatMap((source) =>
      bySource.has(source) ? [row(source, bySource.get(source)!)] : [],
    )
    return [row('all', [...bySource.values()].flat()), ...larger]
  },
  headlines: (table) => [{ measure: 'perplexity', value: figure(table, 'all', 'perplexity') }],
}

/** Attention of all heads of one sequence, in blocks of queries whose scores stay in the cache. */
import { addMatrix } from './elementwise.kernel'
import { matmulF32 } from './matmul-f32.kernel'
import { softmax } from './softmax.kernel'

/**
 * out[t][head] = softmax((queries[t][head] keysᵀ + bias) scale) values, over the keys that query t sees.
 * @param queries f32 [T][heads][D], rows `ldq` apart
 * @param keys f32 [keyHeads][keys/8][D][8], heads `keyStride` apart; query head h reads head h * keyHeads / heads
 * @param values f32 [keyHeads][keys][D], rows `ldv` and heads `valueStride` apart
 * @param bias f32 [heads][T][keys] or 0, rows `ldb` and heads `biasStride` apart
 * @param past position of the first query: query t sees the `window` of N keys that end with key past + t; N or more if
 *   all see all
 * @param block queries at a time  @param scores f32 [block][N to 8]  @param out f32 [T][heads * D]  @param tile 128 bytes
 */
export function attention(
  queries: usize, ldq: i32, T: i32, heads: i32, D: i32, keys: usize, keyStride: i32, keyHeads: i32,
  values: usize, ldv: i32, valueStride: i32, N: i32, bias: usize, ldb: i32, biasStride: i32,
  scale: f32, past: i32, window: i32, block: i32, scores: usize, out: usize, tile: usize,
): void {
  const ld = (N + 7) & ~7
  const ldo = heads * D
  for (let head = 0; head < heads; head++) {
    const shared = head * keyHeads / heads
    const ownKeys = keys + (<usize>(shared * keyStride) << 2)
    const ownValues = values + (<usize>(shared * valueStride) << 2)
    for (let first = 0; first < T; first += block) {
      const rows = min(block, T - first)
      const position = past + first
      // Keys [from, to) are all that this block sees; from is the start of a panel.
      const to = min(N, position + rows)
      const from = max(0, min(N, position + 1 - window)) & ~7
      const seen = to - from
      const q = queries + (<usize>(first * ldq + head * D) << 2)
      const k = ownKeys + (<usize>(from * D) << 2)
      matmulF32(q, ldq, k, 8 * D, 8, 0, scores, ld, rows, seen, D, tile)
      if (bias) {
        // A stride of rows may be negative.
        const own = bias + (<usize>(head * biasStride + first * ldb + from) << 2)
        addMatrix(scores, ld, own, ldb, rows, seen)
      }
      softmax(scores, rows, seen, ld, scale, position - from, window)
      const o = out + (<usize>(first * ldo + head * D) << 2)
      const v = ownValues + (<usize>(from * ldv) << 2)
      matmulF32(scores, ld, v, 8, ldv, 0, o, ldo, rows, D, seen, tile)
    }
  }
}

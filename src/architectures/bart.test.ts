/** Parity of BART with Hugging Face transformers, on test/parity's checkpoints. */
import { describe, expect, it } from 'vitest'
import { loadDecoder } from '../../test/parity/checkpoint.ts'
import { describeDecoder } from '../../test/parity/decoder.ts'

describeDecoder('bart', 0.99)
describeDecoder('variants/bart-scaled', 0.99)

describe('mBART', () => {
  it('has norms behind its last layers', async () => {
    await expect(loadDecoder('bart', { config: { model_type: 'mbart' } })).rejects.toMatchObject({
      code: 'tensor_missing',
      message: expect.stringContaining('model.encoder.layer_norm.weight'),
    })
  })
})
describeDecoder('variants/mbart', 0.99)

/** Parity of Marian with Hugging Face transformers, on test/parity's checkpoints. */
import { describeDecoder } from '../../test/parity/decoder.ts'

describeDecoder('marian', 0.99)
describeDecoder('variants/marian-uneven', 0.99)
describeDecoder('variants/marian-two-embeddings', 0.99)

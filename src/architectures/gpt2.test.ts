/** Parity of GPT-2 and GPT-Neo with Hugging Face transformers. */
import { describeDecoder } from '../../test/parity/decoder.ts'

describeDecoder('gpt2-lm', 0.99)
describeDecoder('gpt-neo-lm', 0.99)

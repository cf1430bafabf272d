/** Parity of GPT-2 and GPT-Neo with Hugging Face transformers. */
import { describeDecoder } from '../../test/parity/decoder.ts'

describeDecoder('gpt2-lm', 0.99)
describeDecoder('gpt-neo-lm', 0.99)
describeDecoder('variants/gpt2-inverse-layer-scale', 0.98)
describeDecoder('variants/gpt2-unscaled-untied', 0.98)
describeDecoder('variants/gpt-neo-window', 0.98)
describeDecoder('variants/gpt-neo-4x', 0.98)

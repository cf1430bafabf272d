/** The bytes that single tokens add to a text: what a grammar must know of a vocabulary. */
import { BYTE_CHARACTERS, utf8Bytes } from './characters.ts'
import type { Decode } from './detokenizer.ts'
import type { AddedTokenConfig, DecoderConfig } from './schema.ts'

/**
 * Makes a function that gives a token's bytes within a text, a space before it included. They need not be whole
 * characters.
 */
export function createTokenBytes(
  decode: Decode,
  config: DecoderConfig | null | undefined,
  added: AddedTokenConfig[],
): (token: string) => Uint8Array {
  const steps = stepsOf(config)
  const verbatim = new Set(added.map(({ content }) => content))
  const before = 'x'
  const length = decode([before]).length
  return (token) => {
    if (steps.includes('ByteLevel') && !verbatim.has(token))
      return Uint8Array.from(token, (character) => BYTE_OF.get(character) ?? 0)
    if (steps.includes('ByteFallback') && /^<0x[0-9A-F]{2}>$/.test(token))
      return Uint8Array.of(Number(token.slice(1, -1)))
    return utf8Bytes(decode([before, token]).slice(length))
  }
}

const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]))

/** The types of a decoder's steps. */
function stepsOf(config: DecoderConfig | null | undefined): string[] {
  if (!config) return []
  const { type, decoders } = config
  return [type, ...(Array.isArray(decoders) ? (decoders as DecoderConfig[]).flatMap(stepsOf) : [])]
}

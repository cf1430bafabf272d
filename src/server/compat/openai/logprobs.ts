/** Log-probabilities of tokens in OpenAI's forms. */
import type { TokenLogprob } from '../../../function.ts'

const encoder = new TextEncoder()

const withBytes = ({ token, logprob }: { token: string; logprob: number }) => ({
  token,
  logprob,
  // A token that is a part of a character has no text of its own.
  bytes: token.includes('\ufffd') ? null : [...encoder.encode(token)],
})

/** Of chat completions and responses. */
export const chatLogprobs = (tokens: readonly TokenLogprob[]) =>
  tokens.map((token) => ({ ...withBytes(token), top_logprobs: (token.top ?? []).map(withBytes) }))

/** Of completions. @param offset characters of the text before the first token */
export function completionLogprobs(tokens: readonly TokenLogprob[], offset: number) {
  let at = offset
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top = [] }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: tokens.map(({ token }) => {
      const own = at
      at += token.length
      return own
    }),
  }
}

import { readFileSync } from 'node:fs'
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers'
import { describe, expect, it } from 'vitest'
import { KINDS, type Kind, readKind, tokenizerOf } from '../../test/text/fixtures.ts'
import { EdgewiseError } from '../errors.ts'
import { createTokenizer } from './tokenizer.ts'

const prose = readFileSync(new URL('../../test/text/corpus.txt', import.meta.url), 'utf8')
  .split('\n')
  .slice(0, 6)

// Not T5: where two ways to cut are equally likely the library takes another one than the Rust tokenizers.
const withoutTies = [...KINDS, 'sentiment'].filter((kind) => kind !== 't5') as Kind[]
it.each(withoutTies)('%s: the library has the same ids for prose', (kind) => {
  const library = new LibraryTokenizer(readKind(kind) as object, {})
  const tokenizer = tokenizerOf(kind)
  for (const text of prose)
    expect(tokenizer.encode(text).ids).toEqual(library.encode(text, { add_special_tokens: false }).ids)
})

/** A tokenizer of single letters, with whatever else a test is about. */
const letters = (more: object) => {
  const vocab = Object.fromEntries([...'[ab▁ cĠ]'].map((letter, id) => [letter, id]))
  return { model: { type: 'BPE', vocab: { ...vocab, '[UNK]': 8 }, merges: [], unk_token: '[UNK]' }, ...more }
}
const tokensOf = (json: object, text: string): string[] => {
  const tokenizer = createTokenizer(json)
  return tokenizer.encode(text).ids.map((id) => tokenizer.tokenOf(id)!)
}

describe('added tokens', () => {
  const added = (more: object) =>
    letters({
      added_tokens: [
        { id: 9, content: 'ab', ...more },
        { id: 10, content: 'abc', special: true },
      ],
    })

  it('are found before all else, the longest first', () => {
    expect(tokensOf(added({}), 'aabcab')).toEqual(['a', 'abc', 'ab'])
  })
  it('may be words of their own only, and take the space around them', () => {
    expect(tokensOf(added({ single_word: true }), 'ab cab abb')).toEqual([...['ab', ' ', 'c'], ...'ab abb'])
    const strip = createTokenizer(added({ lstrip: true, rstrip: true }))
    const { ids, offsets } = strip.encode('a  ab b', { offsets: true })
    expect(ids.map((id) => strip.tokenOf(id))).toEqual(['a', 'ab', 'b'])
    expect(offsets).toEqual([
      [0, 1],
      [3, 5],
      [6, 7],
    ])
  })
  it('are looked for after normalization if they say so', () => {
    const lower = { ...added({ normalized: true }), normalizer: { type: 'Lowercase' } }
    expect(tokensOf(lower, 'AB ABC')).toEqual(['ab', ' ', 'ab', 'c'])
    expect(tokensOf({ ...lower, ...added({ normalized: false }) }, 'AB')).toEqual(['a', 'b'])
  })
})

describe('pre-tokenizers', () => {
  const pieces = (preTokenizer: object, text: string) => {
    // Each piece is one unknown character if unknown characters are fused.
    const model = { type: 'BPE', vocab: { '?': 0 }, merges: [], unk_token: '?', fuse_unk: true }
    const tokenizer = createTokenizer({ model, pre_tokenizer: preTokenizer })
    return tokenizer.encode(text, { offsets: true }).offsets.map(([start, end]) => text.slice(start, end))
  }
  const split = (behavior: string, invert = false) => ({
    type: 'Split',
    pattern: { String: '-' },
    behavior,
    invert,
  })

  it.each([
    ['Removed', ['the', 'final', 'countdown']],
    ['Isolated', ['the', '-', 'final', '-', '-', 'countdown']],
    ['MergedWithPrevious', ['the-', 'final-', '-', 'countdown']],
    ['MergedWithNext', ['the', '-final', '-', '-countdown']],
    ['Contiguous', ['the', '-', 'final', '--', 'countdown']],
  ])('%s: what becomes of delimiters, in Rust’s own example', (behavior, expected) => {
    expect(pieces(split(behavior), 'the-final--countdown')).toEqual(expected)
  })

  it('cut by words, digits, punctuation, delimiter and length', () => {
    expect(pieces({ type: 'Whitespace' }, 'naïve, x_1!')).toEqual(['naïve', ',', 'x_1', '!'])
    expect(pieces({ type: 'WhitespaceSplit' }, ' a,\u3000b ')).toEqual(['a,', 'b'])
    expect(pieces({ type: 'Digits', individual_digits: true }, 'a12²')).toEqual(['a', '1', '2', '²'])
    expect(pieces({ type: 'Digits' }, 'a12b')).toEqual(['a', '12', 'b'])
    expect(pieces({ type: 'Punctuation' }, 'a!?b')).toEqual(['a', '!', '?', 'b'])
    expect(pieces({ type: 'CharDelimiterSplit', delimiter: '.' }, 'a.b..c')).toEqual(['a', 'b', 'c'])
    expect(pieces({ type: 'FixedLength', length: 2 }, 'ab🙂d')).toEqual(['ab', '🙂d'])
    expect(pieces(split('Removed', true), 'a-b')).toEqual(['-'])
  })
})

it('puts a space before the text only if told, and before the first section only if told', () => {
  const metaspace = (more: object) => letters({ pre_tokenizer: { type: 'Metaspace', ...more } })
  expect(tokensOf(metaspace({}), 'a b')).toEqual([...'▁a▁b'])
  expect(tokensOf(metaspace({ prepend_scheme: 'never' }), 'a b')).toEqual([...'a▁b'])
  expect(tokensOf(metaspace({ add_prefix_space: false }), 'a')).toEqual(['a'])
  const first = {
    ...metaspace({ prepend_scheme: 'first' }),
    added_tokens: [{ id: 9, content: '<s>', special: true }],
  }
  expect(tokensOf(first, 'a<s>b')).toEqual(['▁', 'a', '<s>', 'b'])
})

it('reads half a surrogate pair as U+FFFD', () => {
  const tokenizer = tokenizerOf('roberta')
  expect(tokenizer.encode('a\ud83db').ids).toEqual(tokenizer.encode('a\ufffdb').ids)
})

it('knows its vocabulary', () => {
  const tokenizer = tokenizerOf('wordpiece')
  const id = tokenizer.idOf('[MASK]')!
  expect(tokenizer.tokenOf(id)).toBe('[MASK]')
  expect(tokenizer.specialIds).toContain(id)
  expect(tokenizer.idOf('toString')).toBeUndefined()
  expect(tokenizer.vocabularySize).toBe(700)
})

it('takes 50,000 characters of anything in stride', { timeout: 30_000 }, () => {
  const texts = ['a', ' ', '\n ', '港', 'e\u0301', '!', '👨‍👩‍👧‍👦', '\ud83d'].map((part) =>
    part.repeat(50_000 / part.length),
  )
  for (const kind of KINDS) for (const text of texts) tokenizerOf(kind).encode(text, { offsets: true })
})

it.each([
  ['null', null, 'root'],
  ['no model', {}, 'model'],
  ['an unknown normalizer', letters({ normalizer: { type: 'Rot13' } }), 'normalizer'],
  ['an unknown pre-tokenizer', letters({ pre_tokenizer: { type: 'UnicodeScripts' } }), 'pre_tokenizer'],
  ['an unknown model', { model: { type: 'WordLevel', vocab: {} } }, 'WordLevel'],
  ['a merge of unknown tokens', { model: { type: 'BPE', vocab: { a: 0 }, merges: ['a b'] } }, 'merge'],
  ['an id that is none', { model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }, '"a"'],
  ['scores that are none', { model: { type: 'Unigram', vocab: [['a']] } }, 'entry 0'],
  ['no unknown token', { model: { type: 'WordPiece', vocab: { a: 0 } } }, 'unknown'],
  [
    'a cut charsmap',
    letters({ normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }),
    'charsmap',
  ],
  [
    'a charsmap that is not base64',
    letters({ normalizer: { type: 'Precompiled', precompiled_charsmap: '%' } }),
    '',
  ],
  [
    'a pattern that is none',
    letters({ normalizer: { type: 'Replace', pattern: { Regex: '(' }, content: '' } }),
    '',
  ],
  ['an unknown decoder', letters({ decoder: { type: 'Rot13' } }), ''],
  [
    'a template without its token',
    letters({
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }],
        pair: [],
        special_tokens: {},
      },
    }),
    '[CLS]',
  ],
])('refuses a file with %s', (_, json, named) => {
  let thrown: unknown
  try {
    createTokenizer(json)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(EdgewiseError)
  expect((thrown as EdgewiseError).code).toBe('tokenizer_invalid')
  expect((thrown as EdgewiseError).message).toContain(named)
})

/** Tokenizers of every kind, small ones from fixtures/ (see make_fixtures.py) and that of the sentiment model. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { createTokenizer, type Tokenizer } from '../../src/text/tokenizer.ts'

export const KINDS = ['wordpiece', 'wordpiece-uncased', 'roberta', 'llama3', 'llama2', 't5', 'xlnet'] as const
export type Kind = (typeof KINDS)[number]

/** What Hugging Face's Rust tokenizers say; offsets are start and end in turn, in code points. */
export interface Reference {
  texts: { text: string; ids: number[]; offsets: number[] }[]
  /** "Hello" in the template. */
  single: number[]
  pairs: { text: string; pair: string; ids: number[]; types: number[] }[]
  decoded: { ids: number[]; text: string }[]
}

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))

/** tokenizer.json of a kind. */
export const readKind = (kind: Kind | 'sentiment'): unknown =>
  read(kind === 'sentiment' ? '../../models/sentiment/tokenizer.json' : `fixtures/${kind}.json`)

export const readReference = (kind: Kind): Reference => read(`fixtures/${kind}.reference.json`) as Reference

export const tokenizerOf = (kind: Kind | 'sentiment'): Tokenizer => createTokenizer(readKind(kind))

/** Characters that a tokenizer may stumble over, several times as likely as any other. */
const HARD = [
  ...' \t\n\r\u00a0\u0085\u1680\u2028\u3000\u200b\ufeff',
  ...'\0\u0007\u007f\u009f\u00ad\u200c\u200d\u200e\u2060\ufffd\ufe0f\ue000\ud7f1',
  ...'e\u0301\u0308\u0323\u0327\u0345\u3099\uff9e\u0e33\u064b\u0651\u05bf\u093f',
  ...'İıIiΣςσẞßÄéǅŉ',
  ...'ﬁﬃ½Ⅳ™№㎏㍿ﷺ１Ａ…𝟏𝓗',
  ...'港東㐀𠀀か가힣ᄒ\u1161\u11ab',
  ...'مرحباשלוםहिกำ',
  ...'🙂👍🏽👨👩❤🇩🇪',
  ...'▁ĠĊ#[]<>|_\'"`’.,!?',
  '👨‍👩‍👧‍👦',
  '\ud83d',
  '\ude42',
  '<mask>',
  '[MASK]',
  '</s>',
  'harbour',
  '<0x0A>',
]

/** Texts of anything: whole scripts, hard characters, words that the fixtures know, halves of surrogate pairs. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...HARD) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(...'the boats came home weren’t über Größe 1,250 '.split(/(?<= )/)),
      },
      { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 3 }) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 3 }) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 6 }) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 0x80, max: 0xffff }).map((code) => String.fromCharCode(code)),
      },
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''))

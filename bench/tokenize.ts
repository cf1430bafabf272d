/** What tokenizing costs: run by `node bench/tokenize.ts [tokenizer.json …]`; other reports call measureTokenizers. */
import { readFileSync } from 'node:fs'
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers'
import { createTokenizer } from '../src/text/tokenizer.ts'

export interface TokenizeTimes {
  /** The tokenizer's name. */
  name: string
  /** Tokens that it knows. */
  vocabulary: number
  /** Tokens of each measured text: 128. */
  tokens: number
  /** UTF-16 units of such a text, on average: how long a vocabulary's tokens are. */
  characters: number
  /** Median milliseconds to encode one text: ids alone, and with offsets. */
  ids: number
  offsets: number
  /** The same ids by @huggingface/tokenizers, its cache of words emptied before each text. */
  library: number
  /** Milliseconds from the parsed file to the tokenizer, once warm. */
  create: number
}

const TOKENS = 128
const WARM_UP = 150
const ROUNDS = 400

const at = (path: string): URL => new URL(path, import.meta.url)
const FILES: Record<string, URL> = {
  'WordPiece (sentiment)': at('../models/sentiment/tokenizer.json'),
  'byte-level BPE (RoBERTa)': at('../test/text/fixtures/roberta.json'),
  'byte-level BPE (Llama 3)': at('../test/text/fixtures/llama3.json'),
  'sentencepiece BPE (Llama 2)': at('../test/text/fixtures/llama2.json'),
  'Unigram (T5)': at('../test/text/fixtures/t5.json'),
  'Unigram (XLNet)': at('../test/text/fixtures/xlnet.json'),
}

/**
 * Measures each tokenizer warm, on texts of exactly 128 tokens that all differ.
 * @param files tokenizer.json by name; without it, one of each kind
 */
export function measureTokenizers(files: Record<string, URL | string> = FILES): TokenizeTimes[] {
  return Object.entries(files).map(([name, path]) => measure(name, JSON.parse(readFileSync(path, 'utf8'))))
}

function measure(name: string, json: object): TokenizeTimes {
  const tokenizer = createTokenizer(json)
  const library = new LibraryTokenizer(json, {})
  const words = prose()
  const texts = words.map((_, i) => {
    const text = [...words.slice(i), ...words.slice(0, i)].join(' ')
    return text.slice(0, tokenizer.encode(text, { offsets: true }).offsets[TOKENS - 1]![1])
  })
  const median = (run: (text: string) => void): number => {
    const times = Array.from({ length: WARM_UP + ROUNDS }, (_, i) => {
      const text = texts[i % texts.length]!
      const start = performance.now()
      run(text)
      return performance.now() - start
    })
    return times.slice(WARM_UP).sort((a, b) => a - b)[ROUNDS / 2]!
  }
  return {
    name,
    vocabulary: tokenizer.vocabularySize,
    tokens: TOKENS,
    characters: Math.round(texts.reduce((sum, { length }) => sum + length, 0) / texts.length),
    ids: median((text) => tokenizer.encode(text)),
    offsets: median((text) => tokenizer.encode(text, { offsets: true })),
    library: median((text) => {
      if (library.model && 'clear_cache' in library.model) (library.model.clear_cache as () => void)()
      library.encode(text, { add_special_tokens: false })
    }),
    create: medianOf5(() => createTokenizer(json)),
  }
}

/** The words of the English part of the tests' corpus. */
const prose = (): string[] =>
  readFileSync(at('../test/text/corpus.txt'), 'utf8').split('\n').slice(0, 6).join(' ').split(' ')

function medianOf5(run: () => void): number {
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  return times.sort((a, b) => a - b)[2]!
}

if (process.argv[1] === import.meta.filename) {
  const paths = process.argv.slice(2)
  const files = paths.length > 0 ? Object.fromEntries(paths.map((path) => [path, path])) : FILES
  console.log(`Median milliseconds for texts of ${TOKENS} tokens`)
  console.table(
    measureTokenizers(files).map(({ name, tokens: _, ...row }) => ({
      name,
      ...Object.fromEntries(Object.entries(row).map(([key, value]) => [key, Number(value.toFixed(3))])),
    })),
  )
}

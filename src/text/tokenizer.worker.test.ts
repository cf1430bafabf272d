/** The same in workerd: its regular expressions, normal forms and grapheme clusters are the platform's own. */
import { expect, it } from 'vitest'
import llama3 from '../../test/text/fixtures/llama3.json'
import llama3Reference from '../../test/text/fixtures/llama3.reference.json'
import t5 from '../../test/text/fixtures/t5.json'
import t5Reference from '../../test/text/fixtures/t5.reference.json'
import uncased from '../../test/text/fixtures/wordpiece-uncased.json'
import uncasedReference from '../../test/text/fixtures/wordpiece-uncased.reference.json'
import xlnet from '../../test/text/fixtures/xlnet.json'
import xlnetReference from '../../test/text/fixtures/xlnet.reference.json'
import { createTokenizer } from './tokenizer.ts'

it.each([
  ['llama3', llama3, llama3Reference],
  ['t5', t5, t5Reference],
  ['wordpiece-uncased', uncased, uncasedReference],
  ['xlnet', xlnet, xlnetReference],
])('%s', (_, json, { texts, decoded }) => {
  const tokenizer = createTokenizer(json)
  for (const { text, ids } of texts) {
    const encoding = tokenizer.encode(text, { offsets: true })
    expect(encoding.ids, JSON.stringify(text)).toEqual(ids)
    expect(tokenizer.encode(text).ids).toEqual(ids)
  }
  for (const { ids, text } of decoded) expect(tokenizer.decode(ids)).toBe(text)
})

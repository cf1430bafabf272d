import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findKept, isComplete, joinPieces, type Piece, peel } from './kept.ts'

const keptIn = (text: string) => findKept(text).map(({ start, end }) => text.slice(start, end))

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: placeholders of other languages
it.each([
  ['Hello {name}, {{ user.name }} and ${count}!', ['{name}', '{{ user.name }}', '${count}']],
  ['%s has %d of %1$s (%.2f, %(total)s)', ['%s', '%d', '%1$s', '%.2f', '%(total)s']],
  ['100 % of it, 5 %sure', []],
  ['<p class="a">One &nbsp; <br/>two</p>', ['<p class="a">', '&nbsp;', '<br/>', '</p>']],
  ['a < b and c > d', []],
  ['Say >>de<< or <0>', ['>>de<<', '<0>']],
  [
    'See https://example.org/a?b=c. Write to a.b@example.org!',
    ['https://example.org/a?b=c', 'a.b@example.org'],
  ],
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above
])('finds what is kept in %j', (text, expected) => {
  expect(keptIn(text)).toEqual(expected)
})

it.each([
  ['<p>Hello.</p>', '<p>', 'Hello.', '</p>'],
  [' <b> <i>Two words</i> </b>\n', ' <b> <i>', 'Two words', '</i> </b>\n'],
  ['{name} is here.', '', '{name} is here.', ''],
  ['{name}', '{name}', '', ''],
  ['<br>', '<br>', '', ''],
  ['   ', '   ', '', ''],
  ['<b>Anna</b> and <b>Tom</b>', '<b>', 'Anna</b> and <b>Tom', '</b>'],
])('peels %j', (text, before, inner, after) => {
  expect(peel(text)).toEqual({ before, inner, after })
})

it('peels nothing away', () => {
  const piece = fc.constantFrom('<b>', '</b>', '{a}', ' ', 'word', '.', '\n', '%s', '<')
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('')
      const { before, inner, after } = peel(text)
      expect(before + inner + after).toBe(text)
    }),
  )
})

describe('joining', () => {
  const join = (source: string, pieces: Piece[]) => joinPieces(pieces, source, findKept(source))

  it.each<[string, Piece[], string]>([
    ['Hello {name}!', ['Hallo', 0, '!'], 'Hallo {name}!'],
    ['You have <b>three</b> letters.', ['Du hast', 0, 'drei', 1, 'Briefe.'], 'Du hast <b>drei</b> Briefe.'],
    ['{name}, come here.', ['Komm her,', 0, '.'], 'Komm her, {name}.'],
    ['It is {count}%s.', ['Das ist', 0, 1, '.'], 'Das ist {count}%s.'],
    ['Ask {a} or {b}.', ['Frag', 0, 'oder', 1, '.'], 'Frag {a} oder {b}.'],
  ])('%j %j', (source, pieces, expected) => {
    expect(join(source, pieces)).toBe(expected)
  })

  it('tells what was lost, doubled, or closed before it was opened', () => {
    const source = 'One <b>two</b> {three}'
    const kept = findKept(source)
    const complete = (...order: number[]) =>
      isComplete(
        order.flatMap((i) => [i, 'wort']),
        source,
        kept,
      )
    expect(complete(0, 1, 2)).toBe(true)
    expect(complete(2, 0, 1)).toBe(true)
    expect(complete(1, 0, 2)).toBe(false)
    expect(complete(0, 1)).toBe(false)
    expect(isComplete([0, 1, 'eins', 2], source, kept)).toBe(false)
    expect(isComplete([0, 'zwei', 1, 2], source, kept)).toBe(true)
    expect(complete(0, 1, 2, 2)).toBe(false)
  })
})

/** JSON strings (RFC 8259, section 7) as regular languages of UTF-8. */
import { among, choice, literal, type Regular, repeat, sequence } from './regular.ts'

/** Ranges of code points, both ends included, in order and apart. */
export type CodePoints = [number, number][]

const LAST = 0x10ffff
/** All but surrogates, which have no UTF-8. */
export const ANY: CodePoints = [
  [0, 0xd7ff],
  [0xe000, LAST],
]

/** Sorts and joins ranges, without surrogates. */
export function union(ranges: CodePoints): CodePoints {
  const sorted = ranges
    .flatMap(
      ([first, last]): CodePoints => [
        [first, Math.min(last, 0xd7ff)],
        [Math.max(first, 0xe000), last],
      ],
    )
    .filter(([first, last]) => first <= last)
    .sort((a, b) => a[0] - b[0])
  const joined: CodePoints = []
  for (const [first, last] of sorted) {
    const before = joined.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else joined.push([first, last])
  }
  return joined
}

export function complement(ranges: CodePoints): CodePoints {
  const out: CodePoints = []
  let from = 0
  for (const [first, last] of union(ranges)) {
    if (first > from) out.push([from, first - 1])
    from = last + 1
  }
  if (from <= LAST) out.push([from, LAST])
  return union(out)
}

const within = (ranges: CodePoints, limits: CodePoints): CodePoints =>
  complement([...complement(ranges), ...complement(limits)])

/** One of these code points in UTF-8. */
export function utf8(ranges: CodePoints): Regular {
  const sizes = [0x7f, 0x7ff, 0xffff, LAST]
  return choice(
    ...union(ranges).flatMap(([first, last]) =>
      sizes.flatMap((limit, i) => {
        const from = Math.max(first, i === 0 ? 0 : sizes[i - 1]! + 1)
        const to = Math.min(last, limit)
        return from > to ? [] : [between(encode(from), encode(to))]
      }),
    ),
  )
}

const encode = (codePoint: number) => [...new TextEncoder().encode(String.fromCodePoint(codePoint))]

/** Byte sequences of one length, from one to another. */
function between(from: number[], to: number[]): Regular {
  const [low, ...lowRest] = from as [number, ...number[]]
  const [high, ...highRest] = to as [number, ...number[]]
  const byte = (first: number, last: number): Regular => ({ kind: 'bytes', ranges: [[first, last]] })
  if (lowRest.length === 0) return byte(low, high)
  if (low === high) return sequence(byte(low, low), between(lowRest, highRest))
  const least = lowRest.map(() => 0x80)
  const most = lowRest.map(() => 0xbf)
  const parts = [
    sequence(byte(low, low), between(lowRest, most)),
    sequence(byte(high, high), between(least, highRest)),
  ]
  if (high - low > 1) parts.push(sequence(byte(low + 1, high - 1), between(least, most)))
  return choice(...parts)
}

/** What a string shows as it is. */
const PLAIN: CodePoints = complement([
  [0, 0x1f],
  [0x22, 0x22],
  [0x5c, 0x5c],
])
const hex = among('0-9', 'a-f', 'A-F')
const quote = literal('"')

/** Any one character, in any of its spellings but pairs of \u. */
export const anyCharacter = choice(
  utf8(PLAIN),
  sequence(
    literal('\\'),
    choice(
      among('"', '\\', '/', 'b', 'f', 'n', 'r', 't'),
      sequence(
        literal('u'),
        choice(
          sequence(among('0-9', 'a-c', 'e-f', 'A-C', 'E-F'), repeat(hex, 3, 3)),
          sequence(among('d', 'D'), among('0-7'), repeat(hex, 2, 2)),
        ),
      ),
    ),
  ),
)

/** One of these characters, each in one spelling. */
export function character(ranges: CodePoints): Regular {
  const escaped = within(ranges, complement(PLAIN)).flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, i) =>
      literal(JSON.stringify(String.fromCodePoint(first + i)).slice(1, -1)),
    ),
  )
  return choice(utf8(within(ranges, PLAIN)), ...escaped)
}

/** A string of this content. */
export const quoted = (content: Regular): Regular => sequence(quote, content, quote)

/** The keys of an object that its schema doesn't name: without escapes, so that none is another's second spelling. */
export const anyKey = quoted(repeat(utf8(PLAIN), 0))

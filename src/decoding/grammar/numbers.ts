/** JSON numbers (RFC 8259, section 6) as regular languages, between bounds. */
import { among, choice, literal, optional, type Regular, repeat, sequence } from './regular.ts'

export interface Bounds {
  minimum?: number | undefined
  maximum?: number | undefined
  exclusiveMinimum?: number | undefined
  exclusiveMaximum?: number | undefined
}

/** Digits that a double tells apart, whatever they are. */
const DIGITS = 15
const digit = among('0-9')

/** As many digits as a double holds, and exponents that it can. */
export function anyNumber(): Regular {
  const whole = choice(literal('0'), sequence(among('1-9'), repeat(digit, 0, DIGITS - 1)))
  const fraction = sequence(literal('.'), repeat(digit, 1, DIGITS))
  const exponent = sequence(among('e', 'E'), optional(among('+', '-')), repeat(digit, 1, 2))
  return sequence(optional(literal('-')), whole, optional(fraction), optional(exponent))
}

/** Whole numbers without exponent; undefined if none is within the bounds. */
export function integerBetween(bounds: Bounds): Regular | undefined {
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum, exclusiveMaximum } = bounds
  const above = exclusiveMinimum === undefined ? -Infinity : Math.floor(exclusiveMinimum) + 1
  const below = exclusiveMaximum === undefined ? Infinity : Math.ceil(exclusiveMaximum) - 1
  const least = Math.max(Math.ceil(minimum), above)
  const most = Math.min(Math.floor(maximum), below)
  const usual = 10 ** DIGITS - 1
  const low = Math.max(least, -(most < -usual ? Number.MAX_SAFE_INTEGER : usual))
  const high = Math.min(most, least > usual ? Number.MAX_SAFE_INTEGER : usual)
  if (low > high) return undefined
  const parts: Regular[] = []
  if (high >= 0) parts.push(wholeBetween(Math.max(low, 0), high))
  if (low < 0) parts.push(sequence(literal('-'), wholeBetween(Math.max(-high, 1), -low)))
  return choice(...parts)
}

/** Numbers without sign, from one whole number to another. */
function wholeBetween(low: number, high: number): Regular {
  const parts: Regular[] = []
  for (let length = `${low}`.length; length <= `${high}`.length; length++) {
    const from = Math.max(low, length === 1 ? 0 : 10 ** (length - 1))
    const to = Math.min(high, 10 ** length - 1)
    parts.push(digitsBetween(`${from}`, `${to}`))
  }
  return choice(...parts)
}

/** Strings of digits of one length, from one to another. */
function digitsBetween(low: string, high: string): Regular {
  if (/^0*$/.test(low) && /^9*$/.test(high)) return repeat(digit, low.length, low.length)
  const [a, b] = [low[0]!, high[0]!]
  const rest = low.length - 1
  if (a === b) return sequence(literal(a), digitsBetween(low.slice(1), high.slice(1)))
  const parts = [
    sequence(literal(a), digitsBetween(low.slice(1), '9'.repeat(rest))),
    sequence(literal(b), digitsBetween('0'.repeat(rest), high.slice(1))),
  ]
  if (Number(b) - Number(a) > 1)
    parts.push(sequence(among(`${Number(a) + 1}-${Number(b) - 1}`), repeat(digit, rest, rest)))
  return choice(...parts)
}

/** A bound without sign, in digits. */
interface Decimal {
  whole: number
  /** Without zeros at the end. */
  fraction: string
  /** The bound itself is outside. */
  exclusive: boolean
}

/**
 * Numbers without exponent, of as many digits as a double tells apart; undefined if none is within the bounds.
 * @throws RangeError for bounds that this cannot keep exactly
 */
export function numberBetween(bounds: Bounds): Regular | undefined {
  const { minimum = -Infinity, maximum = Infinity } = bounds
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = bounds
  // The text has at most 9 digits before the point where a side has no bound.
  const low = Math.max(minimum, exclusiveMinimum, -1e9)
  const high = Math.min(maximum, exclusiveMaximum, 1e9)
  if (low > high) {
    if (Math.max(minimum, exclusiveMinimum) > 1e9 || Math.min(maximum, exclusiveMaximum) < -1e9)
      throw new RangeError()
    return undefined
  }
  const from = decimal(Math.abs(low), low === exclusiveMinimum)
  const to = decimal(Math.abs(high), high === exclusiveMaximum)
  const zero: Decimal = { whole: 0, fraction: '', exclusive: false }
  const parts: (Regular | undefined)[] = []
  if (high >= 0) parts.push(unsignedBetween(low >= 0 ? from : zero, to))
  if (low < 0) {
    // -0 is 0, which the other part has if it is within.
    const magnitude = unsignedBetween(high < 0 ? to : { ...zero, exclusive: true }, from)
    parts.push(magnitude && sequence(literal('-'), magnitude))
  }
  const possible = parts.filter((part) => part !== undefined)
  return possible.length > 0 ? choice(...possible) : undefined
}

function decimal(value: number, exclusive: boolean): Decimal {
  const text = `${value}`.includes('e') ? value.toFixed(20) : `${value}`
  const [whole = '', fraction = ''] = text.split('.')
  if (Number(text) !== value) throw new RangeError()
  // A bound of more digits than are written is met by no text, so that none rounds to it.
  return { whole: Number(whole), fraction: fraction.replace(/0+$/, ''), exclusive }
}

function unsignedBetween(low: Decimal, high: Decimal): Regular | undefined {
  const places = DIGITS - `${high.whole}`.length
  const fractionOf = (whole: number, content: Regular | undefined) =>
    content && sequence(literal(`${whole}`), content)
  const any = choice(sequence(), sequence(literal('.'), repeat(digit, 1, places)))
  if (low.whole === high.whole) return fractionOf(low.whole, fractionBetween(low, high, places))
  const parts = [
    fractionOf(low.whole, fractionBetween(low, undefined, places)),
    fractionOf(high.whole, fractionBetween(undefined, high, places)),
  ]
  if (high.whole - low.whole > 1) parts.push(sequence(wholeBetween(low.whole + 1, high.whole - 1), any))
  const possible = parts.filter((part) => part !== undefined)
  return possible.length > 0 ? choice(...possible) : undefined
}

/** What may stand behind the whole part: nothing, or a point and at most `places` digits. */
function fractionBetween(
  low: Decimal | undefined,
  high: Decimal | undefined,
  places: number,
): Regular | undefined {
  const parts: Regular[] = []
  const lowZero = !low || (low.fraction === '' && !low.exclusive)
  const highZero = high?.fraction !== '' || !high.exclusive
  if (lowZero && highZero) parts.push(sequence())
  const digits = digitsWithin(
    low?.fraction,
    low?.exclusive ?? false,
    high?.fraction,
    high?.exclusive ?? false,
    places,
    true,
  )
  if (digits) parts.push(sequence(literal('.'), digits))
  return parts.length > 0 ? choice(...parts) : undefined
}

/**
 * Digits behind a point that lie between two others; undefined for a bound that holds already.
 * @param first there must be one digit at least
 */
function digitsWithin(
  low: string | undefined,
  aboveLow: boolean,
  high: string | undefined,
  belowHigh: boolean,
  places: number,
  first: boolean,
): Regular | undefined {
  // Where the text ends here, it stands for zeros.
  const atLow = low === undefined || (low === '' && !aboveLow)
  const atHigh = high === undefined || high !== '' || !belowHigh
  const parts: Regular[] = []
  if (!first && atLow && atHigh) parts.push(sequence())
  if (places > 0) {
    const least = Number(low?.[0] ?? '0')
    const most = Number(high === undefined ? '9' : (high[0] ?? '0'))
    for (let d = least; d <= most; d++) {
      const lower = low !== undefined && d === least
      const upper = high !== undefined && d === most
      if (!lower && !upper) continue
      const rest = digitsWithin(
        lower ? low.slice(1) : undefined,
        aboveLow,
        upper ? high.slice(1) : undefined,
        belowHigh,
        places - 1,
        false,
      )
      if (rest) parts.push(sequence(literal(`${d}`), rest))
    }
    // Behind a digit between those of the bounds, any may follow.
    const from = low === undefined ? least : least + 1
    const to = high === undefined ? most : most - 1
    if (from <= to) parts.push(sequence(among(`${from}-${to}`), repeat(digit, 0, places - 1)))
  }
  return parts.length > 0 ? choice(...parts) : undefined
}

/** Whether what was printed is what the documentation says. */

type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** What the documentation leaves out. */
const GAP = /…|\.\.\./

const isGap = (value: Json): boolean => typeof value === 'string' && /^(…|\.\.\.)$/.test(value)

/** As a text with gaps, each of which may be anything. */
function pattern(text: string): RegExp {
  const parts = text.split(GAP).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`)
}

const shown = (value: Json): string => {
  const text = JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

/**
 * How JSON differs from what the documentation says, one line a place. Numbers are compared as far as they are given;
 * "…" stands for any value, in a string for any part of it, in a list for any number of items, and as a key for any
 * number of others.
 */
export function differences(said: Json, is: Json, path = '$'): string[] {
  if (isGap(said)) return []
  if (Array.isArray(said)) {
    if (!Array.isArray(is)) return [`${path}: a list is said, not ${shown(is)}`]
    return differingItems(said, is, path)
  }
  if (typeof said === 'object' && said !== null) {
    if (typeof is !== 'object' || is === null || Array.isArray(is))
      return [`${path}: an object is said, not ${shown(is)}`]
    const isOpen = Object.keys(said).some(isGap)
    const undocumented = Object.keys(is).filter((key) => !isOpen && !Object.hasOwn(said, key))
    return [
      ...undocumented.map((key) => `${path}.${key}: is not said to be there, and is ${shown(is[key]!)}`),
      ...Object.keys(said)
        .filter((key) => !isGap(key))
        .flatMap((key) =>
          Object.hasOwn(is, key)
            ? differences(said[key]!, is[key]!, `${path}.${key}`)
            : [`${path}.${key}: is not there`],
        ),
    ]
  }
  const isSame =
    typeof said === 'string' && typeof is === 'string'
      ? pattern(said).test(is)
      : typeof said === 'number' && typeof is === 'number'
        ? isRounded(said, is)
        : said === is
  return isSame ? [] : [`${path}: ${shown(said)} is said, and it is ${shown(is)}`]
}

/** The items before the first gap from the front, those behind the last one from the back. */
function differingItems(said: Json[], is: Json[], path: string): string[] {
  const first = said.findIndex(isGap)
  const front = first < 0 ? said : said.slice(0, first)
  const back = first < 0 ? [] : said.slice(said.findLastIndex(isGap) + 1)
  if (first < 0 ? is.length !== said.length : is.length < front.length + back.length)
    return [`${path}: ${said.length} items are said, and there are ${is.length}: ${shown(is)}`]
  return [
    ...front.flatMap((item, i) => differences(item, is[i]!, `${path}[${i}]`)),
    ...back.flatMap((item, i) => {
      const at = is.length - back.length + i
      return differences(item, is[at]!, `${path}[${at}]`)
    }),
  ]
}

/** Whether a number is another one rounded to the decimals that are given; whole ones below 10 are exact. */
function isRounded(said: number, is: number): boolean {
  const decimals = String(said).match(/\.(\d+)/)?.[1]?.length ?? 0
  if (decimals === 0 && Math.abs(said) < 10) return said === is
  return Math.abs(said - is) <= 0.5001 * 10 ** -decimals
}

/** How output differs from what a block of `json` or `text` says. */
export function differencesOfOutput(language: string, said: string, output: string): string[] {
  if (language === 'text') {
    const [expected, actual] = [said.trimEnd(), output.trimEnd()]
    return pattern(expected).test(actual) ? [] : [`${shown(expected)} is said, and it is ${shown(actual)}`]
  }
  try {
    return differences(JSON.parse(said), JSON.parse(output))
  } catch (error) {
    return [`${(error as Error).message}: ${shown(output)}`]
  }
}

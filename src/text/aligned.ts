/** A text that is being rewritten, with where each of its characters came from. */

export interface AlignedText {
  text: string
  /** Index in the original text at which this text began. */
  shift: number
  /** Where unit i came from; null while it is still the original's unit `shift + i`. */
  alignment: Alignment | null
  /** False if nobody will ask for offsets: then edits need not keep the alignment. */
  tracked: boolean
}

/** UTF-16 unit i stands for the original's units [starts[i], ends[i]). Both arrays never decrease. */
interface Alignment {
  starts: Int32Array
  ends: Int32Array
}

/** Units [from, to) become `text`; from === to inserts. */
export interface Edit {
  from: number
  to: number
  text: string
}

/** A text before any edit. */
export function alignedText(text: string, shift: number, tracked: boolean): AlignedText {
  return { text, shift, alignment: null, tracked }
}

/** Index in the original at which unit `index` begins; at the end of the text, the index after it. */
export function originalStart({ text, shift, alignment }: AlignedText, index: number): number {
  if (!alignment) return shift + index
  return index < text.length ? alignment.starts[index]! : index > 0 ? alignment.ends[index - 1]! : shift
}

/** Index in the original after the unit before `index`. */
export function originalEnd({ shift, alignment }: AlignedText, index: number): number {
  if (!alignment) return shift + index
  return index > 0 ? alignment.ends[index - 1]! : (alignment.starts[0] ?? shift)
}

/** Units [from, to) as a text of its own. */
export function sliceAligned(source: AlignedText, from: number, to: number): AlignedText {
  const { text, alignment, tracked } = source
  if (from === 0 && to === text.length) return source
  return {
    text: text.slice(from, to),
    shift: originalStart(source, from),
    alignment: alignment && {
      starts: alignment.starts.slice(from, to),
      ends: alignment.ends.slice(from, to),
    },
    tracked,
  }
}

/** The same characters otherwise written, unit for unit: alignment stays. */
export const rewritten = (source: AlignedText, text: string): AlignedText => ({ ...source, text })

/** Replaces each match of a global pattern; every unit of a replacement stands for the whole match. */
export function replaceMatches(
  source: AlignedText,
  pattern: RegExp,
  replacement: (match: string) => string,
): AlignedText {
  if (!source.tracked)
    return rewritten(
      source,
      source.text.replace(pattern, (match) => replacement(match)),
    )
  const edits: Edit[] = []
  for (const { index, 0: match } of source.text.matchAll(pattern)) {
    const text = replacement(match)
    if (text !== match) edits.push({ from: index, to: index + match.length, text })
  }
  return applyEdits(source, edits)
}

/**
 * Makes edits, which come in order and do not overlap. Each unit of a replacement stands for all that it replaces; an
 * insertion stands for nothing: its span is empty.
 */
export function applyEdits(source: AlignedText, edits: Edit[]): AlignedText {
  if (edits.length === 0) return source
  let text = ''
  let done = 0
  for (const edit of edits) {
    text += source.text.slice(done, edit.from) + edit.text
    done = edit.to
  }
  text += source.text.slice(done)
  if (!source.tracked || edits.every(isOneForOne)) return rewritten(source, text)

  const starts = new Int32Array(text.length)
  const ends = new Int32Array(text.length)
  let at = 0
  const copy = (from: number, to: number) => {
    const { alignment, shift } = source
    if (alignment) {
      starts.set(alignment.starts.subarray(from, to), at)
      ends.set(alignment.ends.subarray(from, to), at)
      at += to - from
    } else
      for (let i = from; i < to; i++, at++) {
        starts[at] = shift + i
        ends[at] = shift + i + 1
      }
  }
  done = 0
  for (const edit of edits) {
    copy(done, edit.from)
    done = edit.to
    const start = originalStart(source, edit.from)
    const end = edit.to > edit.from ? originalEnd(source, edit.to) : start
    starts.fill(start, at, at + edit.text.length)
    ends.fill(end, at, at + edit.text.length)
    at += edit.text.length
  }
  copy(done, source.text.length)
  return { ...source, text, alignment: { starts, ends } }
}

const isOneForOne = ({ from, to, text }: Edit): boolean => text.length === 1 && to - from === 1

/** Where ascending positions are after the edits. What is inserted at a position comes after it. */
export function movePositions(positions: number[], edits: Edit[]): number[] {
  let delta = 0
  let next = 0
  return positions.map((position) => {
    for (; next < edits.length && edits[next]!.from < position; next++) {
      const { from, to, text } = edits[next]!
      delta += text.length - (to - from)
    }
    return position + delta
  })
}

/** Texts longer than a model's context are read in windows. */

/**
 * Cuts ids into the fewest contiguous windows of at most `size`, as equal in length as can be (they differ by one
 * at most), so that no window is a short tail with too little to judge by.
 */
export function splitWindows(ids: number[], size: number): number[][] {
  const count = Math.max(1, Math.ceil(ids.length / size))
  return Array.from({ length: count }, (_, i) =>
    ids.slice(Math.floor((i * ids.length) / count), Math.floor(((i + 1) * ids.length) / count)),
  )
}

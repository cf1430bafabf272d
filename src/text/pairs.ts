/** A map from two integers to a third, in flat arrays: no object a key, and no more memory than 24 bytes an entry. */

export interface PairMap {
  /** The value of a pair, or -1. All three numbers are non-negative and below 2^31. */
  get(first: number, second: number): number
  /** Sets the value of a pair, over an earlier one if there is one. */
  set(first: number, second: number, value: number): void
}

/** @param expected entries; it grows beyond that, but better not often */
export function createPairMap(expected: number): PairMap {
  /** Three numbers a slot: first + 1 (0: free), second, value. At least half of the slots are free. */
  let slots = new Int32Array(3 * capacityFor(expected))
  let mask = slots.length / 3 - 1
  let entries = 0

  const slotOf = (first: number, second: number): number => {
    let hash = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b)
    hash ^= hash >>> 15
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const key = slots[3 * slot]!
      if (key === 0 || (key === first + 1 && slots[3 * slot + 1] === second)) return 3 * slot
    }
  }

  const grow = () => {
    const old = slots
    slots = new Int32Array(2 * old.length)
    mask = slots.length / 3 - 1
    for (let slot = 0; slot < old.length; slot += 3)
      if (old[slot] !== 0) slots.set(old.subarray(slot, slot + 3), slotOf(old[slot]! - 1, old[slot + 1]!))
  }

  return {
    get(first, second) {
      const slot = slotOf(first, second)
      return slots[slot] === 0 ? -1 : slots[slot + 2]!
    },
    set(first, second, value) {
      let slot = slotOf(first, second)
      if (slots[slot] === 0) {
        if (2 * (entries + 1) > mask) {
          grow()
          slot = slotOf(first, second)
        }
        entries++
        slots[slot] = first + 1
        slots[slot + 1] = second
      }
      slots[slot + 2] = value
    },
  }
}

const capacityFor = (entries: number): number => 2 ** Math.ceil(Math.log2(2 * Math.max(entries, 4) + 2))

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createModelMemory, WEIGHTS_START } from './memory.ts'

it('the heap gives blocks that do not overlap, and takes them back', () => {
  const action = fc.record({
    allocate: fc.boolean(),
    bytes: fc.integer({ min: 1, max: 9000 }),
    which: fc.nat(),
  })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), fc.nat(5000), (actions, weightBytes) => {
      const { heap, scratch, memory } = createModelMemory(weightBytes)
      const bottom = scratch.scope(() => scratch.bytes(1))
      const blocks: { address: number; end: number }[] = []
      for (const { allocate, bytes, which } of actions) {
        if (allocate) {
          const address = heap.allocate(bytes)
          const block = { address, end: address + bytes }
          expect(address % 16).toBe(0)
          expect(address).toBeGreaterThanOrEqual(Math.max(weightBytes, WEIGHTS_START))
          expect(block.end).toBeLessThanOrEqual(memory.buffer.byteLength)
          for (const other of blocks)
            expect(block.end <= other.address || block.address >= other.end).toBe(true)
          blocks.push(block)
        } else if (blocks.length > 0) heap.free(blocks.splice(which % blocks.length, 1)[0]!.address)
        const top = scratch.scope(() => scratch.bytes(1))
        expect(blocks.every(({ end }) => end <= top)).toBe(true)
      }
      for (const { address } of blocks) heap.free(address)
      expect(scratch.scope(() => scratch.bytes(1))).toBe(bottom)
    }),
  )
})

it('the heap does not move under a forward pass', () => {
  const { heap, scratch } = createModelMemory(0)
  const address = heap.allocate(16)
  scratch.scope(() => {
    scratch.bytes(1)
    expect(() => heap.allocate(16)).toThrow()
    expect(() => heap.free(address)).toThrow()
  })
})

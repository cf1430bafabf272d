/** The safetensors reader: any file in any chunks, and every way a file can be broken. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openSafetensors } from './safetensors.ts'

interface Tensor {
  name: string
  rows: number
  columns: number
  data: Uint8Array
}

/** A file of I8 tensors. */
function write(tensors: Tensor[], change: (header: Record<string, unknown>) => void = () => {}): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  let offset = 0
  for (const { name, rows, columns, data } of tensors) {
    header[name] = { dtype: 'I8', shape: [rows, columns], data_offsets: [offset, offset + data.length] }
    offset += data.length
  }
  change(header)
  const json = new TextEncoder().encode(JSON.stringify(header))
  const file = new Uint8Array(8 + json.length + offset)
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true)
  file.set(json, 8)
  let at = 8 + json.length
  for (const { data } of tensors) {
    file.set(data, at)
    at += data.length
  }
  return file
}

function streamOf(file: Uint8Array, chunk: number): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= file.length) return controller.close()
      controller.enqueue(file.slice(at, at + chunk))
      at += chunk
    },
  })
}

async function read(file: Uint8Array, chunk = 1000): Promise<Map<string, number[]>> {
  const { blocks } = await openSafetensors(streamOf(file, chunk), 'model.safetensors')
  const tensors = new Map<string, number[]>()
  for await (const { name, bytes } of blocks()) tensors.set(name, [...(tensors.get(name) ?? []), ...bytes])
  return tensors
}

const tensors = fc
  .uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.nat(20), fc.nat(20)), {
    selector: ([name]) => name,
    maxLength: 5,
  })
  .chain((shapes) =>
    fc.tuple(
      ...shapes
        .filter(([name]) => !name.startsWith('__'))
        .map(([name, rows, columns]) =>
          fc
            .uint8Array({ minLength: rows * columns, maxLength: rows * columns })
            .map((data): Tensor => ({ name, rows, columns, data })),
        ),
    ),
  )

const one: Tensor = { name: 'a', rows: 2, columns: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) }

describe('safetensors', () => {
  it('reads what was written, however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(tensors, fc.integer({ min: 1, max: 300 }), async (list, chunk) => {
        const result = await read(write(list), chunk)
        for (const { name, data } of list) expect(result.get(name) ?? []).toEqual([...data])
      }),
    )
  })

  it('hands out a large tensor in blocks of whole rows', async () => {
    const data = Uint8Array.from({ length: 300 * 1000 }, (_, i) => i % 251)
    const file = write([{ name: 'big', rows: 300, columns: 1000, data }])
    const { blocks } = await openSafetensors(streamOf(file, 777), 'model.safetensors')
    let rows = 0
    for await (const block of blocks()) {
      expect(block.firstRow).toBe(rows)
      expect(block.bytes).toEqual(data.subarray(rows * 1000, (rows + block.rows) * 1000))
      rows += block.rows
    }
    expect(rows).toBe(300)
  })

  it('reports a file that ends early, wherever', async () => {
    const file = write([one])
    for (let length = 0; length < file.length; length++)
      await expect(read(file.subarray(0, length))).rejects.toMatchObject({ code: 'file_truncated' })
  })

  it.each<[string, Uint8Array]>([
    ['bytes after the last tensor', Uint8Array.of(...write([one]), 0)],
    ['a header that is no JSON', Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 123, 34, 40)],
    ['a header that is no object', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 91, 93)],
    ['a header longer than any file', new Uint8Array(8).fill(255)],
    ['a shape that is no list', write([one], (header) => Object.assign(header.a as object, { shape: 6 }))],
    ['a negative size', write([one], (header) => Object.assign(header.a as object, { shape: [-2, -3] }))],
    [
      'a shape of another size',
      write([one], (header) => Object.assign(header.a as object, { shape: [2, 4] })),
    ],
    ['a gap', write([one], (header) => Object.assign(header.a as object, { data_offsets: [1, 7] }))],
    ['no offsets', write([one], (header) => Object.assign(header.a as object, { data_offsets: null }))],
    ['an entry that is null', write([one], (header) => Object.assign(header, { a: null }))],
  ])('rejects %s', async (_, file) => {
    await expect(read(file)).rejects.toMatchObject({ code: 'weights_malformed' })
  })

  it('names a type that is not supported', async () => {
    const file = write([one], (header) => Object.assign(header.a as object, { dtype: 'F8_E4M3' }))
    await expect(read(file)).rejects.toMatchObject({
      code: 'tensor_invalid',
      message: expect.stringContaining('F8_E4M3'),
    })
  })
})

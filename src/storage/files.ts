/** Model files in a folder: the command line, tests and benches. Node only. */
import { readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { EdgewiseError } from '../errors.ts'
import type { ModelStorage } from './storage.ts'

const CHUNK_BYTES = 262_144

/** @param directory the model root, the folder of catalog.json */
export function fileStorage(directory: string): ModelStorage {
  return {
    async open(path) {
      const file = await open(join(directory, path)).catch((cause: NodeJS.ErrnoException) => {
        throw cause.code === 'ENOENT'
          ? new EdgewiseError(
              'file_missing',
              `There is no ${path} in ${directory}.`,
              'Check the models folder.',
            )
          : unreadable(path, cause)
      })
      // Two buffers in turn, filled when they are asked for: a file of weights would else lie in memory as garbage.
      const buffers: Uint8Array[] = []
      let next = 0
      return new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            try {
              // A synchronous read of a chunk takes less than the way to another thread and back.
              const buffer = buffers[next % 2] ?? new Uint8Array(CHUNK_BYTES)
              buffers[next++ % 2] = buffer
              const bytesRead = readSync(file.fd, buffer)
              if (bytesRead > 0) return controller.enqueue(buffer.subarray(0, bytesRead))
              await file.close()
              controller.close()
            } catch (cause) {
              controller.error(unreadable(path, cause))
            }
          },
          cancel: () => file.close(),
        },
        { highWaterMark: 0 },
      )
    },
  }
}

function unreadable(path: string, cause: unknown): EdgewiseError {
  return new EdgewiseError(
    'storage_failed',
    `${path} could not be read.`,
    'Check its permissions and the disk.',
    {
      cause,
    },
  )
}

/** A Worker of a function that writes without end and counts what it has written. */
import * as z from 'zod'
import { defineFunction } from '../../src/function.ts'
import { createWorker } from '../../src/server/worker.ts'

const counts = { written: 0, ended: 0, aborted: 0 }

const endless = defineFunction({
  name: 'endless',
  summary: 'Write without end',
  description: 'Writes without end; answers with how much it has written.',
  primary: 'text',
  input: z.strictObject({ text: z.string(), stream: z.boolean().default(false) }),
  output: z.object({ written: z.int(), ended: z.int(), aborted: z.int() }),
  examples: [],
  run: async () => ({ ...counts }),
  async *stream({ text }, { signal }) {
    signal.addEventListener('abort', () => counts.aborted++)
    try {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 5))
        counts.written++
        yield { index: 0, text }
      }
    } finally {
      counts.ended++
    }
  },
})

export default createWorker([endless])

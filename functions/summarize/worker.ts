/** The summarize function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { summarize } from './function.ts'

export default createWorker([summarize])

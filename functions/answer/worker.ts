/** The answer function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { answer } from './function.ts'

export default createWorker([answer])

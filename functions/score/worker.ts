/** The score function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { score } from './function.ts'

export default createWorker([score])

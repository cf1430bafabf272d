/** The code function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { code } from './function.ts'

export default createWorker([code])

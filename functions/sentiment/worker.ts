/** The sentiment function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { sentiment } from './function.ts'

export default createWorker([sentiment])

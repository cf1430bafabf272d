/** The chat function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { chat } from './function.ts'

export default createWorker([chat])

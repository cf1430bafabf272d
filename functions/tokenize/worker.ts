/** The tokenize function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { tokenize } from './function.ts'

export default createWorker([tokenize])

/** The generate function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { generate } from './function.ts'

export default createWorker([generate])

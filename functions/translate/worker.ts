/** The translate function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { translate } from './function.ts'

export default createWorker([translate])

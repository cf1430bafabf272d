/** The fill-mask function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { fillMask } from './function.ts'

export default createWorker([fillMask])

/** The embed function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { embed } from './function.ts'

export default createWorker([embed])

/** All functions in one Worker. */
import { createWorker } from '../../src/server/worker.ts'
import { functions } from '../index.ts'

export default createWorker(functions)

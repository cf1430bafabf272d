/** The classify function with its training as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { classifiers } from '../classifiers/function.ts'
import { classify } from './function.ts'

export default createWorker([classify, classifiers])

/** The classify function with its training as a Worker of its own. */
import { encoders, prompts } from '../../src/runtime/loaders.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { classifiers } from '../classifiers/function.ts'
import { classify } from './function.ts'

export default createWorkerOf([encoders, prompts], [classify, classifiers])

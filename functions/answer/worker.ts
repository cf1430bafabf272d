/** The answer function as a Worker of its own. */
import { encoders } from '../../src/runtime/loaders.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { answer } from './function.ts'

export default createWorkerOf([encoders], [answer])

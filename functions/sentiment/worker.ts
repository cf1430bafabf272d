/** The sentiment function as a Worker of its own. */
import { encoders } from '../../src/runtime/loaders.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { sentiment } from './function.ts'

export default createWorkerOf([encoders], [sentiment])

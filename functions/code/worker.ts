/** The code function as a Worker of its own. */
import { generators, prompts } from '../../src/runtime/loaders.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { code } from './function.ts'

export default createWorkerOf([generators, prompts], [code])

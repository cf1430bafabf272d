/** The summarize function as a Worker of its own. */
import { encoders, generators, prompts } from '../../src/runtime/loaders.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { summarize } from './function.ts'

export default createWorkerOf([encoders, generators, prompts], [summarize])

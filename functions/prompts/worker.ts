/** The prompts function as a Worker of its own. */
import { prompts as templates } from '../../src/runtime/loaders.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { prompts } from './function.ts'

export default createWorkerOf([templates], [prompts])

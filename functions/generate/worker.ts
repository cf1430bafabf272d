/** The generate function as a Worker of its own. */
import { generators } from '../../src/runtime/loaders.ts'
import { openAi } from '../../src/server/compat/openai/index.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { generate } from './function.ts'

export default createWorkerOf([generators], [generate], [openAi])

/** The chat function as a Worker of its own. */
import { encoders, generators } from '../../src/runtime/loaders.ts'
import { openAi } from '../../src/server/compat/openai/index.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { chat } from './function.ts'

export default createWorkerOf([encoders, generators], [chat], [openAi])

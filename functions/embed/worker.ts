/** The embed function as a Worker of its own. */
import { encoders } from '../../src/runtime/loaders.ts'
import { openAi } from '../../src/server/compat/openai/index.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { embed } from './function.ts'

export default createWorkerOf([encoders], [embed], [openAi])

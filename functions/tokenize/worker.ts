/** The tokenize function as a Worker of its own. */
import { tokenizers } from '../../src/runtime/loaders.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { tokenize } from './function.ts'

export default createWorkerOf([tokenizers], [tokenize])

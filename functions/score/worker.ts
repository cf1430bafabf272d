/** The score function as a Worker of its own. */
import { permutationLms } from '../../src/runtime/loaders.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { score } from './function.ts'

export default createWorkerOf([permutationLms], [score])

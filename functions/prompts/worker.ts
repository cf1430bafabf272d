/** The prompts function as a Worker of its own. */
import { createWorker } from '../../src/server/worker.ts'
import { prompts } from './function.ts'

export default createWorker([prompts])

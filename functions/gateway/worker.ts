/** All functions in one Worker. */
import { huggingFace } from '../../src/server/compat/huggingface/index.ts'
import { libreTranslate } from '../../src/server/compat/libretranslate/index.ts'
import { openAi } from '../../src/server/compat/openai/index.ts'
import { createWorker } from '../../src/server/worker.ts'
import { functions } from '../index.ts'

export default createWorker(functions, [openAi, huggingFace, libreTranslate])

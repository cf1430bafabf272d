/** The translate function as a Worker of its own, which speaks LibreTranslate's protocol too. */
import { generators } from '../../src/runtime/loaders.ts'
import { libreTranslate } from '../../src/server/compat/libretranslate/index.ts'
import { createWorkerOf } from '../../src/server/worker.ts'
import { translate } from './function.ts'

export default createWorkerOf([generators], [translate], [libreTranslate])

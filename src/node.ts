/** `edgewise/node`: the service and its runtime within a Node process, with models and classifiers of folders. */
import { classifierStore } from './classifier/store.ts'
import type { EdgewiseFunction } from './function.ts'
import { createLocalRuntime, type LocalOptions } from './runtime/local.ts'
import { createApp } from './server/app.ts'
import type { Dialect } from './server/service.ts'
import { folderStorage } from './storage/folder.ts'

export { createLocalRuntime, type LocalOptions } from './runtime/local.ts'
export { fileStorage } from './storage/files.ts'
export { folderStorage } from './storage/folder.ts'

export interface LocalAppOptions extends LocalOptions {
  /** Other services' protocols that it speaks besides. */
  dialects?: readonly Dialect[]
  /** The folder that trained classifiers are kept in; without it none can be trained. */
  classifiers?: string | undefined
}

/** Answers requests: a server's, or those of the client by its option `fetch`. */
export interface LocalApp {
  fetch(request: Request): Response | Promise<Response>
}

/**
 * What createWorker makes for a Worker, for Node.
 *
 *     const app = await createLocalApp(functions)
 *     const nlp = createClient<typeof functions>({
 *       baseUrl: 'http://local',
 *       fetch: async (url, init) => await app.fetch(new Request(url, init)),
 *     })
 *
 * @throws EdgewiseError `file_missing` without a models folder
 */
export async function createLocalApp(
  functions: readonly EdgewiseFunction[],
  { dialects = [], classifiers, ...options }: LocalAppOptions = {},
): Promise<LocalApp> {
  const runtime = await createLocalRuntime(options)
  const store = classifiers === undefined ? undefined : classifierStore(folderStorage(classifiers))
  return createApp({ functions, dialects, runtime: () => runtime, classifiers: () => store })
}

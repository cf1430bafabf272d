/** What answers a command: a server, or this process with the models of a folder. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { classifierStore } from '../classifier/store.ts'
import { createClient } from '../client/client.ts'
import { compileKernels } from '../engine/kernels.ts'
import { EdgewiseError } from '../errors.ts'
import type { EdgewiseFunction, FunctionContext, TextPart } from '../function.ts'
import { createRuntime } from '../runtime/native.ts'
import { inputError } from '../server/errors.ts'
import { fileStorage } from '../storage/files.ts'
import { folderStorage } from '../storage/folder.ts'

type Json = Record<string, unknown>

/** Answers one input; made once a run. `show` is given the text of an answer that comes in parts. */
export type Answer = (input: Json, show?: (part: TextPart) => void) => Promise<Json>

/** Where answers come from: the options --url and --models. */
export interface Source {
  url?: string | undefined
  models?: string | undefined
}

/** @throws EdgewiseError `file_missing` without a models folder */
export async function answerer(fn: EdgewiseFunction, { url, models }: Source): Promise<Answer> {
  if (url !== undefined) {
    const client = createClient<EdgewiseFunction[]>({ baseUrl: url })
    return async (input, show) => {
      const call = client[fn.name] as unknown as ((input: Json) => Promise<Json>) & {
        stream(input: Json): AsyncGenerator<TextPart, Json, void>
      }
      return show && fn.stream ? await shown(call.stream(input), show) : await call(input)
    }
  }
  const context = await localContext(models)
  return async (input, show) => {
    const parsed = fn.input.safeParse(input)
    if (!parsed.success) throw inputError(parsed.error, `See edgewise ${fn.name} --help.`)
    return show && fn.stream
      ? await shown(fn.stream(parsed.data, context), show)
      : await fn.run(parsed.data, context)
  }
}

async function shown(
  parts: AsyncGenerator<TextPart, Json, void>,
  show: (part: TextPart) => void,
): Promise<Json> {
  let next = await parts.next()
  for (; !next.done; next = await parts.next()) show(next.value)
  return next.value
}

/** Answers a route of a function, by the name it goes by in the client. @throws EdgewiseError, RequestError */
export async function callRoute(
  fn: EdgewiseFunction,
  route: string,
  parameters: { name: string },
  body: Record<string, unknown>,
  { url, models }: Source,
): Promise<unknown> {
  const { path, input, run } = fn.routes![route]!
  if (url === undefined) {
    const parsed = input?.safeParse(body)
    if (parsed && !parsed.success) throw inputError(parsed.error, `See edgewise ${fn.name} --help.`)
    return await run(parameters, await localContext(models), parsed?.data ?? {})
  }
  type Call = (parameters?: { name: string }) => Promise<unknown>
  const calls = createClient<EdgewiseFunction[]>({ baseUrl: url })[fn.name] as unknown as Record<string, Call>
  return await (path === '' ? calls[route]!() : calls[route]!({ ...parameters, ...body }))
}

/** What functions are handed on the command line. */
async function localContext(models: string | undefined): Promise<FunctionContext> {
  const home = process.env.EDGEWISE_HOME ?? join(homedir(), '.edgewise')
  return {
    runtime: await localRuntime(models),
    signal: new AbortController().signal,
    classifiers: classifierStore(folderStorage(home)),
  }
}

/** @throws EdgewiseError `file_missing` without a models folder */
export async function localRuntime(models: string | undefined) {
  const here = dirname(fileURLToPath(import.meta.url))
  const directory = models ?? process.env.EDGEWISE_MODELS ?? join(here, '../models')
  if (!existsSync(join(directory, 'catalog.json')))
    throw new EdgewiseError(
      'file_missing',
      `There is no catalog.json in ${directory}.`,
      'Name the models folder by --models or EDGEWISE_MODELS.',
    )
  const bytes = async (name: string) => new Uint8Array(await readFile(join(here, `kernels.${name}.wasm`)))
  const kernels = await compileKernels(bytes)
  return createRuntime({ storage: fileStorage(directory), kernels })
}

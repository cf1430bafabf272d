/** What answers a command: a server, or this process with the models of a folder. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { classifierStore } from '../classifier/store.ts'
import { createClient } from '../client/client.ts'
import type { EdgewiseFunction, FunctionContext, TextPart } from '../function.ts'
import { createLocalRuntime } from '../runtime/local.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { inputError } from '../server/errors.ts'
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
    const client = remote(url)
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

const remote = (url: string) =>
  createClient<EdgewiseFunction[]>({ baseUrl: url, apiKey: process.env.EDGEWISE_API_KEY })

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
  const calls = remote(url)[fn.name] as unknown as Record<string, Call>
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
export const localRuntime = (models: string | undefined): Promise<Runtime> =>
  createLocalRuntime({ models: models ?? process.env.EDGEWISE_MODELS })

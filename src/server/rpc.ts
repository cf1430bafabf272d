/** Functions as methods of a Worker that others have a service binding to; src/binding.ts tells the types. */
import * as z from 'zod'
import { crossing } from '../binding.ts'
import { EdgewiseError } from '../errors.ts'
import { camelCase, type EdgewiseFunction, type FunctionRoute } from '../function.ts'
import { MAX_BODY_BYTES, objectOf } from './body.ts'
import { asEdgewiseError, inputError } from './errors.ts'
import { eventStream } from './events.ts'
import type { Call, Service } from './service.ts'

type Method<C extends Call> = (call: C, ...given: unknown[]) => Promise<unknown>

/**
 * The methods by their names. They take and answer what the routes do.
 * @throws Error from each: the EdgewiseError that the route answers with, made ready to cross
 */
export function rpcMethods<C extends Call>(service: Service<C>): Record<string, Method<C>> {
  const methods: Record<string, Method<C>> = {}
  for (const fn of service.functions) {
    const name = camelCase(fn.name)
    methods[name] = methods[fn.name] = async (call, ...given) => {
      const input = inputOf(fn, given)
      if (fn.stream && input.stream === true) throw notWhole(name)
      return await service.run(fn, input, call)
    }
    if (fn.stream)
      methods[`${name}Stream`] = async (call, ...given) =>
        (await eventStream(service.write(fn, inputOf(fn, given), call))).body
    for (const [route, definition] of Object.entries(fn.routes ?? {}))
      methods[`${name}${route[0]!.toUpperCase()}${route.slice(1)}`] = routeMethod(definition, service)
  }
  for (const [name, method] of Object.entries(methods))
    methods[name] = async (...all) => {
      try {
        return await method(...all)
      } catch (error) {
        throw crossing(asEdgewiseError(error))
      }
    }
  return methods
}

const notWhole = (method: string) =>
  new EdgewiseError(
    'invalid_input',
    `stream: ${method} answers with the whole.`,
    `Call ${method}Stream, which needs no field for it.`,
  )

const inputOf = ({ primary }: EdgewiseFunction, given: unknown[]) =>
  objectOf(argumentOf(given, primary), primary)

function routeMethod<C extends Call>({ path, input, run }: FunctionRoute, service: Service<C>): Method<C> {
  const fields = input ?? z.strictObject({})
  const schema = path === '' ? fields : fields.extend({ name: z.string().min(1, 'must not be empty') })
  return async (call, ...given) => {
    const parsed = schema.safeParse(given.length === 0 ? {} : objectOf(argumentOf(given, 'name'), 'name'))
    if (!parsed.success) throw inputError(parsed.error, 'See /reference for the fields.')
    const { name = '', ...rest } = parsed.data as { name?: string }
    return await run({ name }, service.context(call), rest)
  }
}

/** The one argument, as JSON would hold it, within the limit of a body. */
function argumentOf(given: unknown[], primary: string): unknown {
  const hint = `Give an object such as {"${primary}": "…"}, or the field's value alone.`
  const refused = (message: string, cause?: unknown) =>
    new EdgewiseError('invalid_input', message, hint, { cause })
  if (given.length !== 1) throw refused(`A method takes one argument, not ${given.length}.`)
  let json: string | undefined
  try {
    json = JSON.stringify(given[0])
  } catch (cause) {
    throw refused('The input is nothing that JSON can hold.', cause)
  }
  if (json === undefined) throw refused('There is no input.')
  if (json.length > MAX_BODY_BYTES || new TextEncoder().encode(json).length > MAX_BODY_BYTES)
    throw new EdgewiseError(
      'payload_too_large',
      `The input is larger than ${MAX_BODY_BYTES} bytes.`,
      'Send fewer or shorter texts at a time.',
    )
  return JSON.parse(json)
}

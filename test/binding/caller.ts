/** A Worker that calls what it is told to over its service binding, and tells what came of it. */
import { rpcError } from '../../src/client/binding.ts'

/** A method's name with what it is given. */
export interface Told {
  method: string
  given: unknown[]
}

interface Env {
  NLP: Record<string, (...given: unknown[]) => Promise<unknown>>
}

const rest = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Takes three parts of an endless stream, rests and goes away; counts, after the rest, what has been computed. */
async function dawdle({ NLP }: Env) {
  const stream = (await NLP.endlessStream!('a')) as ReadableStream<Uint8Array>
  const reader = stream.getReader()
  let taken = 0
  while (taken < 3) taken += new TextDecoder().decode((await reader.read()).value).split('event:').length - 1
  await rest(300)
  const rested = (await NLP.endless!('a')) as object
  await reader.cancel()
  await rest(100)
  const left = (await NLP.endless!('a')) as object
  await rest(300)
  return { taken, rested, left, later: (await NLP.endless!('a')) as object }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (new URL(request.url).pathname === '/dawdle') return Response.json(await dawdle(env))
    const { method, given } = (await request.json()) as Told
    try {
      const answer = await env.NLP[method]!(...given)
      if (answer instanceof ReadableStream) return new Response(answer)
      return Response.json(answer)
    } catch (error) {
      const { name, message, code, status, hint, stack } = error as Error & Record<string, unknown>
      const known = rpcError(error)
      const read = known && { ...known.toJSON().error, status: known.status }
      return Response.json({ name, message, code, status, hint, stack, read }, { status: 500 })
    }
  },
}

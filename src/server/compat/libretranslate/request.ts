/** Bodies of LibreTranslate's requests: JSON, or a form in one of its two encodings. */
import { EdgewiseError } from '../../../errors.ts'
import { readInput } from '../../body.ts'

/**
 * The fields of a request, as they were sent; of a form, and of the address, all are texts.
 * @throws EdgewiseError `invalid_input`, and those of readInput()
 */
export async function readFields(request: Request): Promise<Record<string, unknown>> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
  const inAddress = Object.fromEntries(new URL(request.url).searchParams)
  if (['application/x-www-form-urlencoded', 'multipart/form-data'].includes(type))
    return { ...inAddress, ...(await readForm(request)) }
  if (type === '' && !request.body) return inAddress
  if (type !== '' && !/^application\/([\w.+-]+\+)?json$/.test(type))
    throw new EdgewiseError(
      'unsupported_media_type',
      `A body of type ${type} is not understood.`,
      'Send application/json or a form.',
    )
  return (await readInput(request, 'q')) as Record<string, unknown>
}

async function readForm(request: Request): Promise<Record<string, string>> {
  const headers = { 'content-type': request.headers.get('content-type')! }
  const body = await request.arrayBuffer()
  try {
    const form = await new Response(body, { headers }).formData()
    const fields = [...form].filter((field): field is [string, string] => typeof field[1] === 'string')
    // A form's lines end as those of mail do.
    return Object.fromEntries(fields.map(([name, value]) => [name, value.replace(/\r\n?/g, '\n')]))
  } catch (cause) {
    throw new EdgewiseError('invalid_input', 'The form cannot be read.', 'Encode it as its type says.', {
      cause,
    })
  }
}

/** Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */

export interface ServerEvent {
  /** Its name; `message` where it has none. */
  event: string
  data: string
}

/** Lines end with LF or CRLF, chunks anywhere. The body is cancelled when its reader stops early. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void> {
  // Safari has no async iterator of streams.
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  let event = ''
  let data: string[] = []
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/)
      rest = lines.pop()!
      for (const line of lines) {
        const [, field, text = ''] = line.match(/^([^:]*)(?:: ?(.*))?$/)!
        if (field === 'event') event = text
        else if (field === 'data') data.push(text)
        else if (line === '') {
          if (data.length > 0) yield { event: event || 'message', data: data.join('\n') }
          event = ''
          data = []
        }
      }
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

/**
 * SHA-256 of a stream with what the platform has: Workers' DigestStream, Node's crypto, or, in a browser, WebCrypto,
 * which can only hash the whole.
 */

export interface HashSink {
  write(chunk: Uint8Array): Promise<void> | void
  /** Lower-case hexadecimal. */
  digest(): Promise<string>
}

/** https://developers.cloudflare.com/workers/runtime-apis/web-crypto/#constructors */
type DigestStreamConstructor = new (
  algorithm: string,
) => WritableStream<Uint8Array> & { digest: Promise<ArrayBuffer> }

export function sha256Sink(): HashSink {
  const { DigestStream } = crypto as unknown as { DigestStream?: DigestStreamConstructor }
  if (DigestStream) {
    const stream = new DigestStream('SHA-256')
    const writer = stream.getWriter()
    return {
      write: (chunk) => writer.write(chunk),
      async digest() {
        await writer.close()
        return hex(await stream.digest)
      },
    }
  }
  const nodeCrypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (nodeCrypto) {
    const hash = nodeCrypto.createHash('sha256')
    return {
      write(chunk) {
        hash.update(chunk)
      },
      digest: async () => hash.digest('hex'),
    }
  }
  const chunks: Uint8Array<ArrayBuffer>[] = []
  return {
    write(chunk) {
      chunks.push(chunk.slice())
    },
    digest: async () => hex(await crypto.subtle.digest('SHA-256', await new Blob(chunks).arrayBuffer())),
  }
}

function hex(digest: ArrayBuffer): string {
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

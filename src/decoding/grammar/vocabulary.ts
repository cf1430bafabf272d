/** The bytes of a model's tokens as a tree of prefixes, so that what a grammar allows is found without trying every token. */

export interface Vocabulary {
  /** Tokens, those without text included. */
  size: number
  /** Nodes in the order of a walk: a node's children come right behind it, up to `skip`; the root is node 0. */
  nodes: number
  /** The byte that leads to a node. */
  byte: Uint8Array
  /** The first node behind a node's descendants. */
  skip: Int32Array
  /** Bytes from the root. */
  depth: Uint16Array
  /** The tokens that end at a node: ids[firstId[node]] up to ids[firstId[node + 1]]. */
  firstId: Int32Array
  ids: Int32Array
  /** Undefined for a token without text. */
  bytesOf(id: number): Uint8Array | undefined
  /** The child that a byte leads to; -1 if there is none. */
  child(node: number, byte: number): number
}

/**
 * @param texts what each token adds to a text, by id, as characters or as bytes (of a part of one); undefined for special
 * tokens and for those never to be written under a grammar. Takes about a microsecond a token.
 */
export function createVocabulary(texts: readonly (string | Uint8Array | undefined)[]): Vocabulary {
  const encoder = new TextEncoder()
  const bytes = texts.map((text) => (typeof text === 'string' ? encoder.encode(text) : text))
  const ids = Int32Array.from(bytes.keys())
    .filter((id) => (bytes[id]?.length ?? 0) > 0)
    .sort((a, b) => compare(bytes[a]!, bytes[b]!))

  let nodes = 1
  eachNode(ids, bytes, () => nodes++)
  const byte = new Uint8Array(nodes)
  const depth = new Uint16Array(nodes)
  const skip = new Int32Array(nodes)
  const firstId = new Int32Array(nodes + 1)
  let node = 0
  const path = [0] // the nodes down to the last one
  const leave = (to: number) => {
    while (path.length > to) skip[path.pop()!] = node + 1
  }
  eachNode(
    ids,
    bytes,
    (value, at) => {
      leave(at + 1)
      path.push(++node)
      byte[node] = value
      depth[node] = at + 1
    },
    (index) => {
      // The token ends at the last node; nodes from there on have later tokens.
      firstId[node + 1] = index + 1
    },
  )
  leave(0)
  for (let i = 1; i <= nodes; i++) firstId[i] = Math.max(firstId[i]!, firstId[i - 1]!)

  return {
    size: texts.length,
    nodes,
    byte,
    skip,
    depth,
    firstId,
    ids,
    bytesOf: (id) => bytes[id],
    child(parent, value) {
      const end = skip[parent]!
      for (let at = parent + 1; at < end; at = skip[at]!) if (byte[at] === value) return at
      return -1
    },
  }
}

/** Walks the prefixes of sorted tokens, each once: its last byte and how many come before; then the token. */
function eachNode(
  ids: Int32Array,
  bytes: readonly (Uint8Array | undefined)[],
  enter: (byte: number, at: number) => void,
  token?: (index: number) => void,
): void {
  let before = new Uint8Array(0)
  ids.forEach((id, index) => {
    const own = bytes[id]! as Uint8Array<ArrayBuffer>
    let at = 0
    while (at < before.length && before[at] === own[at]) at++
    for (; at < own.length; at++) enter(own[at]!, at)
    token?.(index)
    before = own
  })
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** Small texts by name, kept between requests: what a service has learned. Each implementation is one small file. */
export interface ObjectStorage {
  /** @throws EdgewiseError `storage_failed` from each method */
  get(key: string): Promise<string | undefined>
  put(key: string, value: string): Promise<void>
  /** Whether there was one. */
  delete(key: string): Promise<boolean>
  /** Keys that begin with the prefix, in order; at most 1,000. */
  list(prefix: string): Promise<string[]>
}

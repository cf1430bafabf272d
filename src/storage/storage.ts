/**
 * Where model files come from. A storage opens a file by its path below the model root ("catalog.json",
 * "sentiment/model.safetensors"); it neither parses nor verifies, so each is one small file of the same shape.
 */
export interface ModelStorage {
  /**
   * Opens a file as a stream of bytes, whose chunks are valid until the next but one is asked for.
   * @throws EdgewiseError `file_missing` when there is no such file, `storage_failed` when it cannot be read
   */
  open(path: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>
}

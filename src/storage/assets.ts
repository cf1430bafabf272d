/**
 * Model files as static assets of the Worker
 * (https://developers.cloudflare.com/workers/static-assets/binding/): free to serve, 25 MiB a file.
 */
import { EdgewiseError } from '../errors.ts'
import type { ModelStorage } from './storage.ts'

/** The part of Fetcher that is used; the ASSETS binding has it. */
export interface AssetFetcher {
  fetch(request: Request): Promise<Response>
}

/** @param prefix path of the model root among the assets */
export function assetStorage(assets: AssetFetcher, prefix = '/models/'): ModelStorage {
  return {
    async open(path, signal) {
      const request = new Request(`https://assets.local${prefix}${path}`, signal ? { signal } : {})
      const response = await assets.fetch(request).catch((cause: unknown) => {
        throw new EdgewiseError(
          'storage_failed',
          `The assets did not answer for ${path}.`,
          'Try again in a moment.',
          { cause },
        )
      })
      if (response.status === 404)
        throw new EdgewiseError(
          'file_missing',
          `Model storage has no ${path}.`,
          'Deploy the models folder with the Worker: npm run build, then npm run deploy.',
        )
      if (!response.ok || !response.body)
        throw new EdgewiseError(
          'storage_failed',
          `The assets answered ${response.status} for ${path}.`,
          'Try again in a moment.',
        )
      return response.body
    },
  }
}

import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** Tests named *.worker.test.ts run inside workerd, all others in Node. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node',
          include: ['{src,functions,bench,docs,test}/**/*.test.ts'],
          exclude: ['**/*.worker.test.ts', '**/node_modules/**'],
          testTimeout: 60_000,
        },
      },
      {
        // The gateway's own bindings, and a bucket to test the other kind of storage with.
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { r2Buckets: ['TEST_BUCKET'] },
          }),
        ],
        test: {
          name: 'workerd',
          include: ['{src,functions,test}/**/*.worker.test.ts'],
          testTimeout: 60_000,
        },
      },
    ],
  },
})

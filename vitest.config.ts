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
        // The gateway's own bindings, a bucket to test the other kind of storage with, and a limit on the rate.
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              r2Buckets: ['TEST_BUCKET'],
              ratelimits: { TEST_LIMITER: { namespace_id: '1', simple: { limit: 2, period: 60 } } },
            },
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

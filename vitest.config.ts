import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** Tests named *.worker.test.ts run inside workerd, all others in Node. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node',
          include: ['{src,functions,bench,test}/**/*.test.ts'],
          exclude: ['**/*.worker.test.ts', '**/node_modules/**'],
          testTimeout: 60_000,
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
        test: {
          name: 'workerd',
          include: ['{src,functions,test}/**/*.worker.test.ts'],
          testTimeout: 60_000,
        },
      },
    ],
  },
})

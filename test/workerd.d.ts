/** The parts of workerd's and its test plugin's own modules that the tests use. */
declare module 'cloudflare:workers' {
  export const env: import('../src/server/worker.ts').Env
  /** Loopback to the Worker under test. */
  export const exports: {
    default: import('../src/binding.ts').ServiceBinding<typeof import('../functions/index.ts').functions>
  }
}

declare module 'cloudflare:test' {
  export function createExecutionContext(): import('hono').ExecutionContext
}

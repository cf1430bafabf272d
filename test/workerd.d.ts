/** The part of workerd's own module that the tests use. */
declare module 'cloudflare:workers' {
  export const env: import('../src/server/worker.ts').Env
  /** Loopback to the Worker under test. */
  export const exports: {
    default: { fetch(request: Request | string, init?: RequestInit): Promise<Response> }
  }
}

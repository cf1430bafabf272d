/** The part of workerd's own module that a Worker uses (https://developers.cloudflare.com/workers/runtime-apis/rpc/). */
declare module 'cloudflare:workers' {
  /** Methods on the prototype of a class that extends this one can be called by whoever has a service binding to it. */
  export class WorkerEntrypoint<Env = unknown> {
    protected ctx: import('hono').ExecutionContext
    protected env: Env
    constructor(ctx: import('hono').ExecutionContext, env: Env)
  }
}

/**
 * What hono-openapi needs of zod/v4/core, for which wrangler.toml puts this file in place: it imports the whole of it when it
 * runs, and a bundler keeps what that holds, such as zod's messages in fifty languages.
 */
export { toJSONSchema } from 'zod'

/** The command line: `edgewise FUNCTION [TEXT…]`, in this process or against a server. */
import { functions } from '../../functions/index.ts'
import { runCli } from './cli.ts'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has had enough (`| head`): that is no failure.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
process.exitCode = await runCli(process.argv.slice(2), functions)

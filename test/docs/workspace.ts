/**
 * A folder that looks like the repository and may be written into: what the documentation's commands leave behind is not
 * left in the repository. Its files are links, those of the models' folder are copied where commands write to them.
 */
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'

const REPOSITORY = resolve(import.meta.dirname, '../..')
/** Folders that are made anew, as modules or models are written into them. */
const OWN = ['docs', 'models']
/** What no command of the documentation needs. */
const LEFT_OUT = ['.git', '.wrangler', ...OWN]

export interface Workspace {
  folder: string
  /** Of commands: those that the documentation names find what is in the repository. */
  path: string
  remove(): Promise<void>
}

/**
 * curl fails where the status is an error's. Where the documentation says that it is one, CURL_EXPECTS_ERROR is set, and
 * it fails where there is none.
 */
const CURL = `#!/bin/sh
PATH="$PATH_WITHOUT" curl --silent --show-error --fail-with-body "$@"
status=$?
[ -n "$CURL_EXPECTS_ERROR" ] || exit $status
[ $status -eq 22 ] && exit 0
echo "curl: an error is said, and there was none (exit status $status)" >&2
exit 1
`

/** Whatever would be deployed is bundled and checked only. */
const WRANGLER = (repository: string) => `#!/bin/sh
case "$1 $*" in
  *--dry-run*) ;;
  'deploy '*) set -- "$@" --dry-run ;;
esac
exec "${process.execPath}" "${repository}/node_modules/wrangler/bin/wrangler.js" "$@"
`

const NPX = (repository: string) => `#!/bin/sh
case "$1" in
  edgewise) shift; exec "${process.execPath}" "${repository}/dist/cli.js" "$@" ;;
  wrangler) shift; exec wrangler "$@" ;;
esac
echo "npx $1: only what is installed is run here; mark the block as not run, with a reason" >&2
exit 1
`

/** What is built is built once, before the tests. */
const NPM = `#!/bin/sh
case "$1 $2" in
  'run deploy') shift 2; [ "$1" = -- ] && shift; exec wrangler deploy "$@" ;;
  'run catalog') exec env PATH="$PATH_WITHOUT" npm "$@" ;;
esac
echo "npm $*: is not run here; mark the block as not run, with a reason" >&2
exit 1
`

export async function makeWorkspace(): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'edgewise-docs-'))
  const link = async (path: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await symlink(join(REPOSITORY, path), join(folder, path))
  }
  for (const entry of await readdir(REPOSITORY)) if (!LEFT_OUT.includes(entry)) await link(entry)
  for (const own of OWN)
    for (const entry of await readdir(join(REPOSITORY, own), { recursive: true, withFileTypes: true }))
      if (entry.isFile())
        await link(join(own, join(entry.parentPath, entry.name).slice(REPOSITORY.length + own.length + 2)))
  // A module that is linked believes itself in the repository.
  for (const file of ['models/catalog.ts', 'models/catalog.json']) {
    await rm(join(folder, file))
    await copyFile(join(REPOSITORY, file), join(folder, file))
  }
  const commands = join(folder, '.commands')
  await mkdir(commands)
  for (const [name, script] of Object.entries({
    curl: CURL,
    npm: NPM,
    npx: NPX(REPOSITORY),
    wrangler: WRANGLER(REPOSITORY),
  })) {
    await writeFile(join(commands, name), script)
    await chmod(join(commands, name), 0o755)
  }
  return {
    folder,
    path: `${commands}:${process.env.PATH}`,
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  }
}

/** Beside its page, so that it finds what the page's folder has. */
export const moduleName = (page: string, line: number): string =>
  join(dirname(page), `${basename(page, '.md')}.${line}.ts`)

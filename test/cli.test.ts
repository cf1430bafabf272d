/** The built command line, run as a user runs it. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'edgewise-'))
})
afterAll(() => rm(folder, { recursive: true }))

function edgewise(args: string[], stdin = '', env: Record<string, string> = {}) {
  return new Promise<{ code: number | null; stdout: string; stderr: string; lines: unknown[] }>((resolve) => {
    const child = spawn(process.execPath, ['dist/cli.js', ...args], { env: { ...process.env, ...env } })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      stdout += data
    })
    child.stderr.on('data', (data) => {
      stderr += data
    })
    child.on('close', (code) => {
      const json = stdout.split('\n').filter((line) => line.startsWith('{'))
      resolve({ code, stdout, stderr, lines: json.map((line) => JSON.parse(line)) })
    })
    // A command that does not read its input closes it: that is no failure of the test.
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
  })
}

describe('edgewise sentiment', () => {
  it('answers an argument', async () => {
    const { code, lines, stderr } = await edgewise(['sentiment', 'I loved it, a wonderful evening.'])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(lines).toMatchObject([{ results: [{ label: 'positive' }], model: { name: 'sentiment' } }])
  })

  it('answers several arguments as a batch', async () => {
    const { lines } = await edgewise(['sentiment', 'I loved it.', 'A boring, awful mess.'])
    expect(lines).toMatchObject([{ results: [{ label: 'positive' }, { label: 'negative' }] }])
  })

  it('reads plain lines, JSON strings and JSON Lines from standard input, in order', async () => {
    const input = 'I loved it.\n\n"A boring, awful mess."\n{"text": ["I loved it.", "Terrible."]}\n'
    const { code, lines, stderr } = await edgewise(['sentiment'], input)
    expect(code).toBe(0)
    expect(stderr).toBe('3 done\n')
    expect(lines).toMatchObject([
      { input: { text: 'I loved it.' }, results: [{ label: 'positive' }] },
      { input: { text: 'A boring, awful mess.' }, results: [{ label: 'negative' }] },
      { results: [{ label: 'positive' }, { label: 'negative' }] },
    ])
  })

  it('reads a file, with a byte order mark and Windows line ends', async () => {
    const file = join(folder, 'reviews.jsonl')
    await writeFile(file, '\uFEFF{"text": "I loved it."}\r\n{"text": "Terrible."}\r\n')
    const { lines } = await edgewise(['sentiment', '--file', file])
    expect(lines).toMatchObject([{ results: [{ label: 'positive' }] }, { results: [{ label: 'negative' }] }])
  })

  it('goes on after a record that is wrong, says so in its line and in the exit code', async () => {
    const input =
      '{"text": 7}\n{"text"\n{"text": "Fine, I loved it.", "model": "nope"}\n{"text": "I loved it."}\n'
    const { code, lines } = await edgewise(['sentiment'], input)
    expect(code).toBe(1)
    expect(lines).toMatchObject([
      { error: { code: 'invalid_input' } },
      { error: { code: 'invalid_json' } },
      { error: { code: 'unknown_model' } },
      { results: [{ label: 'positive' }] },
    ])
  })
})

describe('wrong commands end with a code and a line, not a stack', () => {
  it.each<[string, string[], number, RegExp]>([
    ['no command', [], 2, /Usage/],
    ['an unknown command', ['sentimental'], 2, /there is no command/],
    ['an unknown option', ['sentiment', '--loud', 'x'], 2, /--loud/],
    ['an empty text', ['sentiment', ''], 1, /must not be empty/],
    ['a file that is not there', ['sentiment', '--file', 'no/such.jsonl'], 3, /could not be read/],
    ['a models folder that is not there', ['sentiment', '--models', 'no/such', 'x'], 3, /no catalog\.json/],
    ['a server that is not there', ['sentiment', '--url', 'http://127.0.0.1:9', 'x'], 3, /did not answer/],
  ])('%s', async (_, args, exit, message) => {
    const { code, stdout, stderr } = await edgewise(args)
    expect(stdout + stderr).toMatch(message)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(code).toBe(exit)
  })
})

it('lists the models and its version, and helps', async () => {
  expect((await edgewise(['models'])).stdout).toMatch(/^sentiment\t/)
  expect((await edgewise(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect((await edgewise(['sentiment', '--help'])).stdout).toMatch(/--model VALUE/)
})

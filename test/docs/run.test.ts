/** The runner of the documentation's blocks: it must fail where a block is wrong. */
import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Block, readPage } from './markdown.ts'
import { differences, differencesOfOutput } from './printed.ts'
import { checkTypes, run, type Surroundings } from './run.ts'
import { makeWorkspace } from './workspace.ts'

const fenced = (language: string, code: string) => `\`\`\`${language}\n${code}\n\`\`\`\n`

const blockOf = (markdown: string): Block => readPage('docs/page.md', markdown).blocks[0]!

describe('a page', () => {
  it('has blocks with their languages, what they print and why they are not run', () => {
    const markdown = [
      'Say:',
      '',
      fenced('sh', 'curl localhost:8787'),
      fenced('json', '{}'),
      'Then, once:',
      '',
      '<!-- not run: needs an account -->',
      '',
      fenced('sh', 'npm publish'),
      '- In a list:',
      '',
      '  ```ts',
      '  const a = 1',
      '    + 2',
      '  ```',
    ].join('\n')
    const { blocks, indented } = readPage('a.md', markdown)
    expect(blocks).toMatchObject([
      { language: 'sh', line: 3, before: 'Say:', printed: { language: 'json', code: '{}\n' } },
      { language: 'sh', before: 'Then, once:', notRun: 'needs an account' },
      { language: 'ts', code: 'const a = 1\n  + 2\n' },
    ])
    expect(blocks[0]).not.toHaveProperty('notRun')
    expect(indented).toEqual([])
  })

  it('what stands behind a paragraph is not what a block prints', () => {
    const { blocks } = readPage('a.md', `${fenced('sh', 'true')}\nAnd:\n\n${fenced('json', '{}')}`)
    expect(blocks.map(({ language, printed }) => [language, printed])).toEqual([
      ['sh', undefined],
      ['json', undefined],
    ])
  })

  it('a mark without a reason is told from one with it', () => {
    expect(blockOf(`<!-- not run -->\n\n${fenced('sh', 'true')}`).notRun).toBe('')
  })

  it('finds code that is indented, but no item of a list', () => {
    const markdown =
      'Text\n\n    npm start\n    npm test\n\n- item\n\n    its second paragraph\n\nText\n\n\tmake'
    expect(readPage('a.md', markdown).indented).toEqual([3, 4, 12])
  })

  it('a block that is not closed is an error', () => {
    expect(() => readPage('a.md', '```sh\ntrue\n')).toThrow('a.md:1')
  })
})

describe('what is printed', () => {
  it.each<[unknown, unknown]>([
    [
      { a: 1, b: 'x' },
      { b: 'x', a: 1 },
    ],
    [0.8, 0.79728],
    [-41.9, -41.8857],
    [105, 105.0013],
    ['…', { any: ['thing'] }],
    ['Use one of: …', 'Use one of: a, b'],
    ['a...c', 'abc'],
    [
      [1, '…'],
      [1, 2, 3],
    ],
    [
      ['…', 3],
      [1, 2, 3],
    ],
    [['…'], []],
    [
      { a: 1, '…': '…' },
      { a: 1, b: 2 },
    ],
    [
      { a: null, b: true },
      { a: null, b: true },
    ],
  ])('%j says %j', (said, is) => {
    expect(differences(said as never, is as never)).toEqual([])
  })

  it.each<[unknown, unknown, RegExp]>([
    [{ a: 1 }, { a: 1, b: 2 }, /\$\.b: is not said/],
    [{ a: 1, b: 2 }, { a: 1 }, /\$\.b: is not there/],
    [{ a: 1 }, { a: '1' }, /\$\.a/],
    [{ a: [0.8] }, { a: [0.5] }, /\$\.a\[0\]: 0.8 is said, and it is 0.5/],
    [1, 0.9, /1 is said/],
    [41, 42, /41 is said/],
    ['positive', 'negative', /"positive" is said/],
    ['a…', 'b', /is said/],
    ['1.5', '1x5', /is said/],
    [[1, 2], [1], /2 items are said/],
    [[1, '…', 3], [1], /items are said/],
    [[], {}, /a list is said/],
    [{}, [], /an object is said/],
    [{}, null, /an object is said/],
    [null, 0, /null is said/],
    [true, 'true', /true is said/],
  ])('%j does not say %j', (said, is, problem) => {
    expect(differences(said as never, is as never).join('\n')).toMatch(problem)
  })

  it('is JSON where JSON is said, and the same text where text is', () => {
    expect(differencesOfOutput('json', '{}', 'positive\n')).toHaveLength(1)
    expect(differencesOfOutput('json', '{ "a": 1 }', '{"a":1}\n')).toEqual([])
    expect(differencesOfOutput('text', 'a\n…\nd\n', 'a\nb\nc\nd\n')).toEqual([])
    expect(differencesOfOutput('text', 'a\n', 'b\n')).toHaveLength(1)
  })
})

describe('a block', () => {
  let server: Server
  let surroundings: Surroundings
  beforeAll(async () => {
    server = createServer((request, response) => {
      response.statusCode = request.url === '/fine' ? 200 : 404
      response.end(JSON.stringify(request.url === '/fine' ? { label: 'positive' } : { error: 'not_found' }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    surroundings = { workspace: await makeWorkspace(), url: `http://127.0.0.1:${port}` }
  })
  afterAll(async () => {
    server.close()
    await surroundings.workspace.remove()
  })

  it.each<[string, string]>([
    ['a request', fenced('sh', 'curl localhost:8787/fine') + fenced('json', '{ "label": "positive" }')],
    ['an error', `The status is 404:\n\n${fenced('sh', 'curl localhost:8787/wrong')}`],
    [
      'an error that is printed',
      fenced('sh', 'curl localhost:8787/wrong') + fenced('json', '{ "error": "not_found" }'),
    ],
    [
      'a module',
      fenced(
        'ts',
        "const response = await fetch('http://localhost:8787/fine')\nconsole.log(response.status)",
      ) + fenced('text', '200'),
    ],
    ['a Worker', fenced('ts', "export default { fetch: () => new Response('Hello.') }")],
    ['settings', fenced('toml', '[[r2_buckets]]\nbinding = "CLASSIFIERS"\nbucket_name = "kept"')],
    [
      'settings that the repository has too',
      fenced('toml', 'compatibility_date = "2026-08-15"\n[assets]\ndirectory = "dist/assets"'),
    ],
    ['JSON', fenced('json', '{ "a": 1 }')],
    ['Python', fenced('py', 'print("Hello.")')],
  ])('%s passes', async (_, markdown) => {
    await run(blockOf(markdown), surroundings)
  })

  it.each<[string, string, RegExp]>([
    ['a command that fails', fenced('sh', 'false\ntrue'), /page\.md:1: exit status 1/],
    ['a command that fails in front of a pipe', fenced('sh', 'false | cat'), /exit status 1/],
    ['a request that fails', fenced('sh', 'curl localhost:8787/wrong'), /not_found/],
    ['a request of nobody', fenced('sh', 'curl http://127.0.0.1:9'), /exit status 7/],
    [
      'an error that there is not',
      `The status is 404:\n\n${fenced('sh', 'curl localhost:8787/fine')}`,
      /an error is said/,
    ],
    [
      'another answer',
      fenced('sh', 'curl localhost:8787/fine') + fenced('json', '{ "label": "negative" }'),
      /\$\.label: "negative" is said, and it is "positive"/,
    ],
    ['a package that is not installed', fenced('sh', 'npx cowsay'), /npx cowsay/],
    ['what would install', fenced('sh', 'npm ci'), /mark the block/],
    ['a module that throws', fenced('ts', "throw new Error('no')"), /Error: no/],
    ['a module that prints something else', fenced('ts', 'console.log(1)') + fenced('text', '2'), /is said/],
    [
      'a Worker that imports what is not there',
      fenced('ts', "import { a } from 'nowhere'\nexport default a"),
      /nowhere/,
    ],
    ['settings that are no TOML', fenced('toml', '[vars\n'), /exit status 1/],
    ['settings that wrangler does not know', fenced('toml', '[unheard]\na = 1'), /unheard/],
    ['settings that wrangler refuses', fenced('toml', '[limits]\ncpu_ms = "many"'), /cpu_ms/],
    ['JSON that is none', fenced('json', '{ a: 1 }'), /JSON/],
    ['Python that is none', fenced('py', 'def'), /SyntaxError/],
    ['a language that is not run', fenced('rust', 'fn main() {}'), /"rust" is none of/],
  ])('%s does not', async (_, markdown, message) => {
    await expect(run(blockOf(markdown), surroundings)).rejects.toThrow(message)
  })

  it('types are checked', async () => {
    const imports = "import { createClient } from 'edgewise/client'\n"
    const right = blockOf(fenced('ts', `${imports}createClient({ baseUrl: 'http://localhost:8787' })`))
    await checkTypes([right], surroundings)
    const wrong = blockOf(fenced('ts', `${imports}createClient({ baseUrl: 8787 })`))
    await expect(checkTypes([wrong], surroundings)).rejects.toThrow(/page\.1\.ts.*number/s)
  })

  it('leaves nothing in the repository', async () => {
    await run(blockOf(fenced('sh', 'echo left > left.txt; echo "{}" > models/catalog.json')), surroundings)
    expect(existsSync(join(surroundings.workspace.folder, 'left.txt'))).toBe(true)
    expect(existsSync('left.txt')).toBe(false)
  })
})

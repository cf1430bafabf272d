/** The built command line, run as a user runs it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { functions } from '../functions/index.ts'
import { drawAnswer } from '../src/cli/draw.ts'
import { commandLine } from '../src/cli/help.ts'
import { optionsOf, parseArgsOptions, readOptions } from '../src/cli/options.ts'
import { defineFunction } from '../src/function.ts'

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

describe('a server', () => {
  it.each([
    [200, 0, 'key'],
    [400, 1, ''],
    [401, 2, ''],
    [429, 3, ''],
    [503, 3, ''],
  ])(
    'that answers %i ends in the exit code %i, and is sent the key if there is one',
    async (status, code, key) => {
      const keys: (string | undefined)[] = []
      const server = createServer((request, response) => {
        keys.push(request.headers.authorization)
        const error = { code: 'of_the_server', message: 'No.', hint: 'Wait.' }
        response
          .writeHead(status, { 'retry-after': '0' })
          .end(JSON.stringify(status === 200 ? {} : { error }))
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
      const env = key ? { EDGEWISE_API_KEY: key } : {}
      const result = await edgewise(['sentiment', 'Fine.', '--url', url], '', env)
      server.close()
      expect(result.code).toBe(code)
      expect(result.stderr).toBe(status === 200 ? '' : 'edgewise: No. (of_the_server)\nWait.\n')
      const authorization = key ? `Bearer ${key}` : undefined
      expect(keys).toEqual(Array(status === 429 || status === 503 ? 3 : 1).fill(authorization))
    },
  )
})

describe('edgewise fill-mask', () => {
  const text = 'She works as a [MASK] in a hospital.'

  it('takes numbers and lists, in kebab-case and camelCase, by commas and repeated', async () => {
    const { lines, code } = await edgewise(['fill-mask', text, '--top-k', '2'])
    expect(code).toBe(0)
    expect(lines).toMatchObject([{ results: [{ masks: [{ predictions: [{}, {}] }] }] }])
    const chosen = ['--targets', 'doctor,nurse', '--targets', 'lawyer', '--topK=3']
    const [answer] = (await edgewise(['fill-mask', ...chosen, text])).lines as [Filled]
    const tokens = answer.results[0]!.masks[0]!.predictions.map(({ token }) => token)
    expect(tokens.sort()).toEqual(['doctor', 'lawyer', 'nurse'])
  })

  it('reads a list and the text from files', async () => {
    const [targets, file] = [join(folder, 'targets.txt'), join(folder, 'text.txt')]
    await writeFile(targets, 'doctor\r\nnurse\n')
    await writeFile(file, `\uFEFF${text}`)
    const { lines } = await edgewise(['fill-mask', '--text', `@${file}`, '--targets', `@${targets}`])
    expect((lines as [Filled])[0].results[0]!.masks[0]!.predictions).toHaveLength(2)
  })

  it('says once what is wrong with an option, whatever the records', async () => {
    const { code, stdout, stderr } = await edgewise(['fill-mask', '--top-k', '1000'], `${text}\n${text}\n`)
    expect(stderr).toMatch(/^edgewise: topK: .*100.*\(invalid_input\)\n/)
    expect([code, stdout]).toEqual([1, ''])
  })
})

interface Filled {
  results: { masks: { predictions: { token: string }[] }[] }[]
}

describe('edgewise tokenize', () => {
  it('has flags, and does without its primary field', async () => {
    const { lines } = await edgewise(['tokenize', 'Hello', '--special'])
    const [{ results }] = lines as [{ results: { tokens: { id: number }[] }[] }]
    const ids = results[0]!.tokens.map(({ id }) => id)
    expect(ids.length).toBeGreaterThanOrEqual(3)
    const decoded = await edgewise(['tokenize', '--ids', ids.slice(1, -1).join()])
    expect(decoded.lines).toMatchObject([{ text: expect.stringMatching(/^hello$/i) }])
  })
})

describe('edgewise answer', () => {
  const context = 'The old ferry stopped in 1931. The bridge was opened in May 1932.'
  const answered = { method: 'context', alternatives: expect.any(Array), model: { name: 'answer' } }

  it('takes the context from a file', async () => {
    const file = join(folder, 'report.txt')
    await writeFile(file, context)
    const { code, lines } = await edgewise(['answer', 'When was the bridge opened?', '--context', `@${file}`])
    expect(code).toBe(0)
    expect(lines).toMatchObject([answered])
  })

  it('answers several questions one by one, and goes on after one that is wrong', async () => {
    const { code, lines } = await edgewise(['answer', 'When?', ' ', 'What stopped?', '--context', context])
    expect(code).toBe(1)
    expect(lines).toMatchObject([
      { input: { question: 'When?' }, ...answered },
      { error: { code: 'invalid_input' } },
      { input: { question: 'What stopped?' }, ...answered },
    ])
  })

  it('takes documents as JSON', async () => {
    const documents = JSON.stringify([{ id: 'bridge', text: context }, 'Nothing is here.'])
    const { lines } = await edgewise(['answer', 'When was it opened?', '--documents', documents])
    expect(lines).toMatchObject([{ passages: [{}, {}], model: { name: 'answer' } }])
  })
})

describe('values follow the schema', () => {
  const fn = defineFunction({
    name: 'try',
    summary: 'Try',
    description: '',
    model: 'none',
    primary: 'examples',
    input: z.strictObject({
      examples: z.array(z.strictObject({ text: z.string(), label: z.string() })),
      labels: z.array(z.union([z.string().max(100), z.strictObject({ label: z.string() })])).optional(),
      documents: z.array(z.union([z.string().max(50_000), z.strictObject({ text: z.string() })])).optional(),
      text: z.union([z.string(), z.array(z.string())]).optional(),
      threshold: z.number().nullable().default(0.5),
      ids: z.array(z.int()).optional(),
      keepCase: z.boolean().default(true),
      note: z.string().nullish(),
      mode: z.enum(['fast', 'good']).default('good').describe('How'),
    }),
    output: z.object({}),
    examples: [],
    run: async () => ({}),
  })
  const read = (...args: string[]) => {
    const options = optionsOf(fn)
    return readOptions(options, parseArgs({ args, options: parseArgsOptions(options) }).values)
  }

  it.each<[string[], Record<string, unknown>]>([
    [[], {}],
    [['--threshold', '0.25', '--mode', 'fast'], { threshold: 0.25, mode: 'fast' }],
    [['--threshold=-1e-3'], { threshold: -0.001 }],
    [['--note', '12'], { note: '12' }],
    [['--no-keep-case'], { keepCase: false }],
    [['--keepCase'], { keepCase: true }],
    [['--ids', '1, 2', '--ids', '[3]'], { ids: [1, 2, 3] }],
    [['--text', 'One, two'], { text: 'One, two' }],
    [['--text', 'One', '--text', 'two'], { text: ['One', 'two'] }],
    [['--text', '@@home'], { text: '@home' }],
    [['--labels', 'a, b', '--labels', '{"label":"c"}'], { labels: ['a', 'b', { label: 'c' }] }],
    [['--labels', '["a, b"]'], { labels: ['a, b'] }],
    [
      ['--documents', 'One, two.', '--documents', '[{"text":"x"}]'],
      { documents: ['One, two.', { text: 'x' }] },
    ],
    [['--examples', '[{"text":"x","label":"y"}]'], { examples: [{ text: 'x', label: 'y' }] }],
  ])('%j', async (args, fields) => {
    expect(await read(...args)).toEqual(fields)
  })

  it.each<[string[], RegExp]>([
    [['--threshold', 'high'], /--threshold takes a number, not "high"/],
    [['--threshold', ''], /--threshold takes a number/],
    [['--ids', '1,x'], /--ids takes a number, not "x"/],
    [['--examples', 'none'], /--examples takes JSON/],
    [['--labels', '["a"'], /--labels takes JSON/],
    [['--documents', '{"text"'], /--documents takes JSON/],
  ])('%j is wrong', async (args, message) => {
    await expect(read(...args)).rejects.toThrow(message)
  })

  it('JSON Lines and whole JSON from a file are a list', async () => {
    const file = join(folder, 'examples.jsonl')
    const examples = [
      { text: 'x', label: 'y' },
      { text: 'a', label: 'b' },
    ]
    await writeFile(file, `${examples.map((example) => JSON.stringify(example)).join('\n')}\n`)
    expect(await read('--examples', `@${file}`)).toEqual({ examples })
    await writeFile(file, JSON.stringify(examples, null, 2))
    expect(await read('--examples', `@${file}`)).toEqual({ examples })
    await writeFile(file, '{"text": "x", "label": "y"}\n{"text"\n')
    await expect(read('--examples', `@${file}`)).rejects.toThrow(/--examples takes JSON: line 2/)
  })

  it('every example of every function is a command line that gives it back', async () => {
    for (const fn of functions as readonly (typeof functions)[number][])
      for (const { input } of fn.examples) {
        const options = optionsOf(fn as never)
        const words = commandLine(fn as never, input)
          .match(/'(?:[^']|'\\'')*'|\S+/g)!
          .slice(2)
        const args = words.map((word) =>
          word.startsWith("'") ? word.slice(1, -1).replaceAll("'\\''", "'") : word,
        )
        const { values, positionals } = parseArgs({
          args,
          options: parseArgsOptions(options),
          allowPositionals: true,
        })
        const text = positionals.length > 1 ? positionals : positionals[0]
        const given = { ...(text && { [fn.primary]: text }), ...(await readOptions(options, values)) }
        expect(given).toEqual(input)
      }
  })
})

describe('a function whose primary field is no text', () => {
  const example = (label: string) => JSON.stringify({ text: `This is ${label}.`, label })

  it('takes its items from records', async () => {
    const { code, stderr } = await edgewise(['classifiers', '--name', 'x'], `${example('one')}\n`)
    expect(stderr).toMatch(/examples: must hold at least two examples/)
    expect(code).toBe(1)
    const hole = await edgewise(['classifiers', '--name', 'x'], `${example('one')}\nThis is two.\n`)
    expect([hole.code, hole.stdout]).toEqual([1, ''])
    expect(hole.stderr).toMatch(/not valid JSON/)
  })

  it('trains, lists, shows, uses and removes a classifier', async () => {
    const env = { EDGEWISE_HOME: join(folder, 'home') }
    const examples = JSON.stringify([
      { text: 'My parcel has not arrived.', label: 'delivery' },
      { text: 'When will you ship my order?', label: 'delivery' },
      { text: 'I was charged twice.', label: 'billing' },
      { text: 'The price on my bill is wrong.', label: 'billing' },
    ])
    const json = async (...args: string[]) => (await edgewise([...args, '--json'], '', env)).lines[0]
    expect(await json('classifiers', '--name', 'mine', '--examples', examples)).toMatchObject({
      name: 'mine',
    })
    expect(await json('classifiers', 'list')).toMatchObject({ classifiers: [{ name: 'mine', examples: 4 }] })
    expect(await json('classifiers', 'get', 'mine')).toMatchObject({ labels: ['delivery', 'billing'] })
    expect(await json('classify', 'Where is my parcel?', '--classifier', 'mine')).toMatchObject({
      results: [{ label: 'delivery' }],
    })
    expect(await json('classifiers', 'remove', 'mine')).toEqual({ removed: 'mine' })
    expect(await json('classifiers', 'list')).toEqual({ classifiers: [] })
  })

  it('takes whole inputs from records', async () => {
    const { code, lines } = await edgewise(['classifiers'], '{"name": "x", "examples": []}\n')
    expect(code).toBe(1)
    expect(lines).toMatchObject([{ input: { name: 'x' }, error: { code: 'invalid_input' } }])
  })
})

describe('answers on a terminal', () => {
  const scores = { negative: 0.1, neutral: 0.2, positive: 0.7 }
  const judged = { label: 'positive', score: 0.7, scores }

  it('scores are bars, one result under its text', () => {
    const drawn = drawAnswer({ results: [judged, judged] }, ['One\u001b[2J', 'Two'])
    expect(drawn.split('\n')).toEqual([
      'One [2J',
      'positive',
      `  negative   ███${'·'.repeat(27)}  10.0 %`,
      `  neutral    ██████${'·'.repeat(24)}  20.0 %`,
      `  positive   ${'█'.repeat(21)}${'·'.repeat(9)}  70.0 %`,
      '',
      'Two',
      'positive',
      expect.any(String),
      expect.any(String),
      expect.any(String),
    ])
  })

  it('emotion, sentences and aspects stand below', () => {
    const emotion = { label: 'joy', score: 0.9, scores: { joy: 0.9, anger: 0.1 } }
    const sentences = [{ text: 'I loved it.', start: 0, end: 11, ...judged }]
    const aspects = [
      { aspect: 'food', ...judged, mentions: [] },
      { aspect: 'waiter', label: null, score: null, scores: null, mentions: [] },
    ]
    const lines = drawAnswer({ results: [{ ...judged, emotion, sentences, aspects }] }, ['x']).split('\n')
    expect(lines.slice(4)).toEqual([
      'emotion: joy',
      `  joy        ${'█'.repeat(27)}${'·'.repeat(3)}  90.0 %`,
      `  anger      ${'█'.repeat(3)}${'·'.repeat(27)}  10.0 %`,
      'sentences',
      '  positive   70.0 %  I loved it.',
      'aspects',
      '  positive        70.0 %  food',
      '  not mentioned           waiter',
    ])
  })

  it('an answer has its evidence and alternatives', () => {
    const answer = {
      answerable: true,
      answer: 'May 1932',
      score: 0.81,
      sentence: { text: 'The bridge was opened\nin May 1932.', start: 0, end: 34 },
      document: { index: 1, id: 'bridge' },
      alternatives: [{ answer: '1931', score: 0.1, document: { index: 0 } }],
    }
    expect(drawAnswer(answer, ['When?']).split('\n')).toEqual([
      'May 1932  81.0 %  in bridge',
      '  The bridge was opened in May 1932.',
      'alternatives',
      `  1931  in document 1 ███${'·'.repeat(27)}  10.0 %`,
    ])
    expect(drawAnswer({ ...answer, answer: null }, ['When?'])).toMatch(
      /^No answer {2}\(the nearest: 81\.0 %\)/,
    )
    expect(drawAnswer(answer, ['When?'], true)).toMatch(/^When\?\nMay 1932/)
  })

  it('masks, tokens and perplexity have shapes of their own, all else is JSON', () => {
    const masks = [{ start: 0, end: 6, predictions: [{ token: 'dull', id: 7, score: 0.5, sequence: '' }] }]
    expect(drawAnswer({ results: [{ masks, tokens: 1 }] }, ['x'])).toMatch(
      /^ {2}dull {7}█{15}·{15} {2}50\.0 %$/,
    )
    const tokens = [{ token: 'Hello', id: 17, start: 0, end: 5 }]
    expect(drawAnswer({ results: [{ tokens, count: 1 }] }, ['x'])).toBe(
      '  token  id  start  end\n  Hello  17      0    5',
    )
    const tokenScores = [{ token: 'chair', start: 0, end: 5, logProbability: Math.log(0.1) }]
    const scored = { logProbability: -2.5, perplexity: 10.00001, tokens: 1, windows: 1, tokenScores }
    expect(drawAnswer({ results: [scored] }, ['x'])).toMatch(/^perplexity 10 .*-2\.5 .*\n {2}chair {6}███·/)
    expect(drawAnswer({ results: [{ embedding: [1] }] }, ['x'])).toBe(
      JSON.stringify({ results: [{ embedding: [1] }] }, null, 2),
    )
  })
})

describe('wrong commands end with a code and a line, not a stack', () => {
  it.each<[string, string[], number, RegExp]>([
    ['no command', [], 2, /Usage/],
    ['an unknown command', ['sentimental'], 2, /there is no command/],
    ['an unknown option', ['sentiment', '--loud', 'x'], 2, /--loud/],
    [
      'an option with no number',
      ['fill-mask', '--top-k', 'many', 'x'],
      2,
      /--top-k takes an integer, not "many"/,
    ],
    ['an option with no JSON', ['answer', 'x', '--documents', '[{'], 2, /--documents takes JSON: /],
    ['an option from no file', ['answer', 'x', '--context', '@no/such'], 3, /no\/such could not be read/],
    ['a value that is not allowed', ['embed', 'x', '--pooling', 'max'], 1, /pooling: /],
    ['an argument for no text', ['classifiers', 'x'], 2, /takes no argument "x"; give --examples/],
    ['a route without its name', ['classifiers', 'get'], 2, /classifiers get takes one NAME/],
    ['a name for a route that takes none', ['classifiers', 'list', 'x'], 2, /list takes no argument/],
    ['a classifier that is not there', ['classifiers', 'get', 'nobody'], 1, /unknown_classifier/],
    ['a text from two places', ['sentiment', 'x', '--file', 'y'], 2, /as an argument or by --file, not both/],
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

it('lists the models and its version', async () => {
  expect((await edgewise(['models'])).stdout).toMatch(/^sentiment\t/m)
  expect((await edgewise(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

it('helps', async () => {
  expect((await edgewise(['--help'])).stdout).toMatch(/^ {2}fill-mask {2,}Guess/m)
  const { stdout } = await edgewise(['embed', '--help'])
  expect(stdout).toMatch(/^ +--pooling mean\|cls\|last {2,}How tokens .*$/m)
  expect(stdout).toMatch(/^ +--no-normalize {2,}Not: Scale/m)
  expect(stdout).toMatch(/^ +--dimensions INTEGER {2,}Keep .*$/m)
  expect(stdout).toMatch(/default: embed/)
  expect(stdout).toMatch(/^Example: edgewise embed 'How do I/m)
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThan(130)
})

/** Surfaces over the network: the typed client, the command line against a server, the pages in a real Chromium. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest'
import { functions } from '../functions/index.ts'
import { createClient, RequestError } from '../src/client/client.ts'
import { startGateway } from './gateway.ts'

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const SCREENSHOTS = process.env.SCREENSHOTS

let gateway: Awaited<ReturnType<typeof startGateway>>
beforeAll(async () => {
  gateway = await startGateway()
}, 90_000)
afterAll(() => gateway?.stop())

describe('the typed client', () => {
  const client = () => createClient<typeof functions>({ baseUrl: `${gateway.url}/` })

  it('takes the primary field or the whole input', async () => {
    const { results } = await client().sentiment('I loved it.')
    expect(results[0]!.label).toBe('positive')
    const batch = await client().sentiment({ text: ['I loved it.', 'Terrible.'], model: 'sentiment' })
    expect(batch.results.map(({ label }) => label)).toEqual(['positive', 'negative'])
  })

  it('has the types of the definition', () => {
    type Call = ReturnType<typeof client>['sentiment']
    expectTypeOf<string | string[]>().toExtend<Parameters<Call>[0]>()
    expectTypeOf<{ text: string | string[]; model?: string }>().toExtend<Parameters<Call>[0]>()
    expectTypeOf<{ text: number } | { model: string }>().not.toExtend<Parameters<Call>[0]>()
    expectTypeOf<Awaited<ReturnType<Call>>['results'][number]['label']>().toEqualTypeOf<
      'negative' | 'neutral' | 'positive'
    >()
  })

  it('names a function with a hyphen in both ways', async () => {
    const text = 'The movie was so [MASK] that I fell asleep.'
    const [camel, kebab] = [client().fillMask(text), client()['fill-mask']({ text })]
    expect((await camel).results[0]!.masks[0]!.predictions).toHaveLength(5)
    expect(await kebab).toEqual(await camel)
  })

  it('rejects with the code of the service', async () => {
    const error = await client()
      .sentiment('')
      .catch((error: unknown) => error)
    expect(error).toBeInstanceOf(RequestError)
    expect(error).toMatchObject({ code: 'invalid_input', status: 400, hint: expect.stringMatching(/./) })
  })

  it('rejects with "network" when nothing answers', async () => {
    const lost = createClient<typeof functions>({ baseUrl: 'http://127.0.0.1:9' })
    await expect(lost.sentiment('Fine.')).rejects.toMatchObject({ code: 'network', status: 0 })
  })

  it('is aborted by a signal', async () => {
    const signal = AbortSignal.abort()
    await expect(client().sentiment('Fine.', { signal })).rejects.toBe(signal.reason)
  })
})

it('the command line asks a server', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    'dist/cli.js',
    'sentiment',
    '--url',
    gateway.url,
    'I loved it.',
  ])
  expect(JSON.parse(stdout)).toMatchObject({ results: [{ label: 'positive' }] })
})

describe.skipIf(!process.env.REQUIRE_BROWSER && !existsSync(CHROMIUM))('in Chromium', () => {
  let browser: Browser
  let page: Page
  const problems: string[] = []

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    page = await browser.newPage({ viewport: { width: 900, height: 1000 } })
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(`${message.text()} ${message.location().url}`)
    })
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(gateway.url))
        problems.push(`asked ${request.url()}`)
    })
  }, 60_000)
  afterAll(() => browser?.close())

  const screenshot = async (name: string) => {
    if (!SCREENSHOTS) return
    await mkdir(SCREENSHOTS, { recursive: true })
    await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true })
  }

  it('a person types a text and sees the scores', async () => {
    await page.goto(gateway.url)
    await page.getByLabel('Text', { exact: true }).fill('The food was cold and the waiter rude. Never again!')
    await page.getByRole('button', { name: /^Run/ }).click()
    await page.getByRole('heading', { name: 'negative' }).waitFor()
    const scores = await page.locator('#answer output').allTextContents()
    expect(scores).toHaveLength(3)
    expect(scores.map(Number.parseFloat).reduce((a, b) => a + b)).toBeCloseTo(100, 0)
    expect(await page.locator('#curl').textContent()).toContain('/v1/sentiment')
    await screenshot('page')
  })

  it('an example fills the form and answers, a batch one result a text', async () => {
    await page.getByRole('button', { name: 'A batch' }).click()
    await page.locator('#answer h2').nth(2).waitFor()
    expect(await page.locator('#answer h2').allTextContents()).toEqual(['negative', 'neutral', 'positive'])
    await screenshot('batch')
  })

  it('markup in a text stays text', async () => {
    await page
      .getByLabel('Text', { exact: true })
      .fill(`<img src=x onerror="document.title='hit'"> it's great`)
    await page.getByRole('button', { name: /^Run/ }).click()
    await page.locator('#answer h2').first().waitFor()
    expect(await page.title()).toBe('edgewise')
  })

  it('a wrong input is explained', async () => {
    problems.length = 0
    await page.getByLabel('Text', { exact: true }).fill('x'.repeat(50_001))
    await page.getByRole('button', { name: /^Run/ }).click()
    await page.locator('#answer .error').waitFor()
    expect(await page.locator('#answer .error').textContent()).toContain('50000')
    // The browser logs the status 400 itself.
    expect(problems.splice(0)).toEqual([expect.stringContaining('400')])
  })

  it.each(functions.map(({ name, summary, examples }) => ({ name, summary, title: examples[0]!.title })))(
    'shows $name with an example and its answer',
    async ({ name, summary, title }) => {
      await page.goto(`${gateway.url}/#${name}`)
      await page.getByText(summary).waitFor()
      await page.getByRole('button', { name: title, exact: true }).click()
      await page.locator('#answer .quiet').last().waitFor()
      expect(await page.locator('#answer .error').count()).toBe(0)
      expect((await page.locator('#answer').textContent()) ?? '').toMatch(/(.|\n){20}/)
      expect(await page.locator('#curl').textContent()).toContain(`/v1/${name}`)
      await screenshot(name)
    },
  )

  it('marks the answer in its context', async () => {
    await page.goto(`${gateway.url}/#answer`)
    await page.getByRole('button', { name: 'A context' }).click()
    await page.locator('#answer mark').waitFor()
    const answer = await page.locator('#answer h2').first().textContent()
    expect(await page.locator('#answer mark').textContent()).toBe(answer)
  })

  it('picks the language to translate into', async () => {
    await page.goto(`${gateway.url}/#translate`)
    await page.getByLabel('Text', { exact: true }).fill('I have no time.')
    await page.getByLabel('Target', { exact: true }).selectOption({ label: 'German' })
    await page.getByRole('button', { name: /^Run/ }).click()
    await page.locator('#answer .written').waitFor()
    expect(await page.locator('#answer .written').textContent()).toBe('Ich habe keine Zeit.')
    expect(await page.locator('#answer .quiet').first().textContent()).toMatch(/^en → de/)
  })

  it('shows a text as it comes, and stops when told to', async () => {
    await page.goto(`${gateway.url}/#translate`)
    await page.getByLabel('Text', { exact: true }).fill('I have no time. Where is my book? '.repeat(200))
    await page.getByLabel('Target', { exact: true }).selectOption({ label: 'French' })
    await page.getByRole('button', { name: /^Run/ }).click()
    await page.locator('#answer .writing').waitFor()
    const length = async () => ((await page.locator('#answer .writing').textContent()) ?? '').length
    const early = await length()
    await expect.poll(length).toBeGreaterThan(early)
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('button', { name: 'Stop' }).waitFor({ state: 'hidden' })
    const stopped = await length()
    expect(stopped).toBeLessThan('J’ai pas le temps. Où est mon livre ? '.length * 200)
    await page.waitForTimeout(200)
    expect(await length()).toBe(stopped)
  })

  it('says where a field is not what it should be', async () => {
    await page.goto(`${gateway.url}/#answer`)
    await page.getByLabel('Documents', { exact: true }).fill('{"text": 1')
    await page.getByRole('button', { name: /^Run/ }).click()
    await page.locator('#answer .error').waitFor()
    expect(await page.locator('#answer .error').textContent()).toBe('Documents: this is not valid JSON.')
  })

  it('fits a phone', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    await page.goto(gateway.url)
    const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
    expect(overflow).toBe(0)
    await screenshot('phone')
    await page.setViewportSize({ width: 900, height: 1000 })
  })

  it('the reference shows each route, and its examples', async () => {
    await page.goto(`${gateway.url}/reference/`)
    await page.getByText('/v1/sentiment', { exact: false }).first().waitFor()
    await screenshot('reference')
    const document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as {
      paths: Record<string, object>
    }
    const shown = await page
      .locator('.opblock-summary-path')
      .evaluateAll((all) => all.map((one) => (one as unknown as { dataset: { path: string } }).dataset.path))
    expect(new Set(shown)).toEqual(new Set(Object.keys(document.paths)))
    for (const [operation, example] of [
      ['functions/sentiment', 'I loved every minute'],
      ['OpenAI/chatCompletions', 'I am looking for a restaurant'],
    ]) {
      const block = page.locator(`#operations-${operation!.replace('/', '-')}`)
      await block.locator('.opblock-summary-control').click()
      await block.getByText(example!, { exact: false }).first().waitFor()
    }
    await screenshot('reference-example')
  })

  it('a service behind a key asks for it', async () => {
    const guarded = await startGateway('.', '', { API_KEYS: 'sesame' })
    const page = await browser.newPage()
    try {
      await page.goto(guarded.url)
      for (const shown of [page.getByLabel('API key'), page.getByText('API key', { exact: true })])
        expect(await shown.isVisible()).toBe(false)
      await page.getByLabel('Text', { exact: true }).fill('What a film!')
      await page.getByRole('button', { name: /^Run/ }).click()
      await page.getByText('The request has no API key.').waitFor()
      await page.getByLabel('API key').fill('sesame')
      await page.getByRole('button', { name: /^Run/ }).click()
      await page.getByRole('heading', { name: 'positive' }).waitFor()
      expect(await page.locator('#curl').textContent()).toContain('authorization: Bearer $KEY')
    } finally {
      await page.close()
      await guarded.stop()
    }
  })

  it('no error was logged and no other host asked', () => {
    expect(problems).toEqual([])
  })
})

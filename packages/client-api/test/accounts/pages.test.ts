import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { TestServer } from '@hearth/test-kit'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registrationLink } from '../../src/index.ts'

const password = 'correct horse'

function chromiumOnPath(): string {
  const directories = (process.env['PATH'] ?? '').split(delimiter)
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'chrome']
  for (const path of names.flatMap((name) => directories.map((directory) => join(directory, name)))) {
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here.
    }
  }
  throw new Error('the tests of pages need chromium on the PATH (Debian: apt-get install chromium)')
}

describe('the pages', () => {
  let server: TestServer
  let browser: BrowserContext
  let profile: string

  beforeAll(async () => {
    const executablePath = chromiumOnPath()
    server = await TestServer.start({ settings: { HEARTH_REGISTRATION_MODE: 'token' } })
    profile = mkdtempSync(join(tmpdir(), 'hearth-chromium-'))
    browser = await chromium.launchPersistentContext(profile, {
      executablePath,
      headless: true,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    browser.setDefaultTimeout(10_000)
  })

  afterAll(async () => {
    await browser.close()
    rmSync(profile, { recursive: true, force: true })
    await server.stop()
  })

  /** Opens a page; what its console says of blocked scripts or faults ends up in the list. */
  async function open(path: string, init?: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      // The browser itself says so of every answer that is no 200.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
        complaints.push(message.text())
      }
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    if (init !== undefined) await page.addInitScript({ content: init })
    await page.goto(server.url + path)
    return { page, complaints }
  }

  async function signIn(page: Page, user: string, secret: string): Promise<void> {
    await page.getByLabel('User name').fill(user)
    await page.getByLabel('Password').fill(secret)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }

  it('the first account is created on the page that the token’s link opens', async () => {
    const token = (await server.store.registrationTokens.findFirst())!
    const { page, complaints } = await open(registrationLink('', token))
    await page.getByLabel('User name').fill('alice')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByLabel('Password, once more').fill('something else')
    await page.getByRole('button', { name: 'Create the account' }).click()
    await page.getByRole('alert').getByText('The two passwords differ.').waitFor()
    await page.getByLabel('Password, once more').fill(password)
    await page.getByRole('button', { name: 'Create the account' }).click()
    await page.getByText('@alice:hearth.test').waitFor()
    expect(page.url()).not.toContain(token)
    expect((await server.store.accounts.findByLocalpart(['alice']))?.isAdmin).toBe(true)
    expect(complaints).toEqual([])
    await page.close()
  })

  it('says what the server does not like about a registration', async () => {
    const { page } = await open('/_matrix/static/client/register/')
    await page.getByLabel('Registration token').fill('wrong')
    await page.getByLabel('User name').fill('mallory')
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByLabel('Password, once more').fill(password)
    await page.getByRole('button', { name: 'Create the account' }).click()
    await page.getByRole('alert').getByText('The registration token is not valid').waitFor()
    await page.getByLabel('User name').fill('alice')
    await page.getByRole('button', { name: 'Create the account' }).click()
    await page.getByRole('alert').getByText('The user name is taken').waitFor()
    await page.close()
  })

  it.each(['/_matrix/client/api/v1/login/fallback', '/_matrix/static/client/login/'])(
    '[C-033] [S-113] %s performs the whole login',
    async (path) => {
      const { page, complaints } = await open(path)
      await signIn(page, 'alice', 'wrong')
      await page.getByRole('alert').getByText('The user name or password is wrong').waitFor()
      await signIn(page, 'alice', password)
      await page.getByText('You are signed in as @alice:hearth.test').waitFor()
      const token = await page.locator('#access-token').textContent()
      const whoami = await server.anonymous.get('account/whoami', { access_token: token! })
      expect(whoami['user_id']).toBe('@alice:hearth.test')
      expect(page.url()).not.toContain(token)
      expect(await page.locator('#password').inputValue()).toBe('')
      expect(complaints).toEqual([])
      await page.close()
    },
  )

  it('[C-033] [SEC-86] hands the answer to the app’s callbacks, and forwards what it says of the device', async () => {
    const path = '/_matrix/static/client/login/?device_id=WEBVIEW&initial_device_display_name=An%20app&password=x'
    const { page, complaints } = await open(
      path,
      `window.given = []
       window.matrixLogin = { onLogin: (answer) => window.given.push(answer) }
       window.onLogin = (answer) => window.given.push(answer)`,
    )
    await signIn(page, '@alice:hearth.test', password)
    await page.getByText('You are signed in').waitFor()
    const given = await page.evaluate<Record<string, string>[]>('window.given')
    expect(given).toHaveLength(2)
    expect(given[0]).toEqual(given[1])
    expect(given[0]).toMatchObject({ user_id: '@alice:hearth.test', device_id: 'WEBVIEW', home_server: 'hearth.test' })
    const rows = await server.store.database.query(null, `select display_name from devices where device_id = 'WEBVIEW'`)
    expect(rows).toEqual([{ display_name: 'An app' }])
    expect(complaints).toEqual([])
    await page.close()
  })

  it('can be used with the keyboard alone, and each field has a name', async () => {
    const { page } = await open('/_matrix/static/client/login/')
    await page.getByLabel('User name').waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.type('alice')
    await page.keyboard.press('Tab')
    await page.keyboard.type(password)
    await page.keyboard.press('Enter')
    await page.getByText('You are signed in').waitFor()
    expect(await page.evaluate('document.activeElement.id')).toBe('title')
    expect(await page.evaluate('document.documentElement.lang')).toBe('en')
    await page.close()
  })

  it('[SEC-84] [S-27] have the headers that keep others out', async () => {
    for (const path of ['/_matrix/client/api/v1/login/fallback', '/_matrix/static/client/register/']) {
      const { status, headers } = await server.anonymous.request('GET', path)
      expect(status).toBe(200)
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
      const policy = headers.get('content-security-policy')!
      for (const part of [`default-src 'none'`, `frame-ancestors 'none'`, `form-action 'self'`, `base-uri 'none'`]) {
        expect(policy).toContain(part)
      }
      expect(policy).toMatch(/script-src 'nonce-[\w+/]{24}'/)
      expect(policy).not.toContain('unsafe')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
      const again = await server.anonymous.request('GET', path)
      expect(again.headers.get('content-security-policy')).not.toBe(policy)
    }
  })

  it('[SEC-89] there are no other files', async () => {
    const assets = '/_matrix/static/client/assets/'
    expect((await server.anonymous.request('GET', `${assets}login.js`)).headers.get('content-type')).toBe(
      'text/javascript; charset=utf-8',
    )
    for (const name of ['..%2f..%2fpackage.json', 'login.html', 'constructor', '..%2f..%2f..%2fetc%2fpasswd', '']) {
      expect((await server.anonymous.request('GET', assets + name)).status).toBe(404)
    }
  })

  it('[C-033] create an account once its owner has agreed to the terms', async () => {
    const terms = 'https://hearth.test/terms'
    await using other = await TestServer.start({ settings: { HEARTH_REGISTRATION_TERMS_URL: terms } })
    const { page, complaints } = await open('/_matrix/static/client/login/')
    await page.goto(`${other.url}/_matrix/static/client/register/`)
    await page.fill('#user', 'terms')
    await page.fill('#password', password)
    await page.fill('#repeated', password)
    expect(await page.getAttribute('#terms a', 'href')).toBe(terms)
    await page.click('#submit')
    expect(await page.isVisible('#done')).toBe(false)
    await page.check('#agreed')
    await page.click('#submit')
    await page.waitForSelector('#done:not([hidden])')
    expect(complaints).toEqual([])
    await other.anonymous.logIn('terms', password)
  })

  describe('of user-interactive authentication', () => {
    const pathOf = (type: string, session: unknown) =>
      `/_matrix/client/v3/auth/${type}/fallback/web?session=${encodeURIComponent(String(session))}`

    it('take the password, tell the app, and let its request through', async () => {
      const alice = await server.anonymous.logIn('alice', password)
      await server.anonymous.logIn('alice', password, { device_id: 'OLD' })
      const { session } = (await alice.request('DELETE', 'devices/OLD')).body
      const told = 'window.told = 0; window.onAuthDone = () => { window.told += 1 }'
      const { page, complaints } = await open(pathOf('m.login.password', session), told)
      const enter = async (secret: string) => {
        await page.getByLabel('User name').fill('alice')
        await page.getByLabel('Password').fill(secret)
        await page.getByRole('button', { name: 'Continue' }).click()
      }
      await enter('wrong')
      await page.getByRole('alert').getByText('The user name or password is wrong').waitFor()
      expect((await alice.request('DELETE', 'devices/OLD', { body: { auth: { session } } })).status).toBe(401)
      await enter(password)
      await page.getByText('You can go back to your app.').waitFor()
      expect(await page.evaluate('window.told')).toBe(1)
      expect((await alice.request('DELETE', 'devices/OLD', { body: { auth: { session } } })).status).toBe(200)
      expect(complaints).toEqual([])
      await page.close()
    })

    it('take a registration token, and tell the page that has opened them', async () => {
      const token = 'for.the.fallback'
      const row = { token, usesAllowed: 1, expiresTs: null, grantsAdmin: false, now: 0 }
      await server.store.registrationTokens.insert(row)
      const body = { username: 'fallback', password }
      const { session } = (await server.anonymous.request('POST', 'register', { body })).body
      const { page: app, complaints } = await open('/_matrix/client/versions')
      await app.evaluate(`window.addEventListener('message', ({ data }) => { window.told = data })`)
      const opened = app.waitForEvent('popup')
      await app.evaluate(`void window.open(${JSON.stringify(pathOf('m.login.registration_token', session))})`)
      const page = await opened
      await page.getByLabel('Registration token').fill(token)
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByText('You can go back to your app.').waitFor()
      await expect.poll(() => app.evaluate('window.told')).toBe('authDone')
      const answer = await server.anonymous.request('POST', 'register', { body: { ...body, auth: { session } } })
      expect([answer.status, answer.body['user_id']]).toEqual([200, '@fallback:hearth.test'])
      expect(complaints).toEqual([])
      await Promise.all([page.close(), app.close()])
    })

    it('show the terms', async () => {
      const terms = 'https://hearth.test/terms'
      await using other = await TestServer.start({ settings: { HEARTH_REGISTRATION_TERMS_URL: terms } })
      const body = { username: 'terms', password }
      const { session } = (await other.anonymous.request('POST', 'register', { body })).body
      const page = await browser.newPage()
      await page.goto(other.url + pathOf('m.login.terms', session))
      expect(await page.getAttribute('#terms a', 'href')).toBe(terms)
      await page.check('#agreed')
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByText('You can go back to your app.').waitFor()
      const answer = await other.anonymous.request('POST', 'register', { body: { ...body, auth: { session } } })
      expect(answer.status).toBe(200)
      await page.close()
    })

    it('[S-29] [SEC-82] [SEC-84] are for stages that a session asks for, and show nothing of the address', async () => {
      const { session } = (await server.anonymous.request('POST', 'register', { body: {} })).body
      const payload = '"><script>window.hit = 1</script>'
      for (const [type, id] of [
        ['m.login.password', session],
        ['m.login.dummy', session],
        ['com.example.unknown', session],
        ['m.login.registration_token', 'made up'],
        ['m.login.registration_token', payload],
        [encodeURIComponent(payload), session],
      ] as const) {
        const { page } = await open(pathOf(type, id))
        await page.getByRole('alert').getByText('There is nothing to be done here any more.').waitFor()
        expect(await page.content()).not.toContain('window.hit')
        expect(await page.evaluate('window.hit')).toBeUndefined()
        await page.close()
        const path = `auth/${type}/fallback/web`
        const answer = await server.anonymous.request('POST', path, { body: { session: id, token: 'x' } })
        expect([answer.status, answer.body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
      }
      const { headers } = await server.anonymous.request('GET', pathOf('m.login.registration_token', session))
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
    })
  })
})

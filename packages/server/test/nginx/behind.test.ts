import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createTestDatabase,
  FakeNetwork,
  FakeWebServer,
  NginxProcess,
  TestCa,
  TestServer,
  type TestClient,
} from '@hearth/test-kit'
import { createClient } from 'matrix-js-sdk'
import sharp from 'sharp'
import { quiet } from '../../../client-api/test/js-sdk/quiet-logger.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const stack = new AsyncDisposableStack()
let nginx: NginxProcess
let first: TestServer
let second: TestServer
let alice: TestClient
let web: FakeWebServer

beforeAll(async () => {
  const ca = stack.use(await TestCa.create())
  stack.use(ca.trust())
  nginx = stack.use(await NginxProcess.start({ certificate: await ca.issue(['localhost', '127.0.0.1', '::1']) }))
  const database = stack.use(await createTestDatabase())
  const media = await mkdtemp(join(tmpdir(), 'hearth-behind-'))
  stack.defer(() => rm(media, { recursive: true, force: true }))
  const network = new FakeNetwork()
  web = stack.use(await FakeWebServer.start(network))
  const settings = {
    HEARTH_PUBLIC_URL: nginx.url,
    HEARTH_RATE_LIMITS_ENABLED: 'true',
    HEARTH_URL_PREVIEWS_ENABLED: 'true',
    HEARTH_MEDIA_DIRECTORY: media,
  }
  first = stack.use(await TestServer.start({ settings, database, network }))
  second = stack.use(await TestServer.start({ settings, database, network }))
  await nginx.leadTo([first.url, second.url])
  alice = await first.register('alice')
})
afterAll(() => stack.disposeAsync())

describe('Hearth behind nginx', () => {
  it('is found by clients and by servers', async () => {
    const port = nginx.ports.https
    const client = await fetch(`${nginx.ipv6Url}/.well-known/matrix/client`)
    expect(await client.json()).toMatchObject({ 'm.homeserver': { base_url: `https://127.0.0.1:${port}` } })
    expect(client.headers.get('access-control-allow-origin')).toBe('*')
    const server = await fetch(`${nginx.federationUrl}/.well-known/matrix/server`)
    expect(await server.json()).toEqual({ 'm.server': `127.0.0.1:${port}` })
    const keys = await fetch(`${nginx.federationUrl}/_matrix/key/v2/server`)
    expect(await keys.json()).toMatchObject({ server_name: 'hearth.test' })
  })

  it('keeps a sync waiting, wakes it with what happens, and knows when a client has gone', async () => {
    // Another process would tell what is not in the database once more, at once.
    await nginx.leadTo([second.url])
    const through = alice.at(nginx.url)
    const room = await through.createRoom()
    const { next_batch: since } = await through.sync()
    const waiting = through.sync({ since, timeout: 60_000 })
    await untilWaiting(1)
    await alice.at(first.url).sendText(room, 'good evening')
    expect((await waiting).rooms?.join?.[room]?.timeline.events).toMatchObject([{ content: { body: 'good evening' } }])

    const leaving = new AbortController()
    const { next_batch } = await through.sync()
    const query = { since: next_batch, timeout: 60_000, set_presence: 'offline' }
    const gone = through.request('GET', 'sync', { query, signal: leaving.signal }).catch((error: unknown) => error)
    await untilWaiting(1)
    leaving.abort()
    await gone
    await untilWaiting(0)
    await nginx.leadTo([first.url, second.url])
  })

  it('limits by the address that nginx sees, whatever the client writes into X-Forwarded-For', async () => {
    const validity = '/_matrix/client/v1/register/m.login.registration_token/validity'
    const statuses: number[] = []
    for (let number = 1; number <= 14; number++) {
      const headers = { 'x-forwarded-for': `198.51.100.${number}`, 'x-real-ip': `198.51.100.${number}` }
      statuses.push((await fetch(`${nginx.url}${validity}?token=guess${number}`, { headers })).status)
    }
    // Each process counts by itself as long as nothing connects them.
    expect(statuses).toContain(429)
    const elsewhere = await fetch(`${nginx.ipv6Url}${validity}?token=guess`)
    expect(elsewhere.status).toBe(200)
  })

  it('refuses what is too large in its own words', async () => {
    const answer = await alice
      .at(nginx.url)
      .request('POST', 'createRoom', { body: { name: 'x'.repeat(2 * 1024 * 1024) } })
    expect([answer.status, answer.body['errcode']]).toEqual([413, 'M_TOO_LARGE'])
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  })

  it('has a client library send, get and shrink a picture and preview a page, whichever process is asked', async () => {
    const { userId, accessToken } = alice
    const client = createClient({ baseUrl: nginx.url, userId, accessToken, logger: quiet })
    const picture = await sharp({ create: { width: 640, height: 480, channels: 3, background: '#4080c0' } })
      .png()
      .toBuffer()
    const { content_uri: mxc } = await client.uploadContent(new Blob([picture]), { name: 'a.png', type: 'image/png' })
    const get = (...[uri, width, height, method]: Parameters<typeof client.mxcUrlToHttp>) =>
      fetch(client.mxcUrlToHttp(uri, width, height, method, false, true, true)!, {
        headers: { authorization: `Bearer ${accessToken}` },
      })
    web.addHost('page.test')
    web.put('/cat.png', { type: 'image/png', body: picture })
    web.put('/cats', { type: 'text/html', body: '<title>Cats</title><meta property="og:image" content="/cat.png">' })
    // One after the other nginx asks both.
    for (let round = 0; round < 2; round++) {
      expect(Buffer.from(await (await get(mxc)).arrayBuffer())).toEqual(picture)
      const small = await sharp(await (await get(mxc, 96, 96, 'crop')).arrayBuffer()).metadata()
      expect([small.width, small.height]).toEqual([96, 96])
      const preview = await client.getUrlPreview('http://page.test/cats', Date.now() + round * 120_000)
      expect(preview).toMatchObject({ 'og:title': 'Cats', 'og:image:width': 640 })
      expect((await get(preview['og:image']!)).status).toBe(200)
    }
    expect(web.requestsTo('/cats')).toHaveLength(1)
  })

  it('goes on when one of two processes ends', async () => {
    const through = alice.at(nginx.url)
    const room = await through.createRoom()
    await first.stop()
    const sent: string[] = []
    for (let number = 0; number < 10; number++) sent.push(await through.sendText(room, `message ${number}`))
    expect(new Set(sent).size).toBe(10)
  })
})

/** Waits until so many syncs wait in both processes together. */
async function untilWaiting(count: number): Promise<void> {
  const waiters = async (): Promise<number> => {
    const texts = await Promise.all([first, second].map(async ({ url }) => (await fetch(`${url}/metrics`)).text()))
    return texts.reduce((sum, text) => sum + Number(/^hearth_sync_waiters (\d+)$/m.exec(text)?.[1]), 0)
  }
  await expect.poll(waiters, { timeout: 30_000 }).toBe(count)
}

import { createTestDatabase, NginxProcess, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const stack = new AsyncDisposableStack()
let nginx: NginxProcess
let first: TestServer
let second: TestServer
let alice: TestClient

beforeAll(async () => {
  const ca = stack.use(await TestCa.create())
  stack.use(ca.trust())
  nginx = stack.use(await NginxProcess.start({ certificate: await ca.issue(['localhost', '127.0.0.1', '::1']) }))
  const database = stack.use(await createTestDatabase())
  const settings = { HEARTH_PUBLIC_URL: nginx.url, HEARTH_RATE_LIMITS_ENABLED: 'true' }
  first = stack.use(await TestServer.start({ settings, database }))
  second = stack.use(await TestServer.start({ settings, database }))
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

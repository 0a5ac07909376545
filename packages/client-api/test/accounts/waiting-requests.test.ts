import { FakeClock } from '@hearth/runtime'
import { TestClient, TestServer, type TestAnswer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { passwordAuth } from './password-auth.ts'

const password = 'pw'

async function someoneWaits(server: TestServer, count = 1): Promise<void> {
  await expect
    .poll(async () => (await server.anonymous.request('GET', '/metrics')).text, { interval: 5, timeout: 60_000 })
    .toMatch(new RegExp(`^hearth_sync_waiters ${count}$`, 'm'))
}

const outcome = ({ status, body }: TestAnswer) => [status, body['errcode'], body['soft_logout']]
const ended = [401, 'M_UNKNOWN_TOKEN', undefined]

describe('a request that waits for news when its session ends', () => {
  const clock = new FakeClock()
  let server: TestServer
  let name: string
  let first: TestClient
  let other: TestClient
  let run = 0

  beforeAll(async () => {
    server = await TestServer.start({ clock })
  })
  beforeEach(async () => {
    name = `alice${(run += 1)}`
    first = await server.register(name, password)
    other = await server.anonymous.logIn(name, password)
  })
  afterAll(() => server.stop())

  const auth = () => passwordAuth(name, password)

  const paths = {
    '/sync': 'sync',
    '/events': 'events',
    'the first /events': '/_matrix/client/api/v1/events',
  }

  /** The answer to a request that waits by now, in which nothing comes. */
  async function waiting(client: TestClient, path = 'sync'): Promise<{ answer: Promise<TestAnswer> }> {
    const { next_batch: since } = await client.sync({ set_presence: 'offline' })
    const query = { timeout: '170000', ...(path === 'sync' ? { since, set_presence: 'offline' } : { from: since }) }
    let answer = client.request('GET', path, { query })
    // That their own presence began is news.
    if (path !== 'sync') {
      const { body } = await answer
      answer = client.request('GET', path, { query: { ...query, from: body['end'] as string } })
    }
    await someoneWaits(server)
    return { answer }
  }

  it.each(Object.entries(paths))('[SEC-50] %s ends at once, with nothing that came later', async (_, path) => {
    const roomId = await first.createRoom()
    const { answer } = await waiting(other, path)
    await other.post('logout')
    await first.sendText(roomId, 'not for them')
    expect(outcome(await answer)).toEqual(ended)
    expect((await answer).text).not.toContain('not for them')
  })

  it.each<[way: string, end: () => Promise<unknown>]>([
    ['logout/all', () => first.post('logout/all')],
    [
      'the deletion of its device',
      () => first.request('DELETE', `devices/${other.deviceId}`, { body: { auth: auth() } }),
    ],
    [
      'the deletion of several devices',
      () => first.post('delete_devices', { devices: [other.deviceId], auth: auth() }),
    ],
    ['a change of the password', () => first.post('account/password', { new_password: 'new', auth: auth() })],
    ['deactivation', () => first.post('account/deactivate', { auth: auth() })],
    ['another login of its device', () => server.anonymous.post('login', { ...auth(), device_id: other.deviceId })],
  ])('[SEC-50] ends with %s', async (_, end) => {
    const { answer } = await waiting(other)
    await end()
    expect(outcome(await answer)).toEqual(ended)
  })

  it('goes on when others of the user end', async () => {
    const { answer } = await waiting(first)
    await other.post('logout')
    await first.put(`user/${first.userId}/account_data/org.example.still`, { here: true })
    expect((await answer).status).toBe(200)
    expect((await answer).text).toContain('org.example.still')
  })

  describe('in a session whose tokens expire', () => {
    let refreshToken: string
    const refreshable = async () => {
      const body = await server.anonymous.post('login', { ...auth(), refresh_token: true })
      refreshToken = body['refresh_token'] as string
      return clientOf(body)
    }
    const clientOf = (body: Record<string, unknown>) => {
      const credentials = { userId: first.userId, deviceId: '', accessToken: body['access_token'] as string }
      return new TestClient({ baseUrl: () => server.url, credentials })
    }

    it('ends when its token does', async () => {
      const client = await refreshable()
      await clock.advance(14 * 60_000)
      const { answer } = await waiting(client)
      await clock.advance(60_000)
      expect(outcome(await answer)).toEqual([401, 'M_UNKNOWN_TOKEN', true])
    })

    it('ends with the first use of the next token', async () => {
      const { answer } = await waiting(await refreshable())
      const next = clientOf(await server.anonymous.post('refresh', { refresh_token: refreshToken }))
      await next.get('account/whoami')
      expect(outcome(await answer)).toEqual(ended)
    })
  })
})

describe('a request that waits in another process than the one that ends its session', () => {
  it('[SEC-50] ends within seconds', async () => {
    await using first = await TestServer.start()
    await using second = await TestServer.start({ database: first.database })
    const alice = await first.register('alice', password)
    const { accessToken, userId, deviceId } = alice
    const credentials = { userId, deviceId, accessToken }
    const there = new TestClient({ baseUrl: () => second.url, credentials })
    const { next_batch: since } = await there.sync({ set_presence: 'offline' })
    const answer = there.request('GET', 'sync', { query: { since, timeout: '170000', set_presence: 'offline' } })
    await someoneWaits(second)
    await alice.post('logout')
    expect(outcome(await answer)).toEqual(ended)
  })
})

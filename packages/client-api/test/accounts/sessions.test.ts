import { statementsOf, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const password = 'correct horse'
const errorOf = async (client: TestClient): Promise<unknown[]> => {
  const { status, body } = await client.request('GET', 'account/whoami')
  return [status, body['errcode'] ?? body['user_id']]
}
const unknown = [401, 'M_UNKNOWN_TOKEN']

describe('access tokens', () => {
  let server: TestServer
  let alice: TestClient

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await server.register('alice', password)
  })

  afterAll(() => server.stop())

  it('[C-002] come in the header or in the query; without one the answer is M_MISSING_TOKEN', async () => {
    const { accessToken } = alice
    expect(await server.anonymous.get('account/whoami', { access_token: accessToken })).toMatchObject({
      user_id: alice.userId,
    })
    const headers = { authorization: `Bearer ${accessToken}` }
    expect((await server.anonymous.request('GET', 'account/whoami', { headers })).status).toBe(200)
    expect(await errorOf(server.anonymous)).toEqual([401, 'M_MISSING_TOKEN'])
  })

  it('[C-003] [X-05] that are unknown are answered with M_UNKNOWN_TOKEN, on every version', async () => {
    const almost = alice.accessToken.slice(0, -1) + (alice.accessToken.endsWith('A') ? 'B' : 'A')
    for (const token of ['bad', 'hearth_', almost, `${alice.accessToken}x`, 'ü', 'x'.repeat(4000)]) {
      for (const path of [
        'account/whoami',
        '/_matrix/client/api/v1/initialSync',
        '/_matrix/client/r0/account/whoami',
      ]) {
        const { status, body } = await server.anonymous.request('GET', path, { query: { access_token: token } })
        expect([status, body['errcode']]).toEqual(unknown)
      }
    }
  })

  it('[SEC-20] [SEC-21] in two places are no token at all', async () => {
    const headers = { authorization: `Bearer ${alice.accessToken}` }
    const both = await server.anonymous.request('GET', 'account/whoami', {
      headers,
      query: { access_token: alice.accessToken },
    })
    expect([both.status, both.body['errcode']]).toEqual([401, 'M_MISSING_TOKEN'])
    const twice = `account/whoami?access_token=${alice.accessToken}&access_token=${alice.accessToken}`
    expect((await server.anonymous.request('GET', twice)).status).toBe(401)
  })

  it('[S-11] are random, and only their hashes are kept', async () => {
    const tokens = new Set<string>()
    for (let i = 0; i < 20; i++) tokens.add((await server.anonymous.logIn('alice', password)).accessToken)
    expect(tokens.size).toBe(20)
    for (const token of tokens) expect(Buffer.from(token.slice('hearth_'.length), 'base64url')).toHaveLength(32)
    const [row] = await server.store.database.query<{ found: boolean }>(
      null,
      `select exists (select from access_tokens t where t::text like '%' || $1 || '%') as found`,
      [alice.accessToken.slice(7)],
    )
    expect(row!.found).toBe(false)
  })

  it('[SEC-50] end with logout, and their device with them', async () => {
    const phone = await server.anonymous.logIn('alice', password, { device_id: 'PHONE' })
    expect(await errorOf(phone)).toEqual([200, alice.userId])
    expect(await phone.post('logout')).toEqual({})
    expect(await errorOf(phone)).toEqual(unknown)
    expect((await phone.request('POST', 'logout')).status).toBe(401)
    expect(await errorOf(alice)).toEqual([200, alice.userId])
    const [row] = await server.store.database.query<{ n: number }>(
      null,
      `select count(*) as n from devices where device_id = 'PHONE'`,
    )
    expect(row!.n).toBe(0)
  })

  it('[SEC-50] end with logout/all, all of them', async () => {
    const clients = [await server.register('bob', password)]
    for (let i = 0; i < 3; i++) clients.push(await server.anonymous.logIn('bob', password))
    await Promise.all(clients.map(errorOf))
    expect(await clients[1]!.post('logout/all')).toEqual({})
    for (const client of clients) expect(await errorOf(client)).toEqual(unknown)
    expect(await errorOf(alice)).toEqual([200, alice.userId])
    await server.anonymous.logIn('bob', password)
  })

  it('[SEC-50] of a deleted account are none', async () => {
    const carol = await server.register('carol', password)
    const [userNid] = [(await server.store.accounts.findByLocalpart(['carol']))!.userNid]
    expect(await errorOf(carol)).toEqual([200, carol.userId])
    await server.store.accounts.delete(userNid)
    await expect.poll(() => errorOf(carol), { timeout: 30_000 }).toEqual(unknown)
  })

  it('are still there after a restart', async () => {
    await server.restart()
    expect(await errorOf(alice)).toEqual([200, alice.userId])
  })

  it('cost no statement while they are in use', async () => {
    await alice.get('account/whoami')
    const statements = await statementsOf(server, async () => {
      for (let i = 0; i < 20; i++) await alice.get('account/whoami')
    })
    expect(statements).toEqual([])
  })
})

describe('two processes of one deployment', () => {
  it('[SEC-50] a token that one of them ends is none for the other within seconds', async () => {
    await using first = await TestServer.start()
    await using second = await TestServer.start({ database: first.database })
    const alice = await first.register('alice', password)
    const there = (client: TestClient): Promise<unknown[]> =>
      second.anonymous
        .request('GET', 'account/whoami', { query: { access_token: client.accessToken } })
        .then(({ status, body }) => [status, body['errcode'] ?? body['user_id']])
    const others = [await first.anonymous.logIn('alice', password), await second.anonymous.logIn('alice', password)]
    for (const client of [alice, ...others]) expect(await there(client)).toEqual([200, alice.userId])

    await alice.post('logout')
    await expect.poll(() => there(alice), { timeout: 30_000, interval: 50 }).toEqual(unknown)
    expect(await there(others[0]!)).toEqual([200, alice.userId])

    await others[0]!.post('logout/all')
    await expect.poll(() => there(others[1]!), { timeout: 30_000, interval: 50 }).toEqual(unknown)
  })

  it('a registration that one of them began the other completes', async () => {
    const settings = { HEARTH_REGISTRATION_MODE: 'token' }
    await using first = await TestServer.start({ settings })
    await using second = await TestServer.start({ settings, database: first.database })
    const token = (await first.store.registrationTokens.findFirst())!
    const v1 = '/_matrix/client/api/v1/register'
    const stage = await first.anonymous.post(v1, { type: 'm.login.registration_token', token })
    const account = { type: 'm.login.password', session: stage['session'], user: 'alice', password }
    expect((await second.anonymous.post(v1, account))['user_id']).toBe('@alice:hearth.test')
  })
})

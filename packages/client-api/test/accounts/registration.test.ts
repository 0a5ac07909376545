import type { JsonObject } from '@hearth/protocol'
import { FakeClock } from '@hearth/runtime'
import { TestServer, type TestAnswer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const dummy = { type: 'm.login.dummy' }

function register(server: TestServer, body: unknown, query: Record<string, string> = {}): Promise<TestAnswer> {
  return server.anonymous.request('POST', 'register', { body, query })
}

describe('POST /register on an open server', () => {
  let server: TestServer
  const clock = new FakeClock()

  beforeAll(async () => {
    server = await TestServer.start({ clock })
  })

  afterAll(() => server.stop())

  it('without auth answers 401 with the flows, and no error', async () => {
    const { status, body } = await register(server, {})
    expect(status).toBe(401)
    expect(body).toEqual({
      flows: [{ stages: ['m.login.dummy'] }],
      params: {},
      session: expect.any(String) as string,
      completed: [],
    })
  })

  it('an absent body asks for the flows as well', async () => {
    expect((await server.anonymous.request('POST', 'register')).status).toBe(401)
  })

  it('creates the account and logs it in', async () => {
    const { status, body } = await register(server, { auth: dummy, username: 'alice', password: 'secret' })
    expect(status).toBe(200)
    expect(body).toEqual({
      user_id: '@alice:hearth.test',
      home_server: 'hearth.test',
      access_token: expect.stringMatching(/^hearth_[\w-]{43}$/) as string,
      device_id: expect.stringMatching(/^[A-Z]{10}$/) as string,
    })
    const whoami = await server.anonymous.get('account/whoami', { access_token: body['access_token'] as string })
    expect(whoami).toEqual({ user_id: '@alice:hearth.test', device_id: body['device_id'], is_guest: false })
  })

  it('completes the session that the first request opened', async () => {
    const account = { username: 'bob', password: 'secret' }
    const { session } = (await register(server, account)).body
    const { status, body } = await register(server, { ...account, auth: { ...dummy, session } })
    expect([status, body['user_id']]).toEqual([200, '@bob:hearth.test'])
    const another = await register(server, { ...account, username: 'bob2', auth: { ...dummy, session } })
    expect([another.status, another.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
  })

  it('keeps the device id, and creates no device when no login is wanted', async () => {
    const device = { device_id: 'PHONE', initial_device_display_name: 'A phone' }
    const kept = await register(server, { auth: dummy, username: 'carol', password: 'x', ...device })
    expect(kept.body['device_id']).toBe('PHONE')
    const inhibited = await register(server, { auth: dummy, username: 'dora', password: 'x', inhibit_login: true })
    expect(inhibited.body).toEqual({ user_id: '@dora:hearth.test', home_server: 'hearth.test' })
    await server.anonymous.logIn('dora', 'x')
  })

  it('[X-19] puts capitals into lower case', async () => {
    const { body } = await register(server, { auth: dummy, username: 'User-UPPER', password: 'x' })
    expect(body['user_id']).toBe('@user-upper:hearth.test')
  })

  it('[S-105] makes a name up when none is wanted', async () => {
    const { body } = await register(server, { auth: dummy, password: 'x' })
    expect(body['user_id']).toMatch(/^@[a-z0-9]{10}:hearth\.test$/)
  })

  it.each(['a b', 'a:b', '@a', 'ü', 'a\n', '', 'x'.repeat(255)])('refuses the name %j', async (username) => {
    const { status, body } = await register(server, { username, password: 'x' })
    expect([status, body['errcode']]).toEqual([400, 'M_INVALID_USERNAME'])
  })

  it('refuses a taken name before it asks for anything', async () => {
    for (const username of ['alice', 'ALICE']) {
      const { status, body } = await register(server, { username, password: 'x' })
      expect([status, body['errcode']]).toEqual([400, 'M_USER_IN_USE'])
    }
  })

  it('needs a password, of a length that can be', async () => {
    const errcodes = async (body: JsonObject): Promise<unknown[]> => {
      const answer = await register(server, { auth: dummy, username: 'nopassword', ...body })
      return [answer.status, answer.body['errcode']]
    }
    expect(await errcodes({})).toEqual([400, 'M_MISSING_PARAM'])
    expect(await errcodes({ password: '' })).toEqual([400, 'M_WEAK_PASSWORD'])
    expect(await errcodes({ password: 'x'.repeat(513) })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await errcodes({ password: null })).toEqual([400, 'M_BAD_JSON'])
    expect(await errcodes({ password: ['x'] })).toEqual([400, 'M_BAD_JSON'])
  })

  it('[SEC-16] refuses a device that cannot be', async () => {
    const account = { auth: dummy, username: 'nodevice', password: 'x' }
    for (const device of [
      { device_id: 'x'.repeat(2048) },
      { device_id: '' },
      { initial_device_display_name: 'x'.repeat(256) },
    ]) {
      const { status, body } = await register(server, { ...account, ...device })
      expect([status, body['errcode']]).toEqual([400, 'M_INVALID_PARAM'])
    }
  })

  it.each([
    { type: 'm.login.made_up' },
    { type: 'm.login.password', user: 'alice', password: 'secret' },
    { type: 'm.login.registration_token', token: 'x' },
    { type: '' },
    {},
  ])('[SEC-53] answers the stage %j with the flows', async (auth) => {
    const { status, body } = await register(server, { auth, username: 'bad', password: 'x' })
    expect(status).toBe(401)
    expect(body['flows']).toEqual([{ stages: ['m.login.dummy'] }])
    expect(body).not.toHaveProperty('access_token')
  })

  it('refuses an auth of the wrong shape', async () => {
    for (const auth of [null, [], 'x', { type: 1 }, { type: 'm.login.dummy', session: {} }]) {
      const { status, body } = await register(server, { auth, username: 'shape', password: 'x' })
      expect([status, body['errcode']]).toEqual([400, 'M_BAD_JSON'])
    }
  })

  it('[SEC-54] a session is good for the request that it was opened for', async () => {
    const { session } = (await register(server, { username: 'first', password: 'x' })).body
    const auth = { ...dummy, session }
    for (const body of [
      { username: 'second', password: 'x' },
      { username: 'first', password: 'y' },
      { username: 'first', password: 'x', inhibit_login: true },
    ]) {
      const answer = await register(server, { ...body, auth })
      expect([answer.status, answer.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    }
    // The same keys in another order are the same request.
    const { body } = await register(server, { auth, password: 'x', username: 'first' })
    expect(body['user_id']).toBe('@first:hearth.test')
  })

  it('[SEC-54] a session that was opened to see the flows is bound by the first request with content', async () => {
    const { session } = (await register(server, {})).body
    const bound = { auth: { type: 'm.login.made_up', session }, username: 'third', password: 'x' }
    expect((await register(server, bound)).status).toBe(401)
    const changed = await register(server, { auth: { ...dummy, session }, username: 'fourth', password: 'x' })
    expect(changed.status).toBe(403)
    const same = await register(server, { ...bound, auth: { ...dummy, session } })
    expect(same.body['user_id']).toBe('@third:hearth.test')
  })

  it('a session that is unknown or has expired is answered with a new one', async () => {
    const account = { username: 'slow', password: 'x' }
    const { session } = (await register(server, account)).body
    await clock.advance(15 * 60_000)
    for (const old of [session, 'made up', '']) {
      const { status, body } = await register(server, { ...account, auth: { ...dummy, session: old } })
      expect([status, body['errcode']]).toEqual([401, 'M_UNKNOWN'])
      expect(body['session']).not.toBe(old)
      expect(body['flows']).toBeDefined()
    }
    expect((await server.anonymous.request('GET', 'register/available', { query: { username: 'slow' } })).status).toBe(
      200,
    )
  })

  it('[SEC-56] one of 20 parallel registrations of a name succeeds', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => register(server, { auth: dummy, username: 'race', password: 'x' })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers) if (status !== 200) expect(body['errcode']).toBe('M_USER_IN_USE')
  })

  it('has no guest accounts, and no other kinds', async () => {
    const guest = await register(server, {}, { kind: 'guest' })
    expect([guest.status, guest.body['errcode']]).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
    expect((await register(server, {}, { kind: 'robot' })).body['errcode']).toBe('M_INVALID_PARAM')
  })

  it('no account that is registered is an administrator', async () => {
    const rows = await server.store.database.query<{ n: number }>(
      null,
      'select count(*) as n from accounts where is_admin',
    )
    expect(rows[0]!.n).toBe(0)
  })

  it('no password is in the database, in sessions neither', async () => {
    await register(server, { username: 'unfinished', password: 'a very secret password' })
    const rows = await server.store.database.query<{ found: boolean }>(
      null,
      `select exists (select from flow_sessions s where s::text like '%very secret%')
         or exists (select from accounts a where a::text like '%secret''s password%') as found`,
    )
    expect(rows[0]!.found).toBe(false)
  })
})

describe('GET /register/available', () => {
  it('says whether a name can be had', async () => {
    await using server = await TestServer.start()
    await server.register('alice')
    const available = (username: string): Promise<TestAnswer> =>
      server.anonymous.request('GET', 'register/available', { query: { username } })
    expect((await available('bob')).body).toEqual({ available: true })
    expect((await available('alice')).body['errcode']).toBe('M_USER_IN_USE')
    expect((await available('Alice')).body['errcode']).toBe('M_USER_IN_USE')
    expect((await available('no good')).body['errcode']).toBe('M_INVALID_USERNAME')
    const missing = await server.anonymous.request('GET', 'register/available')
    expect([missing.status, missing.body['errcode']]).toEqual([400, 'M_MISSING_PARAM'])
  })
})

describe('a closed server', () => {
  it('registers nobody, by neither API', async () => {
    await using server = await TestServer.start({ settings: { HEARTH_REGISTRATION_MODE: 'closed' } })
    const v1 = '/_matrix/client/api/v1/register'
    for (const request of [
      register(server, {}),
      register(server, { auth: dummy, username: 'a', password: 'x' }),
      server.anonymous.request('GET', 'register/available', { query: { username: 'a' } }),
      server.anonymous.request('POST', v1, { body: { type: 'm.login.password', user: 'a', password: 'x' } }),
      server.anonymous.request('GET', '/_matrix/client/v1/register/m.login.registration_token/validity', {
        query: { token: 'x' },
      }),
    ]) {
      const { status, body } = await request
      expect([status, body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    }
    expect(await server.anonymous.get(v1)).toEqual({ flows: [] })
  })
})

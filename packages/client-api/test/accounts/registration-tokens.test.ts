import { createAccountServices, Jobs, type RegistrationTokens } from '@hearth/core'
import type { ServerName, UserId } from '@hearth/protocol'
import { LocalBus, LocalJobQueue } from '@hearth/queues'
import { createLogger, FakeClock } from '@hearth/runtime'
import { createTestDatabase, TestServer, type TestAnswer, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const TYPE = 'm.login.registration_token'
const settings = { HEARTH_REGISTRATION_MODE: 'token' }
const clock = new FakeClock()

/** The server's own service, as an administrator's API will use it. */
function tokensOf(server: TestServer): RegistrationTokens {
  const unlimited = { take: async () => undefined, giveBack: async () => undefined }
  return createAccountServices({
    store: server.store,
    clock,
    logger: createLogger({ level: 'error' }),
    serverName: 'hearth.test' as ServerName,
    registration: { mode: 'token' },
    // Nobody runs them.
    jobs: new Jobs({
      store: server.store,
      clock,
      logger: createLogger({ level: 'error' }),
      process: { id: '', onFreed: () => undefined },
      queue: new LocalJobQueue(),
    }),
    bus: new LocalBus({ clock, logger: createLogger({ level: 'error' }) }),
    loginLimits: { perAccount: unlimited, perAddress: unlimited },
    pollMs: 0,
  }).registrationTokens
}

function register(server: TestServer, username: string, token?: unknown, session?: unknown): Promise<TestAnswer> {
  const auth = token === undefined ? undefined : { type: TYPE, token, session }
  return server.anonymous.request('POST', 'register', { body: { username, password: 'x', auth } })
}

describe('registration with tokens', () => {
  let server: TestServer
  let tokens: RegistrationTokens

  beforeAll(async () => {
    server = await TestServer.start({ settings, clock })
    tokens = tokensOf(server)
  })

  afterAll(() => server.stop())

  it('the flow has the stage, and nothing else lets anybody in', async () => {
    const { status, body } = await register(server, 'nobody')
    expect(status).toBe(401)
    expect(body['flows']).toEqual([{ stages: [TYPE] }])
    const dummy = { username: 'nobody', password: 'x', auth: { type: 'm.login.dummy', session: body['session'] } }
    expect((await server.anonymous.request('POST', 'register', { body: dummy })).status).toBe(401)
  })

  it('a valid token registers, with a session or at once', async () => {
    const token = await tokens.create()
    const { session } = (await register(server, 'alice')).body
    expect((await register(server, 'alice', token, session)).status).toBe(200)
    expect((await register(server, 'bob', token)).status).toBe(200)
  })

  it.each(['wrong', '', 'a b', 'x'.repeat(65)])('refuses the token %j and says so', async (token) => {
    const { status, body } = await register(server, 'mallory', token)
    expect([status, body['errcode']]).toEqual([401, 'M_FORBIDDEN'])
    expect(body['completed']).toEqual([])
  })

  it('refuses a submission without a token, or with something else', async () => {
    const auth = { type: TYPE }
    const missing = await server.anonymous.request('POST', 'register', { body: { auth, username: 'm', password: 'x' } })
    expect([missing.status, missing.body['errcode']]).toEqual([400, 'M_MISSING_PARAM'])
    const wrong = await register(server, 'mallory', { $ne: null })
    expect([wrong.status, wrong.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
  })

  it('[SEC-56] a token for one use registers one of 20 who use it at once', async () => {
    const token = await tokens.create({ usesAllowed: 1 })
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => register(server, `race${i}`, token)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status } of answers) expect([200, 401, 403]).toContain(status)
    const { n } = (
      await server.store.database.query<{ n: number }>(
        null,
        `select count(*) as n from accounts where localpart like 'race%'`,
      )
    )[0]!
    expect(n).toBe(1)
  })

  it('a session that is given up costs no use', async () => {
    const token = await tokens.create({ usesAllowed: 1 })
    const stage = { type: TYPE, token }
    const staged = await server.anonymous.request('POST', '/_matrix/client/api/v1/register', { body: stage })
    expect(staged.body['next']).toBe('m.login.password')
    expect((await register(server, 'later', token)).status).toBe(200)
  })

  it('a token ends with its time', async () => {
    const token = await tokens.create({ expiresTs: clock.now() + 1000 })
    expect(await tokens.isUsable(token)).toBe(true)
    await clock.advance(1000)
    expect((await register(server, 'late', token)).status).toBe(401)
  })

  it('tells whether a token is valid', async () => {
    const validity = async (token: string): Promise<unknown> => {
      const path = '/_matrix/client/v1/register/m.login.registration_token/validity'
      return (await server.anonymous.get(path, { token }))['valid']
    }
    const token = await tokens.create({ usesAllowed: 1 })
    expect(await validity(token)).toBe(true)
    expect(await validity('unknown')).toBe(false)
    expect(await validity('not a token')).toBe(false)
    await register(server, 'user-of-the-token', token)
    expect(await validity(token)).toBe(false)
  })

  it('tokens are made of what the specification allows', async () => {
    await expect(tokens.create({ token: 'no good' })).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
    expect(await tokens.create({ token: 'Good.one_~-1' })).toBe('Good.one_~-1')
    await expect(tokens.create({ token: 'Good.one_~-1' })).rejects.toMatchObject({ errcode: 'M_INVALID_PARAM' })
  })
})

describe('the first account', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase()
  })

  afterAll(() => database.drop())

  it('is registered with a token that stays the same until it is used, and is an administrator', async () => {
    await using server = await TestServer.start({ settings, database })
    const token = await tokensOf(server).firstAccountToken()
    expect(token).toMatch(/^[\w-]{24}$/)
    await server.restart()
    expect(await tokensOf(server).firstAccountToken()).toBe(token)

    const answers = await Promise.all(Array.from({ length: 5 }, (_, i) => register(server, `first${i}`, token)))
    const first = answers.find(({ status }) => status === 200)!
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const accounts = await server.store.database.query(null, 'select localpart, is_admin from accounts')
    const localpart = (first.body['user_id'] as string).slice(1).split(':')[0]
    expect(accounts).toEqual([{ localpart, is_admin: true }])

    expect(await tokensOf(server).firstAccountToken()).toBeUndefined()
    expect((await register(server, 'second', token)).status).toBe(401)
    const ordinary = await register(server, 'second', await tokensOf(server).create())
    expect(ordinary.status).toBe(200)
    expect((await server.store.accounts.findByLocalpart(['second']))?.isAdmin).toBe(false)
  })

  it('has one token when several processes start together', async () => {
    await using server = await TestServer.start({ settings })
    const tokens = tokensOf(server)
    const all = await Promise.all(Array.from({ length: 10 }, () => tokens.firstAccountToken()))
    expect(new Set(all).size).toBe(1)
  })

  it('its token is withdrawn when an administrator was created some other way', async () => {
    await using server = await TestServer.start({ settings })
    const tokens = tokensOf(server)
    const token = (await tokens.firstAccountToken())!
    await server.store.users.intern('@root:hearth.test' as UserId)
    const userNid = (await server.store.users.find('@root:hearth.test' as UserId))!
    const account = { userNid, localpart: 'root', passwordHash: null, createdTs: 1 }
    await server.store.accounts.insert({ ...account, isAdmin: false })
    expect(await tokens.firstAccountToken()).toBe(token)
    await server.store.accounts.setAdmin(userNid, true)
    expect(await tokens.firstAccountToken()).toBeUndefined()
    expect((await register(server, 'late', token)).status).toBe(401)
  })
})

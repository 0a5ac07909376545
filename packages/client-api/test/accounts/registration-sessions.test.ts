import { createAccountServices, Jobs, type AccountServices } from '@hearth/core'
import type { JsonObject, ServerName } from '@hearth/protocol'
import { LocalBus, LocalJobQueue } from '@hearth/queues'
import { createLogger, FakeClock } from '@hearth/runtime'
import { TestServer, type TestAnswer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const DUMMY = 'm.login.dummy'
const TOKEN = 'm.login.registration_token'
const clock = new FakeClock()

/** Lets time pass until something is done that waits for it, such as a process for those that are there already. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let isDone = false
  void work.catch(() => undefined).then(() => (isDone = true))
  while (!isDone) {
    await clock.advance(50)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return work
}

function register(server: TestServer, body: JsonObject): Promise<TestAnswer> {
  return server.anonymous.request('POST', 'register', { body })
}

/** Opens a session with a first request. */
async function open(server: TestServer, body: JsonObject): Promise<string> {
  const answer = await register(server, body)
  expect(answer.status).toBe(401)
  return answer.body['session'] as string
}

/** Passes the dummy stage, with or without the rest of the request. */
function complete(server: TestServer, session: string, body: JsonObject = {}): Promise<TestAnswer> {
  return register(server, { ...body, auth: { type: DUMMY, session } })
}

async function whoami(server: TestServer, { body }: TestAnswer): Promise<TestAnswer> {
  const headers = { authorization: `Bearer ${body['access_token'] as string}` }
  return server.anonymous.request('GET', 'account/whoami', { headers })
}

async function devicesOf(server: TestServer, localpart: string): Promise<JsonObject[]> {
  return server.store.database.query<JsonObject>(
    null,
    `select device_id as id, display_name as name from devices join accounts using (user_nid) where localpart = $1`,
    [localpart],
  )
}

/** Services on the server's database, for what has no endpoint. */
function servicesOf(server: TestServer): AccountServices {
  const unlimited = { take: async () => undefined, giveBack: async () => undefined }
  return createAccountServices({
    store: server.store,
    clock,
    logger: createLogger({ level: 'error' }),
    serverName: 'hearth.test' as ServerName,
    registration: { mode: 'open' },
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
  })
}

describe('a registration whose later requests leave the parameters out', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await TestServer.start({ clock })
  })

  afterAll(() => server.stop())

  it('gets the name, the device and the password of the first request', async () => {
    const device = { device_id: 'xyzzy', initial_device_display_name: 'A telephone' }
    const session = await open(server, { username: 'alice', password: 'secret', ...device })
    const { status, body } = await complete(server, session)
    expect([status, body['user_id'], body['device_id']]).toEqual([200, '@alice:hearth.test', 'xyzzy'])
    expect(await devicesOf(server, 'alice')).toEqual([{ id: 'xyzzy', name: 'A telephone' }])
    await server.anonymous.logIn('alice', 'secret')
  })

  it('takes passwords that are not ASCII', async () => {
    const session = await open(server, { username: 'ueber', password: 'übers3kr1t' })
    expect((await complete(server, session)).status).toBe(200)
    await server.anonymous.logIn('ueber', 'übers3kr1t')
  })

  it('logs nobody in when the first request did not want it', async () => {
    const session = await open(server, { username: 'quiet', password: 'x', inhibit_login: true })
    const { body } = await complete(server, session)
    expect(body).toEqual({ user_id: '@quiet:hearth.test', home_server: 'hearth.test' })
    expect(await devicesOf(server, 'quiet')).toEqual([])
  })

  it('may send them first with any request of the session', async () => {
    const session = await open(server, {})
    const parameters = { username: 'second-thought', password: 'x' }
    const pending = await register(server, { ...parameters, auth: { type: 'm.login.made_up', session } })
    expect(pending.status).toBe(401)
    expect((await complete(server, session)).body['user_id']).toBe('@second-thought:hearth.test')
  })

  it('is refused when no request has brought a password', async () => {
    for (const first of [{}, { username: 'nopassword' }]) {
      const { status, body } = await complete(server, await open(server, first))
      expect([status, body['errcode']]).toEqual([400, 'M_MISSING_PARAM'])
    }
  })

  it('is refused when somebody else has taken the name meanwhile', async () => {
    const session = await open(server, { username: 'contested', password: 'mine' })
    await server.register('contested', 'theirs')
    const { status, body } = await complete(server, session)
    expect([status, body['errcode']]).toEqual([400, 'M_USER_IN_USE'])
    const again = await complete(server, session)
    expect([again.status, again.body['errcode']]).toEqual([400, 'M_USER_IN_USE'])
    await server.anonymous.logIn('contested', 'theirs')
  })

  it('leaves no password and no session id in the database, and no hash either once it is complete', async () => {
    const session = await open(server, { username: 'discreet', password: 'a very secret password' })
    const kept = async (text: string): Promise<number> => {
      const rows = await server.store.database.query(
        null,
        `select from flow_sessions s where position($1 in s::text) > 0`,
        [text],
      )
      return rows.length
    }
    expect(await kept('very secret')).toBe(0)
    expect(await kept(session)).toBe(0)
    expect(await kept('discreet')).toBe(1)
    await complete(server, session)
    const [row] = await server.store.database.query<JsonObject>(
      null,
      `select request, proofs from flow_sessions where outcome #>> '{result,userId}' = '@discreet:hearth.test'`,
    )
    expect(row).toEqual({ request: null, proofs: {} })
  })
})

describe('a registration that is repeated', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await TestServer.start({ clock })
  })

  afterAll(() => server.stop())

  it('is for the same account and device, with another access token', async () => {
    const parameters = { username: 'alice', password: 'x', initial_device_display_name: 'A telephone' }
    const session = await open(server, parameters)
    const first = await complete(server, session, parameters)
    const second = await complete(server, session, parameters)
    expect(second.status).toBe(200)
    expect(second.body).toEqual({ ...first.body, access_token: expect.any(String) as string })
    expect(await devicesOf(server, 'alice')).toHaveLength(1)
    // Whoever has the first answer, should it not have been lost, can do nothing with it.
    expect((await whoami(server, first)).body['errcode']).toBe('M_UNKNOWN_TOKEN')
    expect((await whoami(server, second)).body['user_id']).toBe('@alice:hearth.test')
  })

  it('[S-105] is for the same account when the name was made up', async () => {
    const session = await open(server, { password: 'x' })
    const first = await complete(server, session, { password: 'x' })
    const second = await complete(server, session, { password: 'x' })
    expect(first.body['user_id']).toMatch(/^@[a-z0-9]{10}:hearth\.test$/)
    expect(second.body['user_id']).toBe(first.body['user_id'])
  })

  it('leaves the parameters out as the first one did', async () => {
    const session = await open(server, { username: 'brief', password: 'x' })
    const first = await complete(server, session)
    const second = await complete(server, session)
    expect([second.status, second.body['user_id']]).toEqual([200, first.body['user_id']])
  })

  it('logs nobody in who did not want it', async () => {
    const session = await open(server, { username: 'quiet', password: 'x', inhibit_login: true })
    const first = await complete(server, session)
    const second = await complete(server, session)
    expect(second.body).toEqual(first.body)
    expect(second.body).not.toHaveProperty('access_token')
    expect(await devicesOf(server, 'quiet')).toEqual([])
  })

  it('is answered by another process', async () => {
    await using other = await inTime(TestServer.start({ clock, database: server.database }))
    const session = await open(server, { username: 'moving', password: 'x' })
    const first = await complete(other, session)
    const second = await complete(server, session)
    expect([second.status, second.body['user_id']]).toEqual([200, first.body['user_id']])
    expect((await whoami(other, second)).status).toBe(200)
  })

  it('[SEC-56] many times at once creates one account, with one device that has one access token', async () => {
    const session = await open(server, {})
    const parameters = { username: 'crowd', password: 'x' }
    const answers = await Promise.all(Array.from({ length: 10 }, () => complete(server, session, parameters)))
    for (const { status, body } of answers) expect([status, body['user_id']]).toEqual([200, '@crowd:hearth.test'])
    expect(await devicesOf(server, 'crowd')).toHaveLength(1)
    const valid = await Promise.all(answers.map((answer) => whoami(server, answer)))
    expect(valid.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('without a session is another registration', async () => {
    const body = { username: 'once', password: 'x', auth: { type: DUMMY } }
    expect((await register(server, body)).status).toBe(200)
    expect((await register(server, body)).body['errcode']).toBe('M_USER_IN_USE')
  })
})

describe('somebody who has got hold of a session id', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await TestServer.start({ clock })
  })

  afterAll(() => server.stop())

  /** Registers as most clients do, which send everything each time. */
  async function victim(username: string): Promise<{ session: string; answer: TestAnswer }> {
    const parameters = { username, password: 'secret' }
    const session = await open(server, parameters)
    return { session, answer: await complete(server, session, parameters) }
  }

  async function expectRefusal(answer: Promise<TestAnswer>): Promise<void> {
    const { status, body } = await answer
    expect([status, body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    expect(body).not.toHaveProperty('session')
  }

  it('[SEC-54] cannot change what it will register', async () => {
    const session = await open(server, { username: 'target', password: 'secret' })
    await expectRefusal(complete(server, session, { username: 'target', password: 'mine' }))
    await expectRefusal(complete(server, session, { username: 'mine', password: 'secret' }))
    await complete(server, session)
    await server.anonymous.logIn('target', 'secret')
  })

  it('gets no access token out of a registration whose client has sent all of it', async () => {
    const { session, answer } = await victim('careful')
    await expectRefusal(complete(server, session))
    await expectRefusal(register(server, { auth: { session } }))
    await expectRefusal(complete(server, session, { username: 'careful', password: 'guess' }))
    expect((await whoami(server, answer)).status).toBe(200)
  })

  it('gets nothing out of a registration whose device has been logged out', async () => {
    const session = await open(server, { username: 'gone', password: 'x', device_id: 'PHONE' })
    const { body } = await complete(server, session)
    const headers = { authorization: `Bearer ${body['access_token'] as string}` }
    expect((await server.anonymous.request('POST', 'logout', { headers, body: {} })).status).toBe(200)
    await expectRefusal(complete(server, session))
    // Not even when there is a device of the same name again.
    await server.anonymous.request('POST', 'login', {
      body: { type: 'm.login.password', user: 'gone', password: 'x', device_id: 'PHONE' },
    })
    await expectRefusal(complete(server, session))
    expect(await devicesOf(server, 'gone')).toHaveLength(1)
  })

  it('gets nothing of whoever has the name after the account was deleted', async () => {
    const session = await open(server, { username: 'reborn', password: 'x', device_id: 'PHONE' })
    await complete(server, session)
    const { userNid } = (await server.store.accounts.findByLocalpart(['reborn']))!
    await servicesOf(server).accounts.delete(userNid)
    const parameters = { username: 'reborn', password: 'y', device_id: 'PHONE' }
    expect((await register(server, { ...parameters, auth: { type: DUMMY } })).status).toBe(200)
    await expectRefusal(complete(server, session))
  })

  it('gets nothing two minutes later', async () => {
    const session = await open(server, { username: 'late', password: 'x' })
    await complete(server, session)
    await clock.advance(2 * 60_000)
    const { status, body } = await complete(server, session)
    expect([status, body['errcode'], body['completed']]).toEqual([401, 'M_UNKNOWN', []])
    const full = await complete(server, session, { username: 'late', password: 'x' })
    expect([full.status, full.body['errcode']]).toEqual([400, 'M_USER_IN_USE'])
  })

  it('gets nothing out of the first client API, whose last request cannot be repeated', async () => {
    await using closed = await TestServer.start({ clock, settings: { HEARTH_REGISTRATION_MODE: 'token' } })
    const token = await servicesOf(closed).registrationTokens.create()
    const submit = (body: JsonObject): Promise<TestAnswer> =>
      closed.anonymous.request('POST', '/_matrix/client/api/v1/register', { body })
    const { session } = (await submit({ type: TOKEN, token })).body
    const last = { type: 'm.login.password', session, user: 'founder', password: 'x' }
    expect((await submit(last)).status).toBe(200)
    for (const body of [last, { ...last, user: 'another' }, { type: TOKEN, token, session }]) {
      const answer = await submit(body)
      expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_UNKNOWN'])
    }
    const v3 = await register(closed, { auth: { type: TOKEN, token, session } })
    expect([v3.status, v3.body['completed']]).toEqual([401, []])
  })
})

describe('a registration with a token that is repeated', () => {
  it('[SEC-56] costs one use, one after the other and at once', async () => {
    await using server = await TestServer.start({ clock, settings: { HEARTH_REGISTRATION_MODE: 'token' } })
    const { registrationTokens } = servicesOf(server)
    const uses = async (token: string): Promise<number> => {
      const rows = await server.store.database.query<{ uses: number }>(
        null,
        'select uses from registration_tokens where token = $1',
        [token],
      )
      return rows[0]!.uses
    }
    const once = await registrationTokens.create({ usesAllowed: 1 })
    const session = await open(server, { username: 'alice', password: 'x' })
    const auth = { type: TOKEN, token: once, session }
    const first = await register(server, { auth })
    const second = await register(server, { auth })
    expect([first.status, second.status]).toEqual([200, 200])
    expect(second.body['user_id']).toBe(first.body['user_id'])
    expect(await uses(once)).toBe(1)

    const onceMore = await registrationTokens.create({ usesAllowed: 1 })
    const crowd = await open(server, { username: 'crowd', password: 'x' })
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => register(server, { auth: { type: TOKEN, token: onceMore, session: crowd } })),
    )
    for (const { status, body } of answers) expect([status, body['user_id']]).toEqual([200, '@crowd:hearth.test'])
    expect(await uses(onceMore)).toBe(1)
  })

  it('costs none when the name was taken meanwhile', async () => {
    await using server = await TestServer.start({ clock, settings: { HEARTH_REGISTRATION_MODE: 'token' } })
    const { registrationTokens } = servicesOf(server)
    const token = await registrationTokens.create({ usesAllowed: 2 })
    const session = await open(server, { username: 'contested', password: 'x' })
    const auth = { type: TOKEN, token }
    expect((await register(server, { username: 'contested', password: 'y', auth })).status).toBe(200)
    const late = await register(server, { auth: { ...auth, session } })
    expect(late.body['errcode']).toBe('M_USER_IN_USE')
    expect((await register(server, { username: 'other', password: 'y', auth })).status).toBe(200)
  })
})

import { FakeClock } from '@hearth/runtime'
import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const password = 'correct horse'

function logIn(server: TestServer, body: Record<string, unknown>, headers = {}): Promise<TestAnswer> {
  return server.anonymous.request('POST', 'login', { body: { type: 'm.login.password', ...body }, headers })
}

const as = (user: string): { identifier: unknown } => ({ identifier: { type: 'm.id.user', user } })

describe('login', () => {
  let server: TestServer
  let alice: TestClient

  beforeAll(async () => {
    server = await TestServer.start({ realPasswordCost: true })
    alice = await server.register('alice', password)
  })

  afterAll(() => server.stop())

  it('GET /login lists the flows', async () => {
    const flows = [{ type: 'm.login.password' }, { type: 'm.login.token', get_login_token: true }]
    expect(await server.anonymous.get('login')).toEqual({ flows })
    expect(await server.anonymous.get('/_matrix/client/r0/login')).toEqual({ flows })
  })

  it('[C-010] logs in with a new token each time; older ones stay valid', async () => {
    const answers = await Promise.all([
      logIn(server, { ...as('alice'), password }),
      logIn(server, { ...as('alice'), password }),
    ])
    const tokens = answers.map(({ body }) => body['access_token'])
    expect(new Set([...tokens, alice.accessToken]).size).toBe(3)
    expect(answers[0].body).toEqual({
      user_id: '@alice:hearth.test',
      home_server: 'hearth.test',
      access_token: expect.any(String) as string,
      device_id: expect.any(String) as string,
    })
    for (const token of [...tokens, alice.accessToken]) {
      const whoami = await server.anonymous.get('account/whoami', { access_token: token as string })
      expect(whoami['user_id']).toBe('@alice:hearth.test')
    }
  })

  it.each(['alice', 'Alice', '@alice:hearth.test', '@ALICE:hearth.test', '@alice:HEARTH.test'])(
    '[C-011] takes %j for Alice',
    async (user) => {
      expect((await logIn(server, { ...as(user), password })).body['user_id']).toBe('@alice:hearth.test')
      expect((await logIn(server, { user, password })).body['user_id']).toBe('@alice:hearth.test')
    },
  )

  it('a device that logs in again keeps its id and loses its old token', async () => {
    const first = await logIn(server, { ...as('alice'), password, device_id: 'LAPTOP' })
    const second = await logIn(server, { ...as('alice'), password, device_id: 'LAPTOP' })
    expect([first.body['device_id'], second.body['device_id']]).toEqual(['LAPTOP', 'LAPTOP'])
    const whoami = (answer: TestAnswer): Promise<TestAnswer> =>
      server.anonymous.request('GET', 'account/whoami', {
        query: { access_token: answer.body['access_token'] as string },
      })
    expect((await whoami(first)).body['errcode']).toBe('M_UNKNOWN_TOKEN')
    expect((await whoami(second)).body['device_id']).toBe('LAPTOP')
  })

  it('[C-016] a wrong password and an unknown user get the same answer', async () => {
    const answers = [
      await logIn(server, { ...as('alice'), password: 'wrong' }),
      await logIn(server, { ...as('nobody'), password }),
      await logIn(server, { ...as('@alice:elsewhere.test'), password }),
      await logIn(server, { ...as(''), password }),
      await logIn(server, { ...as('x'.repeat(100_000)), password }),
    ]
    for (const { status, text } of answers) {
      expect([status, text]).toEqual([403, answers[0]!.text])
      expect(text).toContain('M_FORBIDDEN')
    }
  })

  it('[SEC-44] refuses a long password without hashing it', async () => {
    for (const length of [513, 900_000]) {
      const timeOf = async () => {
        const before = performance.now()
        const { status } = await logIn(server, { ...as('alice'), password: 'x'.repeat(length) })
        expect([400, 413]).toContain(status)
        return performance.now() - before
      }
      // The fastest: others use the machine as well.
      await expect.poll(timeOf).toBeLessThan(50)
    }
  })

  it('[SEC-45] composed and decomposed characters are the same password; a longer one is another', async () => {
    await server.register('edith', 'caf\u00e9')
    expect((await logIn(server, { ...as('edith'), password: 'cafe\u0301' })).status).toBe(200)
    await server.register('long', `${'x'.repeat(72)}a`)
    expect((await logIn(server, { ...as('long'), password: `${'x'.repeat(72)}b` })).status).toBe(403)
  })

  it.each<[Record<string, unknown>, string]>([
    [{ ...as('alice'), password: { $ne: null } }, 'M_BAD_JSON'],
    [{ ...as('alice'), password: null }, 'M_BAD_JSON'],
    [{ ...as('alice'), password: [] }, 'M_BAD_JSON'],
    [{ identifier: [], password }, 'M_BAD_JSON'],
    [{ identifier: { type: 'm.id.user', user: 5 }, password }, 'M_BAD_JSON'],
    [{ type: 1, ...as('alice'), password }, 'M_BAD_JSON'],
    [{ ...as('alice') }, 'M_MISSING_PARAM'],
    [{ identifier: { type: 'm.id.user' }, password }, 'M_MISSING_PARAM'],
    [{ password }, 'M_MISSING_PARAM'],
    [{ identifier: { user: 'alice' }, password }, 'M_MISSING_PARAM'],
    [{ identifier: { type: 'm.id.phone', country: 'GB', phone: '1' }, password }, 'M_INVALID_PARAM'],
    [{ type: 'm.login.made_up' }, 'M_UNKNOWN'],
    [{ ...as('alice'), password, device_id: 'x'.repeat(2048) }, 'M_INVALID_PARAM'],
    [{ ...as('alice'), password, device_id: 7 }, 'M_BAD_JSON'],
  ])('[SEC-46] [SEC-16] answers %j with 400', async (body, errcode) => {
    const answer = await logIn(server, body)
    expect([answer.status, answer.body['errcode']]).toEqual([400, errcode])
    expect(answer.body).not.toHaveProperty('access_token')
  })

  it('[S-01] an empty password and another user’s token let nobody in', async () => {
    expect((await logIn(server, { ...as('alice'), password: '' })).status).toBe(403)
    expect((await logIn(server, { ...as('alice'), password: alice.accessToken })).status).toBe(403)
  })

  it('a deactivated account is told so, by the right password only, and its tokens end', async () => {
    const leaver = await server.register('leaver', password)
    const userNid = (await server.store.accounts.findByLocalpart(['leaver']))!.userNid
    await server.store.accounts.deactivate(userNid, 1)
    const right = await logIn(server, { ...as('leaver'), password })
    expect([right.status, right.body['errcode']]).toEqual([403, 'M_USER_DEACTIVATED'])
    const wrong = await logIn(server, { ...as('leaver'), password: 'wrong' })
    expect([wrong.status, wrong.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    await expect.poll(async () => (await leaver.request('GET', 'account/whoami')).status, { timeout: 30_000 }).toBe(401)
  })

  it('a password whose hash was cheaper is hashed anew when it is next used', async () => {
    await server.register('oldhash', password)
    // Of the same password, with 1 MiB and one pass.
    const cheap = '$argon2id$v=19$m=1024,t=1,p=1$6lVh9+MR+CtfF/rTKJMThg$gD+7NVvlExKZFrFrgM/x0kpLkTxNDP4PPY4hmnWihW8'
    await server.store.database.execute(null, `update accounts set password_hash = $1 where localpart = 'oldhash'`, [
      cheap,
    ])
    await server.anonymous.logIn('oldhash', password)
    const renewed = (await server.store.accounts.findByLocalpart(['oldhash']))!.passwordHash
    expect(renewed).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    await server.anonymous.logIn('oldhash', password)
  })

  it('time does not tell whether an account exists', async () => {
    const timeOf = async (user: string): Promise<number> => {
      const before = performance.now()
      await logIn(server, { ...as(user), password: 'wrong' })
      return performance.now() - before
    }
    const fastest = { alice: Infinity, nobody: Infinity }
    const ratio = async (): Promise<number> => {
      for (const user of ['alice', 'nobody'] as const) fastest[user] = Math.min(fastest[user], await timeOf(user))
      return fastest.nobody / fastest.alice
    }
    for (let i = 0; i < 10; i++) await ratio()
    // The fastest of many, until what else the machine does is not in them: they would never come near each other otherwise.
    await expect.poll(async () => Math.abs(Math.log2(await ratio()))).toBeLessThan(1)
  })

  it('[SEC-34] devices have a bound: those that were not seen for longest are logged out', async () => {
    const busy = await server.register('busy', password)
    const userNid = (await server.store.accounts.findByLocalpart(['busy']))!.userNid
    await server.store.database.execute(
      null,
      `insert into devices (user_nid, device_id, created_ts, last_seen_ts, last_seen_ip)
       select $1, 'bot' || i, i, i, '' from generate_series(1, 1000) i`,
      [userNid],
    )
    await server.anonymous.logIn('busy', password)
    const rows = await server.store.database.query<{ n: number; oldest: number }>(
      null,
      'select count(*) as n, min(last_seen_ts) as oldest from devices where user_nid = $1',
      [userNid],
    )
    expect(rows[0]).toEqual({ n: 1000, oldest: 3 })
    expect((await busy.get('account/whoami'))['user_id']).toBe(busy.userId)
  })
})

describe('[SEC-41] wrong passwords', () => {
  const settings = { HEARTH_RATE_LIMITS_ENABLED: 'true', HEARTH_TRUSTED_PROXIES: 'loopback' }
  let server: TestServer
  const from = (i: number): Record<string, string> => ({ 'x-forwarded-for': `203.0.113.${i}` })

  beforeAll(async () => {
    server = await TestServer.start({ settings, clock: new FakeClock() })
    for (const name of ['alice', 'bob', 'carol', 'dora']) await server.register(name, password)
  })

  afterAll(() => server.stop())

  it('of one account are limited, wherever they come from, and then the right one as well', async () => {
    for (let i = 0; i < 5; i++) {
      expect((await logIn(server, { ...as('alice'), password: 'wrong' }, from(i))).status).toBe(403)
    }
    for (const user of ['alice', 'ALICE', '@alice:hearth.test']) {
      const { status, body, headers } = await logIn(server, { ...as(user), password }, from(6))
      expect([status, body['errcode']]).toEqual([429, 'M_LIMIT_EXCEEDED'])
      expect(body['retry_after_ms']).toBeGreaterThan(0)
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect((await logIn(server, { ...as('bob'), password }, from(6))).status).toBe(200)
  })

  it('from one address are limited, whatever accounts they try', async () => {
    for (let i = 0; i < 5; i++) {
      expect((await logIn(server, { ...as(`guess${i}`), password: 'wrong' }, from(50))).status).toBe(403)
    }
    expect((await logIn(server, { ...as('carol'), password }, from(50))).status).toBe(429)
    expect((await logIn(server, { ...as('carol'), password }, from(51))).status).toBe(200)
  })

  it('are counted when they come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => logIn(server, { ...as('bob'), password: 'wrong' }, from(100 + i))),
    )
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(15)
  })

  it('are counted by the founding API too', async () => {
    const body = { type: 'm.login.password', user: 'alice', password }
    const { status } = await server.anonymous.request('POST', '/_matrix/client/api/v1/login', {
      body,
      headers: from(7),
    })
    expect(status).toBe(429)
  })

  it('right ones do not count', async () => {
    for (let i = 0; i < 15; i++) expect((await logIn(server, { ...as('dora'), password }, from(200))).status).toBe(200)
  })
})

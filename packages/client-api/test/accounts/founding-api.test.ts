import { TestServer, type TestAnswer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const v1 = '/_matrix/client/api/v1'
const namespaced = /^[a-z]+(\.[a-z_0-9]+)+$/

interface ListedFlow {
  readonly type: string
  readonly stages?: readonly string[]
}

async function flowsOf(server: TestServer, path: string): Promise<ListedFlow[]> {
  return (await server.anonymous.get(v1 + path))['flows'] as unknown as ListedFlow[]
}

function submit(server: TestServer, path: string, body: unknown): Promise<TestAnswer> {
  return server.anonymous.request('POST', v1 + path, { body })
}

function expectWellFormed(flows: readonly ListedFlow[]): void {
  for (const { type, stages } of flows) {
    for (const each of [type, ...(stages ?? [])]) expect(each).toMatch(namespaced)
    if (stages !== undefined) expect(stages[0]).toBe(type)
  }
}

describe('the founding API on an open server', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await TestServer.start()
  })

  afterAll(() => server.stop())

  it('[C-005] [C-006] [C-008] [H-01] GET /login lists the flows', async () => {
    const flows = await flowsOf(server, '/login')
    expect(flows).toContainEqual({ type: 'm.login.password' })
    expectWellFormed(flows)
  })

  it('[C-007] [C-034] [H-01] GET /register lists the flows', async () => {
    const flows = await flowsOf(server, '/register')
    expect(flows).toContainEqual({ type: 'm.login.password' })
    expectWellFormed(flows)
  })

  it('[C-001] [C-010] [H-03] [S-104] registers, and the token is good', async () => {
    const { status, body } = await submit(server, '/register', { type: 'm.login.password', user: 'u', password: 'p' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ user_id: '@u:hearth.test', home_server: 'hearth.test' })
    const whoami = await server.anonymous.get('account/whoami', { access_token: body['access_token'] as string })
    expect(whoami['user_id']).toBe('@u:hearth.test')
  })

  it('[C-004] [C-010] [C-011] [H-02] logs in by localpart or user id, in any case', async () => {
    const { body: registered } = await submit(server, '/register', {
      type: 'm.login.password',
      user: 'login',
      password: 'p',
    })
    const tokens = new Set([registered['access_token']])
    for (const user of ['login', 'LOGIN', '@login:hearth.test', '@Login:hearth.test']) {
      const { status, body } = await submit(server, '/login', { type: 'm.login.password', user, password: 'p' })
      expect([status, body['user_id'], body['home_server']]).toEqual([200, '@login:hearth.test', 'hearth.test'])
      expect(body).not.toHaveProperty('next')
      tokens.add(body['access_token'])
    }
    expect(tokens.size).toBe(5)
    for (const token of tokens) await server.anonymous.get('account/whoami', { access_token: token as string })
  })

  it('[X-36] takes a device for the login, and makes one up for who names none', async () => {
    const account = { type: 'm.login.password', user: 'devices', password: 'p' }
    const { body: registered } = await submit(server, '/register', account)
    const { body: founding } = await submit(server, '/login', account)
    const today = await server.anonymous.post('login', account)
    const ids = [registered, founding, today].map(({ device_id: id }) => id)
    for (const id of ids) expect(id).toMatch(/./)
    expect(new Set(ids).size).toBe(3)
    for (const named of [
      (await submit(server, '/login', { ...account, device_id: 'LAPTOP' })).body,
      await server.anonymous.post('login', { ...account, device_id: 'LAPTOP' }),
    ]) {
      expect(named['device_id']).toBe('LAPTOP')
    }
    const phone = await submit(server, '/register', { ...account, user: 'devices2', device_id: 'PHONE' })
    expect(phone.body['device_id']).toBe('PHONE')
    for (const path of ['/login', '/register']) {
      for (const id of [5, 'a\0b', 'x'.repeat(1_000)]) {
        expect((await submit(server, path, { ...account, user: 'devices3', device_id: id })).status).toBe(400)
      }
    }
  })

  it('[C-016] [S-108] a wrong password and an unknown user get the same M_FORBIDDEN', async () => {
    const wrong = await submit(server, '/login', { type: 'm.login.password', user: 'u', password: 'wrong' })
    const nobody = await submit(server, '/login', { type: 'm.login.password', user: 'nobody', password: 'p' })
    expect([wrong.status, wrong.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    expect([nobody.status, nobody.text]).toEqual([wrong.status, wrong.text])
  })

  it('[C-009] missing keys are 400 "Missing JSON keys", and unknown types 400 "Bad login type"', async () => {
    for (const path of ['/login', '/register']) {
      for (const body of [{}, { type: 'm.login.password' }, { type: 'm.login.password', user: 'u' }]) {
        const answer = await submit(server, path, body)
        expect([answer.status, answer.body]).toEqual([400, { errcode: 'M_BAD_JSON', error: 'Missing JSON keys' }])
      }
      const unknown = await submit(server, path, { type: 'm.login.made_up', user: 'u', password: 'p' })
      expect([unknown.status, unknown.body]).toEqual([400, { errcode: 'M_UNKNOWN', error: 'Bad login type' }])
      for (const body of [
        { type: 1 },
        { type: null },
        { type: 'm.login.password', user: 'u', password: ['p'] },
        { type: 'm.login.password', user: {}, password: 'p' },
        { type: 'm.login.password', user: 'u', password: 'p', session: 5 },
      ]) {
        const answer = await submit(server, path, body)
        expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
      }
    }
  })

  it('[C-034] a taken name is 400 M_USER_IN_USE, and one that cannot be M_INVALID_USERNAME', async () => {
    const register = (user: string): Promise<TestAnswer> =>
      submit(server, '/register', { type: 'm.login.password', user, password: 'p' })
    await register('taken')
    const taken = await register('Taken')
    expect([taken.status, taken.body['errcode']]).toEqual([400, 'M_USER_IN_USE'])
    const invalid = await register('no good')
    expect([invalid.status, invalid.body['errcode']]).toEqual([400, 'M_INVALID_USERNAME'])
  })

  it('[S-105] the server makes a name up for who wants none', async () => {
    const { body } = await submit(server, '/register', { type: 'm.login.password', password: 'p' })
    expect(body['user_id']).toMatch(/^@[a-z0-9]+:hearth\.test$/)
  })

  it('[C-013] a session that does not exist is 400', async () => {
    for (const path of ['/login', '/register']) {
      const stage = { type: 'm.login.password', session: 'random', user: 'sessionless', password: 'p' }
      expect((await submit(server, path, stage)).status).toBe(400)
    }
  })

  it('[SEC-56] one of 20 parallel registrations of a name succeeds', async () => {
    const stage = { type: 'm.login.password', user: 'race', password: 'p' }
    const answers = await Promise.all(Array.from({ length: 20 }, () => submit(server, '/register', stage)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })
})

describe('the founding API on a server with registration tokens', () => {
  const TYPE = 'm.login.registration_token'
  let server: TestServer

  beforeAll(async () => {
    server = await TestServer.start({ settings: { HEARTH_REGISTRATION_MODE: 'token' } })
    await server.store.registrationTokens.insert({
      token: 'letmein',
      usesAllowed: null,
      expiresTs: null,
      grantsAdmin: false,
      now: 1,
    })
  })

  afterAll(() => server.stop())

  const begin = async (): Promise<string> => {
    const { body } = await submit(server, '/register', { type: TYPE, token: 'letmein' })
    return body['session'] as string
  }
  const account = (user: string, session?: string): Record<string, unknown> => ({
    type: 'm.login.password',
    user,
    password: 'p',
    ...(session !== undefined && { session }),
  })

  it('[C-031] [S-112] lists the stages of a flow in order', async () => {
    const flows = await flowsOf(server, '/register')
    expect(flows).toEqual([{ type: TYPE, stages: [TYPE, 'm.login.password'] }])
    expectWellFormed(flows)
  })

  it('[C-012] [C-013] [C-014] [C-030] [S-106] [S-107] leads through them with a session and the next type', async () => {
    const first = await submit(server, '/register', { type: TYPE, token: 'letmein' })
    expect([first.status, first.body]).toEqual([
      200,
      { next: 'm.login.password', session: expect.stringMatching(/^[\w-]{32}$/) as string },
    ])
    const session = first.body['session'] as string
    const last = await submit(server, '/register', account('alice', session))
    expect([last.status, last.body['user_id']]).toEqual([200, '@alice:hearth.test'])
    expect(last.body).not.toHaveProperty('next')
    expect((await submit(server, '/register', account('alice2', session))).status).toBe(400)
  })

  it('[C-013] the second stage needs the session of the first', async () => {
    const without = await submit(server, '/register', account('bob'))
    expect([without.status, without.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
    expect((await submit(server, '/register', account('bob', 'random'))).status).toBe(400)
    expect((await submit(server, '/register', account('bob', await begin()))).status).toBe(200)
  })

  it('a stage that is not passed says why, and may be tried again', async () => {
    const wrong = await submit(server, '/register', { type: TYPE, token: 'wrong' })
    expect([wrong.status, wrong.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    expect(wrong.body).not.toHaveProperty('session')
    const session = await begin()
    const invalid = await submit(server, '/register', account('no good', session))
    expect([invalid.status, invalid.body['errcode']]).toEqual([400, 'M_INVALID_USERNAME'])
    expect((await submit(server, '/register', account('good', session))).status).toBe(200)
  })

  it('a session serves what it was opened for, and once', async () => {
    const session = await begin()
    expect((await submit(server, '/login', { ...account('alice'), session })).status).toBe(400)
    const auth = { type: 'm.login.dummy', session }
    const modern = await server.anonymous.request('POST', 'register', { body: { username: 'x', password: 'p', auth } })
    expect(modern.status).toBe(401)
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => submit(server, '/register', account(`once${i}`, session))),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })
})

import { FakeClock } from '@hearth/runtime'
import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { passwordAuth } from './password-auth.ts'

const clock = new FakeClock()
const path = '/_matrix/client/v1/login/get_token'
const password = 'pw'

describe('login tokens', () => {
  let server: TestServer
  let alice: TestClient
  let names = 0

  beforeAll(async () => {
    server = await TestServer.start({ clock })
  })

  beforeEach(async () => {
    alice = await server.register(`alice${++names}`, password)
  })

  afterAll(() => server.stop())

  async function token(): Promise<string> {
    const body = await alice.post(path, { auth: passwordAuth(alice.userId, password) })
    expect(body).toEqual({ login_token: expect.any(String) as string, expires_in_ms: 120_000 })
    return body['login_token'] as string
  }

  const logIn = (value: unknown, more: object = {}): Promise<TestAnswer> =>
    server.anonymous.request('POST', 'login', { body: { type: 'm.login.token', token: value, ...more } })

  it('are announced', async () => {
    const { flows } = await server.anonymous.get('login')
    expect(flows).toContainEqual({ type: 'm.login.token', get_login_token: true })
    expect(await alice.get('capabilities')).toMatchObject({ capabilities: { 'm.get_login_token': { enabled: true } } })
  })

  it('[C-156] are one of two flows, each of which is complete alone', async () => {
    const { flows } = await server.anonymous.get('login')
    expect((flows as { type: string }[]).map(({ type }) => type)).toEqual(['m.login.password', 'm.login.token'])
    const byPassword = await server.anonymous.post('login', { type: 'm.login.password', user: alice.userId, password })
    const byToken = await logIn(await token())
    expect([byPassword['user_id'], byToken.body['user_id']]).toEqual([alice.userId, alice.userId])
  })

  it('log another device in', async () => {
    const { status, body } = await logIn(await token(), { device_id: 'PHONE', refresh_token: true })
    expect(status).toBe(200)
    expect(body).toMatchObject({ user_id: alice.userId, device_id: 'PHONE', expires_in_ms: 900_000 })
    expect((await alice.request('GET', 'account/whoami')).status).toBe(200)
  })

  it('cost the password, each of them', async () => {
    const asked = await alice.request('POST', path)
    expect(asked.status).toBe(401)
    expect(asked.body).toMatchObject({ flows: [{ stages: ['m.login.password'] }] })
    expect((await alice.request('POST', path, { body: { auth: { type: 'm.login.dummy' } } })).status).toBe(401)
    const auth = passwordAuth(alice.userId, password, asked.body['session'])
    expect((await alice.request('POST', path, { body: { auth } })).status).toBe(200)
    const again = await alice.request('POST', path, { body: { auth } })
    expect([again.status, again.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
  })

  it('[SEC-48] serve once, also when many come at once', async () => {
    const value = await token()
    const answers = await Promise.all(Array.from({ length: 20 }, () => logIn(value)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ body }) => body['errcode'] === 'M_FORBIDDEN')).toHaveLength(19)
  })

  it('[SEC-48] are over after two minutes', async () => {
    const value = await token()
    await clock.advance(120_000)
    expect((await logIn(value)).body).toMatchObject({ errcode: 'M_FORBIDDEN' })
  })

  it('[S-52] end with the password and with the account', async () => {
    const first = await token()
    await alice.post('account/password', { new_password: 'new', auth: passwordAuth(alice.userId, password) })
    expect((await logIn(first)).status).toBe(403)
    const { login_token } = await alice.post(path, { auth: passwordAuth(alice.userId, 'new') })
    await alice.post('account/deactivate', { auth: passwordAuth(alice.userId, 'new') })
    expect((await logIn(login_token)).status).toBe(403)
  })

  it('are no other tokens, and nonsense is none', async () => {
    for (const value of [alice.accessToken, 'x', '', 'hearthl_', 'x'.repeat(5_000)]) {
      expect((await logIn(value)).body).toMatchObject({ errcode: 'M_FORBIDDEN' })
    }
    expect((await logIn(undefined)).body).toMatchObject({ errcode: 'M_MISSING_PARAM' })
    const value = await token()
    expect((await logIn(value, { device_id: 'x'.repeat(300) })).body).toMatchObject({ errcode: 'M_INVALID_PARAM' })
    // What was refused before it was used is still good.
    expect((await logIn(value)).status).toBe(200)
  })
})

describe('application services', () => {
  it('are told that none is known', async () => {
    await using server = await TestServer.start()
    for (const path of ['register', 'login']) {
      const body = { type: 'm.login.application_service', username: 'bridge', user: 'bridge' }
      const headers = { authorization: 'Bearer made up' }
      const answer = await server.anonymous.request('POST', path, { body, headers })
      expect([answer.status, answer.body['errcode']]).toEqual([401, 'M_UNKNOWN_TOKEN'])
    }
  })
})

import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { passwordAuth } from './password-auth.ts'

describe('POST /account/password', () => {
  let server: TestServer
  let alice: TestClient
  let names = 0

  beforeAll(async () => {
    server = await TestServer.start()
  })

  beforeEach(async () => {
    alice = await server.register(`alice${++names}`, 'old')
  })

  afterAll(() => server.stop())

  const change = (body: object): Promise<TestAnswer> => alice.request('POST', 'account/password', { body })
  const whoAmI = async (client: TestClient) => (await client.request('GET', 'account/whoami')).status
  const logIn = async (password: string): Promise<number> => {
    const identifier = { type: 'm.id.user', user: alice.userId }
    const body = { type: 'm.login.password', identifier, password }
    return (await server.anonymous.request('POST', 'login', { body })).status
  }

  it('changes the password and logs the other devices out', async () => {
    const other = await server.anonymous.logIn(alice.userId, 'old')
    expect((await change({ new_password: 'new', auth: passwordAuth(alice.userId, 'old') })).status).toBe(200)
    expect([await whoAmI(alice), await whoAmI(other)]).toEqual([200, 401])
    expect([await logIn('old'), await logIn('new')]).toEqual([403, 200])
  })

  it('keeps the other devices when it is asked to', async () => {
    const other = await server.anonymous.logIn(alice.userId, 'old')
    const auth = passwordAuth(alice.userId, 'old')
    expect((await change({ new_password: 'new', logout_devices: false, auth })).status).toBe(200)
    expect([await whoAmI(alice), await whoAmI(other)]).toEqual([200, 200])
  })

  it('[S-55] asks for the present password, and keeps neither in the clear', async () => {
    const secret = 'a password that is found wherever it is kept'
    const { status, body } = await change({ new_password: secret })
    expect(status).toBe(401)
    expect(body).toMatchObject({ flows: [{ stages: ['m.login.password'] }], completed: [] })
    const rows = await server.store.database.query(null, 'select * from flow_sessions')
    expect(JSON.stringify(rows)).not.toContain(secret)
    expect(await logIn('old')).toBe(200)
    // The session knows what is wanted; no other password can be slipped in.
    const auth = passwordAuth(alice.userId, 'old', body['session'])
    expect((await change({ new_password: 'another', auth })).body).toMatchObject({ errcode: 'M_FORBIDDEN' })
    expect((await change({ auth })).status).toBe(200)
    expect([await logIn('another'), await logIn(secret)]).toEqual([403, 200])
  })

  it('refuses what is no password, and who is not logged in', async () => {
    const auth = passwordAuth(alice.userId, 'old')
    expect((await change({ new_password: '', auth })).body).toMatchObject({ errcode: 'M_WEAK_PASSWORD' })
    expect((await change({ new_password: 'x'.repeat(513), auth })).body).toMatchObject({ errcode: 'M_INVALID_PARAM' })
    expect((await change({ auth })).body).toMatchObject({ errcode: 'M_MISSING_PARAM' })
    expect((await change({ new_password: {}, auth })).body).toMatchObject({ errcode: 'M_BAD_JSON' })
    const wrong = await change({ new_password: 'new', auth: passwordAuth(alice.userId, 'wrong') })
    expect([wrong.status, wrong.body['errcode']]).toEqual([401, 'M_FORBIDDEN'])
    const anonymous = await server.anonymous.request('POST', 'account/password', {
      body: { new_password: 'new', auth },
    })
    expect([anonymous.status, anonymous.body['errcode']]).toEqual([401, 'M_MISSING_TOKEN'])
    expect(await logIn('old')).toBe(200)
  })

  it('is listed among the capabilities', async () => {
    expect(await alice.get('capabilities')).toMatchObject({
      capabilities: { 'm.change_password': { enabled: true }, 'm.3pid_changes': { enabled: false } },
    })
    expect(await alice.get('account/3pid')).toEqual({ threepids: [] })
  })
})

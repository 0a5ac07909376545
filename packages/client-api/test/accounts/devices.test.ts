import type { JsonObject } from '@hearth/protocol'
import { TestServer, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { passwordAuth } from './password-auth.ts'

const password = 'correct horse'

describe('device management', () => {
  let server: TestServer
  let alice: TestClient
  let bob: TestClient
  let names = 0

  beforeAll(async () => {
    server = await TestServer.start()
    bob = await server.register('bob', password)
  })

  beforeEach(async () => {
    alice = await server.register(`alice${++names}`, password)
  })

  afterAll(() => server.stop())

  function logIn(deviceId: string, name?: string): Promise<TestClient> {
    return server.anonymous.logIn(alice.userId, password, { device_id: deviceId, initial_device_display_name: name })
  }

  function remove(deviceId: string, body?: JsonObject): Promise<TestAnswer> {
    return alice.request('DELETE', `devices/${deviceId}`, body && { body })
  }

  const exists = async (deviceId: string): Promise<boolean> =>
    (await alice.request('GET', `devices/${deviceId}`)).status === 200

  it('GET /devices lists all of them, GET /devices/{deviceId} shows one', async () => {
    await logIn('PHONE', 'My phone')
    const { devices } = (await alice.get('devices')) as { devices: JsonObject[] }
    expect(devices.map(({ device_id }) => device_id)).toEqual([alice.deviceId, 'PHONE'])
    expect(await alice.get('devices/PHONE')).toEqual({
      device_id: 'PHONE',
      display_name: 'My phone',
      last_seen_ip: '127.0.0.1',
      last_seen_ts: expect.any(Number) as number,
    })
    expect(devices[1]).toEqual(await alice.get('devices/PHONE'))
    expect(await alice.get(`devices/${alice.deviceId}`)).not.toHaveProperty('display_name')
  })

  it('nobody sees the devices of others', async () => {
    await logIn('PHONE')
    for (const method of ['GET', 'PUT']) {
      const { status, body } = await bob.request(method, 'devices/PHONE', method === 'PUT' ? { body: {} } : {})
      expect([status, body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
    }
  })

  it('PUT /devices/{deviceId} changes the name, and nothing without one', async () => {
    await logIn('PHONE', 'old')
    await alice.put('devices/PHONE', {})
    expect(await alice.get('devices/PHONE')).toMatchObject({ display_name: 'old' })
    await alice.put('devices/PHONE', { display_name: 'new' })
    expect(await alice.get('devices/PHONE')).toMatchObject({ display_name: 'new' })
    for (const display_name of ['x'.repeat(256), 'a\0', 'a\ud800', 5]) {
      const body = JSON.stringify({ display_name })
      expect((await alice.request('PUT', 'devices/PHONE', { body })).status).toBe(400)
    }
    for (const body of [{}, { display_name: 'x' }]) {
      expect((await alice.request('PUT', 'devices/NONE', { body })).body).toMatchObject({ errcode: 'M_NOT_FOUND' })
    }
  })

  it('DELETE /devices/{deviceId} asks for the password, and ends the session', async () => {
    const phone = await logIn('PHONE')
    for (const body of [undefined, {}]) {
      const asked = await remove('PHONE', body)
      expect(asked.status).toBe(401)
      expect(asked.body).toEqual({
        flows: [{ stages: ['m.login.password'] }],
        params: {},
        session: expect.any(String) as string,
        completed: [],
      })
    }
    const wrong = await remove('PHONE', { auth: passwordAuth(alice.userId, 'wrong') })
    expect([wrong.status, wrong.body['errcode']]).toEqual([401, 'M_FORBIDDEN'])
    expect(wrong.body).toMatchObject({ flows: [{ stages: ['m.login.password'] }] })
    expect(await exists('PHONE')).toBe(true)

    const { session } = (await remove('PHONE')).body
    expect((await remove('PHONE', { auth: passwordAuth(alice.userId, password, session) })).status).toBe(200)
    expect(await exists('PHONE')).toBe(false)
    expect((await phone.request('GET', 'account/whoami')).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    // The answer may have been lost.
    expect((await remove('PHONE', { auth: passwordAuth(alice.userId, password, session) })).status).toBe(200)
  })

  it('[S-61] takes a localpart and the former `user` for the identifier', async () => {
    await logIn('PHONE')
    const [localpart] = alice.userId.slice(1).split(':')
    expect((await remove('PHONE', { auth: { type: 'm.login.password', user: localpart!, password } })).status).toBe(200)
    const identifier = { type: 'm.id.thirdparty', medium: 'email', address: 'alice@hearth.test' }
    const unknown = await remove('PHONE', { auth: { type: 'm.login.password', identifier, password } })
    expect([unknown.status, unknown.body['errcode']]).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('[SEC-52] refuses the credentials of another user', async () => {
    await logIn('PHONE')
    const { status, body } = await remove('PHONE', { auth: passwordAuth(bob.userId, password) })
    expect([status, body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    expect(await exists('PHONE')).toBe(true)
  })

  it('[SEC-53] is not let through by another stage, nor by none', async () => {
    await logIn('PHONE')
    for (const auth of [
      { type: 'm.login.dummy' },
      { type: 'm.login.registration_token', token: 'x' },
      { type: 'com.example.made_up' },
      {},
      { session: 'made up' },
      { type: 'm.login.password', identifier: { type: 'm.id.user', user: alice.userId }, password: '' },
    ]) {
      const { status, body } = await remove('PHONE', { auth })
      expect(status).toBe(401)
      expect(body).toMatchObject({ flows: [{ stages: ['m.login.password'] }] })
    }
    expect(await exists('PHONE')).toBe(true)
  })

  it('[SEC-54] does what the session was opened for, and nothing else', async () => {
    await logIn('ONE')
    await logIn('TWO')
    const { session } = (await remove('ONE', {})).body
    const auth = passwordAuth(alice.userId, password, session)
    const other = await remove('TWO', { auth })
    expect([other.status, other.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    expect(await exists('TWO')).toBe(true)
    // For another endpoint it is no session at all.
    const several = await alice.request('POST', 'delete_devices', { body: { devices: ['TWO'], auth } })
    expect(several.status).toBe(401)
    expect(await exists('TWO')).toBe(true)
    expect((await remove('ONE', { auth })).status).toBe(200)
    expect((await remove('TWO', { auth })).status).toBe(403)
  })

  it('a session is its user’s alone', async () => {
    await bob.request('GET', 'devices')
    const { session } = (await bob.request('DELETE', 'devices/PHONE')).body
    await logIn('PHONE')
    expect((await remove('PHONE', { auth: { session: session as string } })).status).toBe(401)
    expect(await exists('PHONE')).toBe(true)
  })

  it('POST /delete_devices ends several sessions with one password', async () => {
    await logIn('ONE')
    await logIn('TWO')
    await logIn('THREE')
    const asked = await alice.request('POST', 'delete_devices', { body: { devices: ['ONE', 'TWO', 'NONE'] } })
    expect(asked.status).toBe(401)
    const auth = passwordAuth(alice.userId, password, asked.body['session'])
    const changed = await alice.request('POST', 'delete_devices', { body: { devices: ['THREE'], auth } })
    expect([changed.status, changed.body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    // Later requests may leave out what the session knows.
    await alice.post('delete_devices', { auth })
    expect(await Promise.all(['ONE', 'TWO', 'THREE'].map(exists))).toEqual([false, false, true])
    for (const body of [{ devices: ['x'.repeat(300)] }, { devices: [''] }, { devices: ['a\0'] }, { devices: 'ONE' }]) {
      expect((await alice.request('POST', 'delete_devices', { body })).status).toBe(400)
    }
    const none = await alice.request('POST', 'delete_devices', { body: { auth: passwordAuth(alice.userId, password) } })
    expect([none.status, none.body['errcode']]).toEqual([400, 'M_MISSING_PARAM'])
  })

  it('[SEC-41] counts wrong passwords here as well', async () => {
    await using limited = await TestServer.start({ settings: { HEARTH_RATE_LIMITS_ENABLED: 'true' } })
    const carol = await limited.register('carol', password)
    const attempt = (word: string) =>
      carol.request('DELETE', 'devices/PHONE', { body: { auth: passwordAuth(carol.userId, word) } })
    const statuses: number[] = []
    for (let i = 0; i < 6; i++) statuses.push((await attempt('wrong')).status)
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429])
    expect((await attempt(password)).status).toBe(429)
  })

  it('[SEC-34] a user has a bounded number of devices', async () => {
    const nid = await server.store.users.intern(alice.userId as never)
    await server.store.database.execute(
      null,
      `insert into devices (user_nid, device_id, created_ts, last_seen_ts, last_seen_ip)
       select $1, 'D' || n, 0, n, '' from generate_series(1, 1000) n`,
      [nid],
    )
    await logIn('ONE MORE')
    const { devices } = (await alice.get('devices')) as { devices: JsonObject[] }
    expect(devices).toHaveLength(1_000)
    expect(devices.map(({ device_id }) => device_id)).toEqual(expect.arrayContaining([alice.deviceId, 'ONE MORE']))
  })
})

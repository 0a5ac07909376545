import { createHmac } from 'node:crypto'
import { FakeClock } from '@hearth/runtime'
import { TestServer, type TestAnswer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const path = '/_synapse/admin/v1/register'
const secret = 'shared secret of tests'
const clock = new FakeClock()

describe('registration with the shared secret', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await TestServer.start({ clock, settings: { HEARTH_REGISTRATION_MODE: 'closed' } })
  })

  afterAll(() => server.stop())

  const nonce = async (): Promise<string> => (await server.anonymous.get(path))['nonce'] as string

  function macOf(parts: readonly string[], key = secret): string {
    return createHmac('sha1', key).update(parts.join('\0')).digest('hex')
  }

  async function register(
    username: string,
    options: { admin?: boolean; userType?: string; nonce?: string; mac?: (right: string) => unknown } = {},
  ): Promise<TestAnswer> {
    const { admin = false, userType, mac = (right) => right } = options
    const fresh = options.nonce ?? (await nonce())
    const parts = [fresh, username, 'pw', admin ? 'admin' : 'notadmin', ...(userType === undefined ? [] : [userType])]
    const body = { nonce: fresh, username, password: 'pw', admin, user_type: userType, mac: mac(macOf(parts)) }
    return server.anonymous.request('POST', path, { body })
  }

  it('creates an account, also where registration is closed', async () => {
    const { status, body } = await register('alice')
    expect(status).toBe(200)
    expect(body).toMatchObject({ user_id: '@alice:hearth.test', home_server: 'hearth.test' })
    const whoami = await server.anonymous.get('account/whoami', { access_token: body['access_token'] as string })
    expect(whoami).toMatchObject({ user_id: '@alice:hearth.test', device_id: body['device_id'] })
    await server.anonymous.logIn('alice', 'pw')
  })

  it('creates administrators and others', async () => {
    await register('root', { admin: true })
    await register('user')
    expect((await server.store.accounts.findByLocalpart(['root']))?.isAdmin).toBe(true)
    expect((await server.store.accounts.findByLocalpart(['user']))?.isAdmin).toBe(false)
  })

  it('[SEC-214] puts capitals into lower case; refuses names that cannot be or are taken', async () => {
    expect((await register('BigA')).body['user_id']).toBe('@biga:hearth.test')
    const invalid = await register('us,er')
    expect([invalid.status, invalid.body['errcode']]).toEqual([400, 'M_INVALID_USERNAME'])
    expect((await register('nul\0')).status).toBe(400)
    const taken = await register('biga')
    expect([taken.status, taken.body['errcode']]).toEqual([400, 'M_USER_IN_USE'])
  })

  it('takes the MAC over the user type as well, and in capitals', async () => {
    expect((await register('bot', { userType: 'bot' })).status).toBe(200)
    expect((await register('capitals', { mac: (right) => right.toUpperCase() })).status).toBe(200)
  })

  it('[SEC-65] [SEC-214] refuses any other MAC, whatever its length', async () => {
    for (const mac of ['', 'a', '0'.repeat(40), '0'.repeat(10_000), 'ü'.repeat(20)]) {
      const { status, body } = await register('mallory', { mac: () => mac })
      expect([status, body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    }
    const shorter = await register('mallory', { mac: (right) => right.slice(1) })
    const longer = await register('mallory', { mac: (right) => `${right}0` })
    expect([shorter.status, longer.status]).toEqual([403, 403])
    expect((await register('mallory', { mac: () => 5 })).body['errcode']).toBe('M_BAD_JSON')
    const fresh = await nonce()
    const otherKey = macOf([fresh, 'mallory', 'pw', 'notadmin'], 'another secret')
    expect((await register('mallory', { nonce: fresh, mac: () => otherKey })).status).toBe(403)
  })

  it('the MAC of an ordinary account makes no administrator', async () => {
    const fresh = await nonce()
    const ordinary = macOf([fresh, 'climber', 'pw', 'notadmin'])
    expect((await register('climber', { admin: true, nonce: fresh, mac: () => ordinary })).status).toBe(403)
  })

  it('[SEC-214] a nonce is good once, for a minute, and must be ours', async () => {
    const used = await nonce()
    expect((await register('once', { nonce: used })).status).toBe(200)
    const wrong = await nonce()
    await register('guess', { nonce: wrong, mac: () => 'x' })
    const expired = await nonce()
    await clock.advance(60_000)
    for (const bad of [used, wrong, expired, 'made up', '']) {
      const { status, body } = await register('twice', { nonce: bad })
      expect([status, body['errcode']]).toEqual([400, 'M_UNKNOWN'])
    }
  })

  it('is off without a shared secret', async () => {
    await using other = await TestServer.start({ settings: { HEARTH_REGISTRATION_SHARED_SECRET: '' } })
    const answer = await other.anonymous.request('GET', path)
    expect([answer.status, answer.body]).toEqual([
      400,
      { errcode: 'M_UNKNOWN', error: 'Shared secret registration is not enabled' },
    ])
  })
})

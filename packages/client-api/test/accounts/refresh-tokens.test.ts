import type { JsonObject } from '@hearth/protocol'
import { FakeClock } from '@hearth/runtime'
import { TestClient, TestServer, type TestAnswer } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { passwordAuth } from './password-auth.ts'

const clock = new FakeClock()
const password = 'pw'

interface Tokens {
  readonly access: string
  readonly refresh: string
}

describe('refresh tokens', () => {
  let server: TestServer
  let tokens: Tokens

  beforeAll(async () => {
    server = await TestServer.start({ clock })
    await server.register('alice', password)
  })

  beforeEach(async () => {
    const body = await server.anonymous.post('login', { ...passwordAuth('alice', password), refresh_token: true })
    expect(body['expires_in_ms']).toBe(15 * 60_000)
    tokens = tokensOf(body)
  })

  afterAll(() => server.stop())

  function tokensOf({ access_token: access, refresh_token: refresh }: JsonObject): Tokens {
    return { access: access as string, refresh: refresh as string }
  }

  const exchange = (refresh: string): Promise<TestAnswer> =>
    server.anonymous.request('POST', 'refresh', { body: { refresh_token: refresh } })

  async function next(refresh: string): Promise<Tokens> {
    const { status, body } = await exchange(refresh)
    expect(status).toBe(200)
    expect(body['expires_in_ms']).toBe(15 * 60_000)
    return tokensOf(body)
  }

  async function whoAmI(access: string): Promise<unknown[]> {
    const credentials = { userId: '', deviceId: '', accessToken: access }
    const { status, body } = await new TestClient({ baseUrl: () => server.url, credentials }).request(
      'GET',
      'account/whoami',
    )
    return status === 200 ? [200] : [status, body['errcode'], body['soft_logout']]
  }

  const ended = [401, 'M_UNKNOWN_TOKEN', undefined]

  it('are given to clients that ask for them, and access tokens expire only then', async () => {
    const plain = await server.anonymous.post('login', passwordAuth('alice', password))
    expect(plain).not.toHaveProperty('refresh_token')
    expect(plain).not.toHaveProperty('expires_in_ms')
    const registered = await server.anonymous.post('register', {
      password,
      refresh_token: true,
      auth: { type: 'm.login.dummy' },
    })
    expect(registered).toMatchObject({ refresh_token: expect.any(String) as string, expires_in_ms: 15 * 60_000 })
    await clock.advance(15 * 60_000)
    expect(await whoAmI(plain['access_token'] as string)).toEqual([200])
    expect(await whoAmI(tokens.access)).toEqual([401, 'M_UNKNOWN_TOKEN', true])
  })

  it('renew an access token that has expired', async () => {
    expect(await whoAmI(tokens.access)).toEqual([200])
    await clock.advance(20 * 60_000)
    expect(await whoAmI(tokens.access)).toEqual([401, 'M_UNKNOWN_TOKEN', true])
    const { access } = await next(tokens.refresh)
    expect(await whoAmI(access)).toEqual([200])
  })

  it('[SEC-49] end when the new access token is used', async () => {
    const renewed = await next(tokens.refresh)
    expect(await whoAmI(tokens.access)).toEqual([200])
    expect(await whoAmI(renewed.access)).toEqual([200])
    expect(await whoAmI(tokens.access)).toEqual(ended)
    expect((await exchange(tokens.refresh)).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    expect(await whoAmI((await next(renewed.refresh)).access)).toEqual([200])
  })

  it('[SEC-49] end when the new refresh token is used', async () => {
    const second = await next(tokens.refresh)
    const third = await next(second.refresh)
    expect(await whoAmI(tokens.access)).toEqual(ended)
    expect((await exchange(tokens.refresh)).status).toBe(401)
    expect(await whoAmI(second.access)).toEqual([200])
    expect(await whoAmI(third.access)).toEqual([200])
    expect(await whoAmI(second.access)).toEqual(ended)
  })

  it('serve again when the answer was lost', async () => {
    const lost = await next(tokens.refresh)
    const found = await next(tokens.refresh)
    expect(await whoAmI(found.access)).toEqual([200])
    expect(await whoAmI(lost.access)).toEqual(ended)
    expect((await exchange(lost.refresh)).status).toBe(401)
  })

  it('[SEC-49] leave one pair however many ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => exchange(tokens.refresh)))
    const pairs = answers.filter(({ status }) => status === 200).map(({ body }) => tokensOf(body))
    expect(pairs).toHaveLength(20)
    const alive = await Promise.all(pairs.map(({ access }) => whoAmI(access)))
    expect(alive.filter(([status]) => status === 200)).toHaveLength(1)
  })

  it('[SEC-50] [S-52] end with their device', async () => {
    const credentials = { userId: '', deviceId: '', accessToken: tokens.access }
    await new TestClient({ baseUrl: () => server.url, credentials }).post('logout')
    expect((await exchange(tokens.refresh)).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    const rows = await server.store.database.query(
      null,
      `select from refresh_tokens where device_nid not in (select nid from devices)`,
    )
    expect(rows).toEqual([])
  })

  it('end when the device logs in again', async () => {
    const first = await server.anonymous.post('login', {
      ...passwordAuth('alice', password),
      device_id: 'SAME',
      refresh_token: true,
    })
    await server.anonymous.post('login', { ...passwordAuth('alice', password), device_id: 'SAME' })
    expect((await exchange(tokensOf(first).refresh)).status).toBe(401)
    expect(await whoAmI(tokensOf(first).access)).toEqual(ended)
  })

  it('are no access tokens, nor the other way round', async () => {
    expect(await whoAmI(tokens.refresh)).toEqual(ended)
    for (const token of [tokens.access, 'made up', '', 'x'.repeat(5_000)]) {
      expect((await exchange(token)).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    }
  })

  it('[S-11] are kept as hashes', async () => {
    const rows = await server.store.database.query(null, `select token_hash::text as hash from refresh_tokens`)
    expect(rows.length).toBeGreaterThan(0)
    expect(JSON.stringify(rows)).not.toContain(tokens.refresh.slice(10))
  })
})

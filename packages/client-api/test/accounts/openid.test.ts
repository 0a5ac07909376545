import { OpenIdTokens } from '@hearth/core'
import { FakeClock } from '@hearth/runtime'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passwordAuth } from './password-auth.ts'

const clock = new FakeClock()

describe('OpenID tokens', () => {
  let server: TestServer
  let alice: TestClient
  /** The server's own service, as other servers' requests will use it. */
  let tokens: OpenIdTokens

  beforeAll(async () => {
    server = await TestServer.start({ clock })
    alice = await server.register('alice', 'pw')
    tokens = new OpenIdTokens({ store: server.store, clock })
  })

  afterAll(() => server.stop())

  const pathOf = (userId: string) => `user/${encodeURIComponent(userId)}/openid/request_token`

  async function token(): Promise<string> {
    const body = await alice.post(pathOf(alice.userId))
    expect(body).toEqual({
      access_token: expect.any(String) as string,
      token_type: 'Bearer',
      matrix_server_name: 'hearth.test',
      expires_in: 3_600,
    })
    return body['access_token'] as string
  }

  it('tell who a user is, for an hour', async () => {
    const value = await token()
    expect(await tokens.userOf(value)).toBe(alice.userId)
    await clock.advance(3_599_000)
    expect(await tokens.userOf(value)).toBe(alice.userId)
    await clock.advance(1_000)
    expect(await tokens.userOf(value)).toBeUndefined()
  })

  it('[SEC-64] are no access tokens, nor the other way round', async () => {
    const headers = { authorization: `Bearer ${await token()}` }
    expect((await server.anonymous.request('GET', 'account/whoami', { headers })).status).toBe(401)
    for (const value of [alice.accessToken, 'x', '', 'heartho_']) expect(await tokens.userOf(value)).toBeUndefined()
  })

  it('are given to users for themselves', async () => {
    const { status, body } = await alice.request('POST', pathOf('@bob:hearth.test'), { body: {} })
    expect([status, body['errcode']]).toEqual([403, 'M_FORBIDDEN'])
    expect((await server.anonymous.request('POST', pathOf(alice.userId), { body: {} })).status).toBe(401)
  })

  it('end with the account', async () => {
    const value = await token()
    await alice.post('account/deactivate', { auth: passwordAuth(alice.userId, 'pw') })
    expect(await tokens.userOf(value)).toBeUndefined()
  })
})

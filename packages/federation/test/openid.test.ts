import { FakeClock } from '@hearth/runtime'
import { TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('GET /openid/userinfo', () => {
  const clock = new FakeClock()
  let server: TestServer
  let alice: TestClient

  beforeAll(async () => {
    server = await TestServer.start({ clock })
    alice = await server.register('alice')
  })

  afterAll(() => server.stop())

  const token = async () => {
    const body = await alice.post(`user/${encodeURIComponent(alice.userId)}/openid/request_token`)
    return body['access_token'] as string
  }
  const userinfo = async (query: string) => {
    const answer = await server.anonymous.request('GET', `/_matrix/federation/v1/openid/userinfo${query}`)
    return [answer.status, answer.body['errcode'] ?? answer.body]
  }
  const withToken = (value: string) => userinfo(`?access_token=${encodeURIComponent(value)}`)

  it('[SEC-64] tells who has shown a token, to anybody, until it expires', async () => {
    const value = await token()
    expect(await withToken(value)).toEqual([200, { sub: alice.userId }])
    expect(await withToken(value)).toEqual([200, { sub: alice.userId }])
    await clock.advance(3_600_000)
    expect(await withToken(value)).toEqual([401, 'M_UNKNOWN_TOKEN'])
  })

  it('[SEC-64] takes no access token of a session, nor anything else', async () => {
    for (const value of [alice.accessToken, 'an/invalid/token', '', '__proto__', 'x'.repeat(4_000)]) {
      expect(await withToken(value)).toEqual([401, 'M_UNKNOWN_TOKEN'])
    }
    expect(await userinfo('')).toEqual([401, 'M_MISSING_TOKEN'])
    const value = await token()
    for (const query of [`?access_token=${value}&access_token=${value}`, '?access_token=%00', '?access_token=%ff']) {
      expect((await userinfo(query))[0]).toBe(400)
    }
  })

  it('is not for web pages, which are not told either', async () => {
    const headers = { origin: 'https://elsewhere.test' }
    const answer = await server.anonymous.request('GET', '/_matrix/federation/v1/openid/userinfo', { headers })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })
})

import { TestServer, type TestAnswer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const TERMS = 'm.login.terms'
const url = 'https://hearth.test/terms'

describe('registration with terms', () => {
  let server: TestServer

  beforeAll(async () => {
    server = await TestServer.start({ settings: { HEARTH_REGISTRATION_TERMS_URL: url } })
  })

  afterAll(() => server.stop())

  const register = (username: string, auth?: object): Promise<TestAnswer> =>
    server.anonymous.request('POST', 'register', { body: { username, password: 'pw', auth } })

  it('names the policies, and asks for agreement', async () => {
    const { status, body } = await register('alice')
    expect(status).toBe(401)
    expect(body).toMatchObject({
      flows: [{ stages: [TERMS] }],
      params: {
        [TERMS]: {
          policies: {
            terms_of_service: {
              version: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
              en: { name: 'Terms of service', url },
            },
          },
        },
      },
    })
    expect((await register('alice', { type: 'm.login.dummy', session: body['session'] })).status).toBe(401)
    expect((await register('alice', { type: TERMS, session: body['session'] })).status).toBe(200)
  })

  it('asks for it besides a registration token', async () => {
    const settings = { HEARTH_REGISTRATION_TERMS_URL: url, HEARTH_REGISTRATION_MODE: 'token' }
    await using closed = await TestServer.start({ settings })
    const { body } = await closed.anonymous.request('POST', 'register', { body: {} })
    expect(body).toMatchObject({ flows: [{ stages: ['m.login.registration_token', TERMS] }] })
    const agreed = await closed.anonymous.request('POST', 'register', {
      body: { auth: { type: TERMS, session: body['session'] } },
    })
    expect([agreed.status, agreed.body['completed']]).toEqual([401, [TERMS]])
  })

  it('is a stage of the founding API as well', async () => {
    const path = '/_matrix/client/api/v1/register'
    expect(await server.anonymous.get(path)).toEqual({ flows: [{ type: TERMS, stages: [TERMS, 'm.login.password'] }] })
    const { session, next } = await server.anonymous.post(path, { type: TERMS })
    expect(next).toBe('m.login.password')
    const submission = { type: 'm.login.password', user: 'founder', password: 'pw', session }
    expect(await server.anonymous.post(path, submission)).toMatchObject({ user_id: '@founder:hearth.test' })
    const { session: _, ...alone } = submission
    expect((await server.anonymous.request('POST', path, { body: { ...alone, user: 'other' } })).status).toBe(400)
  })
})

describe('GET /.well-known/matrix/support', () => {
  const path = '/.well-known/matrix/support'

  it('is 404 when nobody is named', async () => {
    await using server = await TestServer.start()
    const { status, body } = await server.anonymous.request('GET', path)
    expect([status, body['errcode']]).toEqual([404, 'M_NOT_FOUND'])
  })

  it('names who helps', async () => {
    const settings = {
      HEARTH_SUPPORT_MATRIX_ID: '@admin:example.org',
      HEARTH_SUPPORT_EMAIL: 'admin@example.org',
      HEARTH_SUPPORT_PAGE: 'https://example.org/help',
    }
    await using server = await TestServer.start({ settings })
    expect(await server.anonymous.get(path)).toEqual({
      contacts: [{ matrix_id: '@admin:example.org', email_address: 'admin@example.org', role: 'm.role.admin' }],
      support_page: 'https://example.org/help',
    })
  })

  it('may be a page alone', async () => {
    await using server = await TestServer.start({ settings: { HEARTH_SUPPORT_PAGE: 'https://example.org/help' } })
    expect(await server.anonymous.get(path)).toEqual({ support_page: 'https://example.org/help' })
  })
})

import { TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, expect, it } from 'vitest'

let server: TestServer

beforeAll(async () => {
  server = await TestServer.start({
    settings: { HEARTH_PUBLIC_URL: 'https://chat.example.org', HEARTH_ROOMS_DEFAULT_VERSION: '11' },
  })
})

afterAll(() => server.stop())

it('GET /versions names versions that clients take', async () => {
  const { versions, unstable_features } = await server.anonymous.get('/_matrix/client/versions')
  expect(versions).toEqual(expect.arrayContaining(['r0.6.1', 'v1.1', 'v1.5', 'v1.11']))
  for (const version of versions as string[]) expect(version).toMatch(/^(r0\.\d+\.\d+|v1\.\d+)$/)
  expect(Object.values(unstable_features as object)).not.toContain(false)
})

it('GET /capabilities names the room versions, and what users can and cannot do', async () => {
  const alice = await server.register('alice')
  const { capabilities } = (await alice.get('capabilities')) as { capabilities: Record<string, unknown> }
  const available = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [String(i + 1), 'stable']))
  expect(capabilities['m.room_versions']).toEqual({ default: '11', available })
  expect(capabilities['m.change_password']).toEqual({ enabled: true })
  expect(capabilities['m.3pid_changes']).toEqual({ enabled: false })
  expect((await server.anonymous.request('GET', 'capabilities')).status).toBe(401)
})

it('GET /.well-known/matrix/client names the public URL, for scripts of any site', async () => {
  const { body, headers } = await server.anonymous.request('GET', '/.well-known/matrix/client')
  expect(body).toEqual({ 'm.homeserver': { base_url: 'https://chat.example.org' } })
  expect(headers.get('access-control-allow-origin')).toBe('*')
})

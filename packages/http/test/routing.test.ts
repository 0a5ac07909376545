import { s } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { Answer, RawAnswer } from '../src/index.ts'
import { sendRaw } from './raw-connection.ts'
import { call, endpoint, serve } from './test-server.ts'

const state = endpoint({
  method: 'PUT',
  path: [
    '/_matrix/client/v3/rooms/:roomId/state/:eventType/:stateKey',
    '/_matrix/client/v3/rooms/:roomId/state/:eventType/',
    '/_matrix/client/v3/rooms/:roomId/state/:eventType',
  ],
  auth: 'none',
  params: s.object({ roomId: s.string, eventType: s.string, stateKey: s.optional(s.string) }),
  response: s.record(s.unknown),
  handle: (_, { params }) => ({ ...params, stateKey: params.stateKey ?? '' }),
})

const room = endpoint({
  method: 'GET',
  path: '/_matrix/client/v3/rooms/:roomId',
  auth: 'none',
  params: s.object({ roomId: s.format('mx-room-id') }),
  response: s.record(s.unknown),
  handle: (_, { params }) => ({ ...params }),
})

const publicRooms = endpoint({
  method: 'GET',
  path: '/_matrix/client/v3/rooms/public',
  auth: 'none',
  response: s.object({ public: s.boolean }),
  handle: () => ({ public: true }),
})

const redirect = endpoint({
  method: 'GET',
  path: '/redirect',
  auth: 'none',
  response: s.object({}),
  handle: () =>
    new Answer({
      status: 302,
      headers: { Location: '/elsewhere', 'cache-control': 'max-age=60', 'X-Content-Type-Options': 'nosniff' },
      body: {},
    }),
})

const page = endpoint({
  method: 'GET',
  path: '/page',
  auth: 'none',
  response: s.unknown,
  handle: () => new RawAnswer({ contentType: 'text/html; charset=utf-8', payload: '<p>ä</p>' }),
})

function serveRooms() {
  const aliases = { '/_matrix/client/v3/': ['/_matrix/client/r0/'] }
  return serve({ state, room, publicRooms, redirect, page }, { aliases })
}

const v3 = '/_matrix/client/v3/rooms'

describe('the path of a request', () => {
  it('is split before it is decoded, so that a parameter may hold slashes', async () => {
    const { url } = await serveRooms()
    const { body } = await call(`${url}${v3}/%21a%3Ab/state/m.x/%2Fa%2F%C3%A4%20`, { method: 'PUT' })
    expect(body).toEqual({ roomId: '!a:b', eventType: 'm.x', stateKey: '/a/ä ' })
  })

  it.each(['', '/'])('may end with %j for the empty state key', async (end) => {
    const { url } = await serveRooms()
    const { body } = await call(`${url}${v3}/!a:b/state/m.room.name${end}`, { method: 'PUT' })
    expect(body).toEqual({ roomId: '!a:b', eventType: 'm.room.name', stateKey: '' })
  })

  it('leads to a literal before it leads to a parameter', async () => {
    const { url } = await serveRooms()
    expect((await call(`${url}${v3}/public`)).body).toEqual({ public: true })
    expect((await call(`${url}${v3}/!public:x`)).body).toEqual({ roomId: '!public:x' })
  })

  it('may have the prefix of an older version', async () => {
    const { url } = await serveRooms()
    expect((await call(`${url}/_matrix/client/r0/rooms/!a:b`)).body).toEqual({ roomId: '!a:b' })
  })

  it('may be part of an absolute URL', async () => {
    const { port } = await serveRooms()
    const answer = await sendRaw(port, `GET http://example.org${v3}/!a:b?x=1 HTTP/1.1\r\nHost: example.org\r\n\r\n`)
    expect([answer.status, answer.body]).toEqual([200, '{"roomId":"!a:b"}'])
  })

  it.each(['%zz', '%', '%00', '%ff', '..%2f..%2f', '!a:b%00', '%ed%a0%80'])(
    '[SEC-17] is refused with M_INVALID_PARAM for the room id %s',
    async (roomId) => {
      const { port } = await serveRooms()
      const answer = await sendRaw(port, `GET ${v3}/${roomId} HTTP/1.1\r\nHost: x\r\n\r\n`)
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { errcode: 'M_INVALID_PARAM' }])
    },
  )

  it.each(['/', '/nothing', '//', `${v3}/!a:b/`, `${v3}//state/m.x`, '/%zz', '*', '/_matrix/<script>'])(
    '[SEC-18] is answered 404 M_UNRECOGNIZED when there is nothing at %s',
    async (path) => {
      const { port } = await serveRooms()
      const answer = await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([404, { errcode: 'M_UNRECOGNIZED' }])
    },
  )

  it('[SEC-18] is answered 405 M_UNRECOGNIZED with the methods that it takes', async () => {
    const { url } = await serveRooms()
    const { status, headers, body } = await call(`${url}${v3}/!a:b`, { method: 'DELETE' })
    expect([status, body['errcode'], headers.get('allow')]).toEqual([405, 'M_UNRECOGNIZED', 'GET, OPTIONS'])
    expect((await call(`${url}${v3}/!a:b`, { method: 'PATCH' })).status).toBe(405)
  })

  it('may be asked for by HEAD where GET is served', async () => {
    const { url } = await serveRooms()
    const response = await fetch(`${url}${v3}/!a:b`, { method: 'HEAD' })
    expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '17', ''])
  })
})

describe('the headers of an answer', () => {
  it.each([`${v3}/!a:b`, '/nothing', '/_matrix/client/v3/login'])(
    '[SEC-40] let any web page see the answer of a preflight request to %s',
    async (path) => {
      const { url } = await serveRooms()
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'PUT' }
      const response = await fetch(`${url}${path}`, { method: 'OPTIONS', headers })
      expect(response.status).toBe(204)
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST, PUT, DELETE, OPTIONS')
      expect(response.headers.get('access-control-allow-headers')).toBe('X-Requested-With, Content-Type, Authorization')
      expect(response.headers.has('access-control-allow-credentials')).toBe(false)
    },
  )

  it.each([`${v3}/!a:b`, `${v3}/nonsense`, '/nothing'])('[SEC-40] let any web page see that of %s', async (path) => {
    const { url } = await serveRooms()
    expect((await call(url + path)).headers.get('access-control-allow-origin')).toBe('*')
  })

  it('[SEC-90] say that JSON is JSON, also when it repeats what somebody wrote', async () => {
    const { url } = await serveRooms()
    const { headers } = await call(`${url}/_matrix/%3Cscript%3E`)
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('name the request, and not the software', async () => {
    const { url, logLines } = await serveRooms()
    const first = await call(`${url}${v3}/!a:b`)
    const second = await call(`${url}/nothing`)
    const ids = [first, second].map(({ headers }) => headers.get('x-request-id'))
    expect(new Set(ids).size).toBe(2)
    expect(logLines.map((line) => (JSON.parse(line) as { requestId: string }).requestId)).toEqual(ids)
    for (const name of ['x-powered-by', 'server', 'etag']) expect(first.headers.has(name)).toBe(false)
  })

  it('can be the endpoint’s own', async () => {
    const { url } = await serveRooms()
    const { status, headers } = await call(`${url}/redirect`, { redirect: 'manual' })
    expect([status, headers.get('location'), headers.get('cache-control')]).toEqual([302, '/elsewhere', 'max-age=60'])
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    const html = await fetch(`${url}/page`)
    expect([html.headers.get('content-type'), html.headers.get('content-length'), await html.text()]).toEqual([
      'text/html; charset=utf-8',
      '9',
      '<p>ä</p>',
    ])
  })
})

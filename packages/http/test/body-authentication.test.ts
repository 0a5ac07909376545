import { createHash } from 'node:crypto'
import { s } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { jsonBytes } from '../src/index.ts'
import { RawConnection, sendRaw } from './raw-connection.ts'
import { call, endpoint, serve } from './test-server.ts'

const put = endpoint({
  method: 'PUT',
  path: '/put',
  auth: 'sealed',
  maxBodyBytes: 200,
  maxBodyDepth: 100,
  allowNul: true,
  body: s.object({ n: s.integer }),
  response: s.object({ n: s.integer }),
  handle: (_, { body }) => ({ n: body.n }),
})

const raw = endpoint({
  method: 'PUT',
  path: '/raw',
  auth: 'sealed',
  body: jsonBytes,
  response: s.object({ bytes: s.string }),
  handle: (_, { body }) => ({ bytes: body.toString('hex') }),
})

const get = endpoint({
  method: 'GET',
  path: '/get',
  auth: 'sealed',
  response: s.object({}),
  handle: () => ({}),
})

const sealOf = (body: string) => createHash('sha256').update(body).digest('hex')

async function send(path: string, body: string, seal = sealOf(body)) {
  const { url } = await serve({ put, raw, get })
  const answer = await call(url + path, { method: 'PUT', body, headers: { authorization: `Bearer ${seal}` } })
  return [answer.status, answer.body['errcode'] ?? answer.body]
}

describe('an authenticator that needs the body', () => {
  it('is given the bytes as they were sent, and the endpoint what they say', async () => {
    expect(await send('/put', ' {"n" : 5}')).toEqual([200, { n: 5 }])
    expect(await send('/put', ' {"n" : 5}', sealOf('{"n":5}'))).toEqual([401, 'M_UNAUTHORIZED'])
  })

  it('decides before the body is parsed', async () => {
    expect(await send('/put', '{', sealOf('other'))).toEqual([401, 'M_UNAUTHORIZED'])
    expect(await send('/put', '{')).toEqual([400, 'M_NOT_JSON'])
    expect(await send('/put', '{"n":"x"}')).toEqual([400, 'M_BAD_JSON'])
  })

  it('is given no more bytes than the endpoint takes', async () => {
    expect(await send('/put', `{"n":5,"x":"${'x'.repeat(200)}"}`)).toEqual([413, 'M_TOO_LARGE'])
  })

  it('leaves the endpoint its own limits of depth and of U+0000', async () => {
    const deep = '['.repeat(80) + ']'.repeat(80)
    expect(await send('/put', `{"n":5,"x":${deep}}`)).toEqual([200, { n: 5 }])
    expect(await send('/put', '{"n":5,"x":"\\u0000"}')).toEqual([200, { n: 5 }])
  })

  it('leaves the bytes to an endpoint that parses them itself', async () => {
    expect(await send('/raw', '{"n" :')).toEqual([200, { bytes: Buffer.from('{"n" :').toString('hex') }])
  })

  it('is given none where the endpoint takes none', async () => {
    const { url } = await serve({ get })
    expect((await call(`${url}/get`, { headers: { authorization: 'Bearer none' } })).status).toBe(200)
  })

  it('can refuse a request whose body nobody reads then', async () => {
    const { port } = await serve({ put })
    const answer = await sendRaw(port, 'PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n')
    expect([answer.status, /connection: close/i.test(answer.head)]).toEqual([401, true])
  })

  it('does not wait for ever for a body that drips', async () => {
    const { port } = await serve({ put }, { limits: { bodyTimeoutMs: 100 } })
    const connection = await RawConnection.open(port)
    connection.send('PUT /put HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nContent-Length: 100\r\n\r\n{')
    expect((await connection.response()).status).toBe(408)
  })
})

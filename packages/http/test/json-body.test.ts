import { s } from '@hearth/protocol'
import { describe, expect, it } from 'vitest'
import { RawConnection, sendRaw } from './raw-connection.ts'
import { call, endpoint, serve } from './test-server.ts'

const echo = endpoint({
  method: 'PUT',
  path: '/echo',
  auth: 'none',
  body: s.record(s.unknown),
  response: s.record(s.unknown),
  handle: (_, { body }) => body,
})

const join = endpoint({
  method: 'POST',
  path: '/join',
  auth: 'none',
  allowEmptyBody: true,
  body: s.object({ reason: s.optional(s.string), count: s.optional(s.refine(s.integer, { maximum: 10 })) }),
  response: s.record(s.unknown),
  handle: (_, { body }) => ({ ...body }),
})

const named = endpoint({
  method: 'POST',
  path: '/named',
  auth: 'none',
  body: s.object({ name: s.string }),
  response: s.record(s.unknown),
  handle: (_, { body }) => ({ ...body }),
})

async function serveEcho(limits = {}) {
  const { url, port } = await serve({ echo, join, named }, { limits })
  const put = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    call(`${url}/echo`, { method: 'PUT', body, headers })
  return { url, port, put }
}

describe('the body of a request', () => {
  it('[SEC-1] is refused with M_NOT_JSON when it is not UTF-8', async () => {
    const { put } = await serveEcho()
    const answer = await put(Buffer.from([...Buffer.from('{"a":"'), 0x81, ...Buffer.from('"}')]))
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_NOT_JSON'])
  })

  it.each(['9007199254740992', '-9007199254740992'])('[SEC-2] is refused with M_BAD_JSON for %s', async (number) => {
    const { put } = await serveEcho()
    const answer = await put(`{"n":${number}}`)
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
  })

  it('[SEC-4] is refused with M_BAD_JSON for a number that would become infinite', async () => {
    const { put } = await serveEcho()
    expect((await put('{"n":1e400}')).body['errcode']).toBe('M_BAD_JSON')
  })

  it.each(['NaN', 'Infinity', '-Infinity'])('[SEC-5] [S-28] is refused with M_NOT_JSON for %s', async (number) => {
    const { put } = await serveEcho()
    const answer = await put(`{"n":${number}}`)
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_NOT_JSON'])
  })

  it.each(['[]', '"x"', 'null', '5', '\ufeff{}'])('[SEC-6] is refused with M_BAD_JSON for %j', async (body) => {
    const { put } = await serveEcho()
    const answer = await put(body)
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
  })

  it('[SEC-6] is refused with M_NOT_JSON when it is empty', async () => {
    const { put } = await serveEcho()
    const answer = await put('')
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_NOT_JSON'])
  })

  it('may be empty where the endpoint says so', async () => {
    const { url } = await serveEcho()
    const answer = await call(`${url}/join`, { method: 'POST' })
    expect([answer.status, answer.body]).toEqual([200, {}])
  })

  it('[SEC-8] keeps a key called __proto__ and pollutes nothing', async () => {
    const { url } = await serveEcho()
    const response = await fetch(`${url}/echo`, { method: 'PUT', body: '{"__proto__":{"x":1}}' })
    expect(await response.text()).toBe('{"__proto__":{"x":1}}')
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  it.each(['"\\ud800"', '"\\u0000"'])('[SEC-12] is refused with M_BAD_JSON for the text %s', async (text) => {
    const { put } = await serveEcho()
    const answer = await put(`{"a":${text}}`)
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
  })

  it('is refused with M_BAD_JSON when it is nested too deeply', async () => {
    const { put } = await serveEcho()
    expect((await put(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`)).body['errcode']).toBe('M_BAD_JSON')
  })

  it('is refused with M_BAD_JSON for duplicate keys', async () => {
    const { put } = await serveEcho()
    expect((await put('{"a":1,"a":2}')).body['errcode']).toBe('M_BAD_JSON')
  })

  it('is refused with M_MISSING_PARAM for a missing key, even one that every object inherits', async () => {
    const { url } = await serveEcho()
    const answer = await call(`${url}/named`, { method: 'POST', body: '{"toString":"x"}' })
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_MISSING_PARAM'])
  })

  it('[SEC-46] is refused with M_BAD_JSON for a value of the wrong type', async () => {
    const { url } = await serveEcho()
    const answer = await call(`${url}/named`, { method: 'POST', body: '{"name":{"$ne":null}}' })
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_BAD_JSON'])
  })

  it('is refused with M_INVALID_PARAM for a value that cannot be', async () => {
    const { url } = await serveEcho()
    const answer = await call(`${url}/join`, { method: 'POST', body: '{"count":11}' })
    expect([answer.status, answer.body['errcode']]).toEqual([400, 'M_INVALID_PARAM'])
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-8', 'nonsense'])(
    'is taken for JSON under the content type %s',
    async (type) => {
      const { put } = await serveEcho()
      expect((await put('{"a":1}', { 'content-type': type })).body).toEqual({ a: 1 })
    },
  )

  it('[S-63] is refused when it is multipart', async () => {
    const { put } = await serveEcho()
    const answer = await put('{"a":1}', { 'content-type': 'multipart/form-data; boundary=x' })
    expect([answer.status, answer.body['errcode']]).toEqual([415, 'M_NOT_JSON'])
  })

  it.each(['gzip', 'br', 'deflate, gzip'])('[SEC-254] is refused in the encoding %s', async (encoding) => {
    const { put } = await serveEcho()
    expect((await put('{"a":1}', { 'content-encoding': encoding })).status).toBe(415)
  })

  it('is refused with M_TOO_LARGE by its Content-Length, before it is sent', async () => {
    const { port } = await serveEcho({ maxBodyBytes: 100 })
    const answer = await sendRaw(port, 'PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n')
    expect(answer.status).toBe(413)
    expect(answer.body).toContain('M_TOO_LARGE')
    expect(answer.head).toMatch(/connection: close/i)
  })

  it('is refused with M_TOO_LARGE at the limit when its length is not said, and not read on', async () => {
    const { port } = await serveEcho({ maxBodyBytes: 100_000 })
    const connection = await RawConnection.open(port)
    connection.send('PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const flood = setInterval(() => connection.send(chunk), 1)
    const answer = await connection.response()
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([413, { errcode: 'M_TOO_LARGE' }])
    await connection.closing()
    clearInterval(flood)
  })

  it('is taken at exactly the limit, and in many pieces', async () => {
    const { port } = await serveEcho({ maxBodyBytes: 100 })
    const body = `{"a":"${'x'.repeat(92)}"}`
    expect(body).toHaveLength(100)
    const connection = await RawConnection.open(port)
    connection.send('PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n')
    for (const char of body) {
      connection.send(char)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await connection.response()).body).toBe(body)
    connection.socket.destroy()
  })

  it('is asked for only when it is going to be read', async () => {
    const { port } = await serveEcho({ maxBodyBytes: 100 })
    const head = 'PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n'
    expect((await sendRaw(port, `${head}Content-Length: 101\r\n\r\n`)).status).toBe(413)
    const connection = await RawConnection.open(port)
    connection.send(`${head}Content-Length: 7\r\n\r\n`)
    expect((await connection.response()).status).toBe(100)
    connection.send('{"a":1}')
    expect((await connection.response()).body).toBe('{"a":1}')
    connection.socket.destroy()
  })

  it('[SEC-257] with 200,000 integer-like keys does not hold the server up', async () => {
    const { put } = await serveEcho({ maxBodyBytes: 16 * 1024 * 1024 })
    const body = `{${Array.from({ length: 200_000 }, (_, i) => `"${(i * 7919) % 1_000_003}":0`).join(',')}}`
    const before = process.cpuUsage()
    const { status } = await put(body)
    expect([200, 400]).toContain(status)
    const { user, system } = process.cpuUsage(before)
    expect(user + system, 'microseconds of work').toBeLessThan(4_000_000)
  })
})

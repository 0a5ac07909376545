import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Readable } from 'node:stream'
import { s } from '@hearth/protocol'
import { expect, it } from 'vitest'
import { byteStream, fileAnswer } from '../src/index.ts'
import { RawConnection } from './raw-connection.ts'
import { call, endpoint, serve } from './test-server.ts'

/** Counts the bytes of its body, which may have 100 000. */
function counting(seen: { bytes: number; ended?: unknown } = { bytes: 0 }) {
  return endpoint({
    method: 'POST',
    path: '/count',
    auth: 'none',
    body: byteStream,
    response: s.object({ bytes: s.integer, type: s.optional(s.string), length: s.optional(s.integer) }),
    async handle(_context, { body }) {
      const { contentType: type, length } = body
      try {
        for await (const chunk of body.read(100_000)) seen.bytes += chunk.length
        seen.ended = 'whole'
      } catch (error) {
        seen.ended = error
        throw error
      }
      return { bytes: seen.bytes, ...(type !== undefined && { type }), ...(length !== undefined && { length }) }
    },
  })
}

it('hands a body on as it comes, with its type and length', async () => {
  const { url } = await serve({ count: counting() })
  const body = Buffer.alloc(100_000, 1)
  const answer = await call(`${url}/count`, { method: 'POST', body, headers: { 'content-type': 'image/png' } })
  expect(answer).toMatchObject({ status: 200, body: { bytes: 100_000, type: 'image/png', length: 100_000 } })
})

it('hands on an empty body, and one without a length', async () => {
  const { url, port } = await serve({ count: counting() })
  expect((await call(`${url}/count`, { method: 'POST', body: new Uint8Array() })).body).toEqual({ bytes: 0, length: 0 })
  const connection = await RawConnection.open(port)
  connection.send('POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n')
  expect((await connection.response()).body).toBe('{"bytes":5}')
})

it('[SEC-178] refuses a body that is too long, before its first byte where its length is said', async () => {
  const seen: { bytes: number; ended?: unknown } = { bytes: 0 }
  const { port, url } = await serve({ count: counting(seen) })
  const said = await RawConnection.open(port)
  said.send('POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n')
  const answer = await said.response()
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([413, { errcode: 'M_TOO_LARGE' }])
  expect(seen.bytes).toBe(0)
  const unsaid = await RawConnection.open(port)
  unsaid.send('POST /count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
  for (let n = 0; n < 3; n += 1) unsaid.send(`${(50_000).toString(16)}\r\n${'x'.repeat(50_000)}\r\n`)
  expect((await unsaid.response()).status).toBe(413)
  expect(seen.bytes).toBeLessThanOrEqual(100_000)
  expect(
    (await call(`${url}/count`, { method: 'POST', body: 'x', headers: { 'content-encoding': 'gzip' } })).status,
  ).toBe(415)
})

it('tells the handler at once when the client goes away before the end', async () => {
  const seen: { bytes: number; ended?: unknown } = { bytes: 0 }
  const { port } = await serve({ count: counting(seen) })
  const connection = await RawConnection.open(port)
  connection.send('POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc')
  await expect.poll(() => seen.bytes).toBe(3)
  connection.socket.destroy()
  await expect.poll(() => seen.ended).toMatchObject({ name: 'IncompleteRequest' })
})

it('cuts off who sends too slowly', async () => {
  const seen: { bytes: number; ended?: unknown } = { bytes: 0 }
  const { port } = await serve({ count: counting(seen) }, { limits: { bodyTimeoutMs: 200 } })
  const connection = await RawConnection.open(port)
  connection.send('POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n')
  expect((await connection.response()).status).toBe(408)
  await expect.poll(() => seen.ended).toMatchObject({ name: 'IncompleteRequest' })
})

const content = Buffer.from('0123456789')

function file(opened: string[] = []) {
  return endpoint({
    method: 'GET',
    path: '/file',
    auth: 'none',
    response: s.unknown,
    handle: (_context, request) =>
      fileAnswer(request, {
        size: content.length,
        tag: 'abc',
        contentType: 'text/plain',
        headers: { 'Cache-Control': 'private' },
        async read(range) {
          opened.push(range ? `${range.start}-${range.end}` : 'all')
          return Readable.from([range ? content.subarray(range.start, range.end + 1) : content])
        },
      }),
  })
}

it('serves a file whole, by its head, and not at all to who has it', async () => {
  const opened: string[] = []
  const { url } = await serve({ file: file(opened) })
  const whole = await fetch(`${url}/file`)
  expect([whole.status, await whole.text()]).toEqual([200, '0123456789'])
  const headers = Object.fromEntries(whole.headers)
  expect(headers).toMatchObject({
    'content-length': '10',
    'content-type': 'text/plain',
    'accept-ranges': 'bytes',
    'cache-control': 'private',
    etag: '"abc"',
    'x-content-type-options': 'nosniff',
  })
  const head = await fetch(`${url}/file`, { method: 'HEAD', headers: { range: 'bytes=0-1' } })
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', ''])
  for (const known of ['"abc"', 'W/"abc"', '"x", "abc"', '*']) {
    const answer = await fetch(`${url}/file`, { headers: { 'if-none-match': known } })
    expect([answer.status, answer.headers.get('etag'), await answer.text()]).toEqual([304, '"abc"', ''])
  }
  expect(opened).toEqual(['all'])
})

it.each([
  ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
  ['bytes=7-', 206, '789', 'bytes 7-9/10'],
  ['bytes=7-99', 206, '789', 'bytes 7-9/10'],
  ['bytes=-3', 206, '789', 'bytes 7-9/10'],
  ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
  ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
  ['bytes=4-2', 200, '0123456789', null],
  ['bytes=0-1,3-4', 200, '0123456789', null],
  ['lines=0-1', 200, '0123456789', null],
  ['bytes=-', 200, '0123456789', null],
])('answers the range %s with %d', async (range, status, text, contentRange) => {
  const { url } = await serve({ file: file() })
  const answer = await fetch(`${url}/file`, { headers: { range } })
  expect([answer.status, await answer.text(), answer.headers.get('content-range')]).toEqual([
    status,
    text,
    contentRange,
  ])
  expect(answer.headers.get('content-length')).toBe(String(text.length))
})

it('refuses a range that the file has not, and gives all when it is another file now', async () => {
  const { url } = await serve({ file: file() })
  for (const range of ['bytes=10-', 'bytes=-0']) {
    const answer = await fetch(`${url}/file`, { headers: { range } })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    await answer.body?.cancel()
  }
  for (const [ifRange, status] of [
    ['"abc"', 206],
    ['"old"', 200],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 200],
  ] as const) {
    const answer = await fetch(`${url}/file`, { headers: { range: 'bytes=0-1', 'if-range': ifRange } })
    expect(answer.status).toBe(status)
    await answer.body?.cancel()
  }
})

it('closes a file whose client has gone', async () => {
  let closed = false
  const endless = endpoint({
    method: 'GET',
    path: '/file',
    auth: 'none',
    response: s.unknown,
    handle: (_context, request) =>
      fileAnswer(request, {
        size: 1e12,
        tag: 'endless',
        contentType: 'text/plain',
        read: async () =>
          new Readable({
            read() {
              void delay(1).then(() => this.push(Buffer.alloc(64 * 1024)))
            },
            destroy(error, done) {
              closed = true
              done(error)
            },
          }),
      }),
  })
  const { port } = await serve({ endless })
  const connection = await RawConnection.open(port)
  connection.send('GET /file HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(connection.socket, 'data')
  connection.socket.destroy()
  await expect.poll(() => closed).toBe(true)
})

import { setTimeout as sleep } from 'node:timers/promises'
import { Readable } from 'node:stream'
import { s } from '@hearth/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RequestAborted } from '../src/index.ts'
import { RawAnswer } from '../src/index.ts'
import { RawConnection, sendRaw } from './raw-connection.ts'
import { call, endpoint, serve } from './test-server.ts'

const whoami = endpoint({
  method: 'GET',
  path: '/whoami/:delayMs',
  auth: 'user',
  params: s.object({ delayMs: s.string }),
  response: s.object({ user_id: s.string }),
  async handle(_, { params, requester }) {
    await sleep(Number(params.delayMs))
    return { user_id: requester.userId }
  },
})

const put = endpoint({
  method: 'PUT',
  path: '/put',
  auth: 'none',
  body: s.record(s.unknown),
  response: s.object({}),
  handle: () => ({}),
})

/** A request that waits until it is told not to, and remembers why. */
function waiting(options: { longPoll?: boolean; deadlineMs?: number } = {}) {
  const reasons: unknown[] = []
  const wait = endpoint({
    method: 'GET',
    path: '/wait',
    auth: 'none',
    ...options,
    response: s.object({ waited: s.boolean }),
    async handle(_, { signal }) {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
      reasons.push((signal.reason as RequestAborted).why)
      return { waited: true }
    },
  })
  return { wait, reasons }
}

const GET_WAIT = 'GET /wait HTTP/1.1\r\nHost: x\r\n\r\n'

const unhandled = vi.fn()
beforeEach(() => {
  unhandled.mockClear()
  process.on('unhandledRejection', unhandled)
})
afterEach(() => {
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

describe('a connection', () => {
  it('[SEC-250] that drips its headers is closed, and holds nobody up', async () => {
    const { port, url } = await serve({ whoami }, { limits: { headersTimeoutMs: 1_000 } })
    const slow = await Promise.all(Array.from({ length: 200 }, () => RawConnection.open(port)))
    for (const connection of slow) connection.send('GET /whoami/0 HTTP/1.1\r\nX')
    const drip = setInterval(() => slow.forEach((connection) => connection.send('x')), 20)
    const durations = []
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      expect((await call(`${url}/whoami/0?access_token=alice`)).status).toBe(200)
      durations.push(performance.now() - start)
    }
    expect(Math.min(...durations)).toBeLessThan(300)
    await Promise.all(slow.map((connection) => connection.closing()))
    clearInterval(drip)
  })

  it('[SEC-250] that drips its body is answered 408 and closed', async () => {
    const { port } = await serve({ put }, { limits: { bodyTimeoutMs: 150 } })
    const connection = await RawConnection.open(port)
    connection.send('PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n')
    const drip = setInterval(() => connection.send('x'), 20)
    const answer = await connection.response()
    clearInterval(drip)
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([408, { errcode: 'M_UNKNOWN' }])
    await connection.closing()
  })

  it('that never sends the body of a refused request is closed', async () => {
    const { port } = await serve({ put })
    const connection = await RawConnection.open(port)
    connection.send('PUT /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n')
    expect((await connection.response()).status).toBe(404)
    await connection.closing()
  })

  it('[SEC-252] [S-62] that pipelines requests gets its answers in their order, each its own', async () => {
    const { port } = await serve({ whoami })
    const connection = await RawConnection.open(port)
    const requests = [30, 0, 10, 0].map(
      (delayMs, i) =>
        `GET /whoami/${delayMs} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${'abcd'.slice(i, i + 1)}\r\n\r\n`,
    )
    connection.send(requests.join(''))
    const users = []
    for (let i = 0; i < 4; i++) users.push((await connection.response()).body)
    expect(users).toEqual(['a', 'b', 'c', 'd'].map((name) => `{"user_id":"@${name}:localhost"}`))
    connection.socket.destroy()
  })

  it('that goes away takes its pipelined requests with it', async () => {
    const { wait, reasons } = waiting()
    const { port, metrics } = await serve({ wait })
    const connection = await RawConnection.open(port)
    connection.send(GET_WAIT.repeat(3))
    await expect.poll(() => metrics.text()).toContain('hearth_http_requests_in_flight 3')
    connection.socket.destroy()
    await expect.poll(() => reasons).toEqual(['client-gone', 'client-gone', 'client-gone'])
    expect(await metrics.text()).toContain('hearth_http_requests_in_flight 0')
    expect(await metrics.text()).toContain('hearth_http_connections 0')
  })

  it('[SEC-253] is refused with 431 for 17 KB of headers', async () => {
    const { port } = await serve({ put })
    const answer = await sendRaw(port, `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(17 * 1024)}\r\n\r\n`)
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([431, { errcode: 'M_TOO_LARGE' }])
    expect(answer.head).toMatch(/^access-control-allow-origin: \*$/im)
  })

  it.each([101, 2_000])('[SEC-253] is refused with 431 for %i headers', async (count) => {
    const { port } = await serve({ put })
    const answer = await sendRaw(port, `GET / HTTP/1.1\r\nHost: x\r\n${'a:\r\n'.repeat(count)}\r\n`)
    expect(answer.status).toBe(431)
  })

  it('[SEC-253] is refused with 413 for 20 KB of chunk extension', async () => {
    const { port } = await serve({ put })
    const head = 'PUT /put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
    const connection = await RawConnection.open(port)
    connection.send(`${head}2;a=${'x'.repeat(20 * 1024)}\r\n{}\r\n0\r\n\r\n`)
    const answer = await connection.response()
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([413, { errcode: 'M_TOO_LARGE' }])
    await connection.closing()
  })

  it.each([
    'nonsense\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'PUT /put HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nA: a\0b\r\n\r\n',
  ])('is refused with 400 for %j', async (bytes) => {
    const { port } = await serve({ put })
    expect((await sendRaw(port, bytes)).status).toBe(400)
  })

  it.each([
    ['[S-24]', 'Content-Length: 0\r\nContent-Length: 35'],
    ['[S-25]', 'Content-Length: 35\r\nTransfer-Encoding: chunked'],
  ])('%s smuggles no second request in a body of two lengths', async (_id, headers) => {
    const { port } = await serve({ put, whoami })
    const connection = await RawConnection.open(port)
    connection.send(
      `PUT /put HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n0\r\n\r\nGET /whoami/0 HTTP/1.1\r\nHost: x\r\n\r\n`,
    )
    expect((await connection.response()).status).toBe(400)
    await connection.closing()
  })

  it('gets no answer to nonsense behind a request that is still being answered', async () => {
    const { port } = await serve({ whoami })
    const connection = await RawConnection.open(port)
    connection.send('GET /whoami/50 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice\r\n\r\nnonsense\r\n\r\n')
    await expect(connection.response()).rejects.toThrow('closed after ""')
  })

  it('is one of so many that an address may have', async () => {
    const { port, metrics } = await serve({ put }, { limits: { maxConnectionsPerAddress: 3 } })
    const connections = await Promise.all(Array.from({ length: 4 }, () => RawConnection.open(port)))
    await expect.poll(() => connections.filter(({ closed }) => closed)).toHaveLength(1)
    connections.forEach(({ socket }) => socket.destroy())
    await expect.poll(() => metrics.text()).toContain('hearth_http_connections 0')
    expect((await sendRaw(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).status).toBe(404)
  })

  it('of a trusted proxy is not counted', async () => {
    const limits = { maxConnectionsPerAddress: 1 }
    const { port } = await serve({ put }, { limits, trustedProxies: ['loopback'] })
    const connections = await Promise.all(Array.from({ length: 4 }, () => RawConnection.open(port)))
    await sleep(20)
    expect(connections.some(({ closed }) => closed)).toBe(false)
    connections.forEach(({ socket }) => socket.destroy())
  })
})

describe('a request', () => {
  it.each([
    ['closes', (connection: RawConnection) => connection.socket.end()],
    ['resets', (connection: RawConnection) => connection.socket.resetAndDestroy()],
  ])('[SEC-256] whose client %s the connection is aborted at once', async (_, leave) => {
    const { wait, reasons } = waiting()
    const { port, metrics, logLines } = await serve({ wait })
    const connection = await RawConnection.open(port)
    connection.send(GET_WAIT)
    await expect.poll(() => metrics.text()).toContain('hearth_http_requests_in_flight 1')
    leave(connection)
    await expect.poll(() => reasons).toEqual(['client-gone'])
    expect(logLines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { message: 'request', operation: 'wait', aborted: true, status: 0 },
    ])
  })

  it('[SEC-256] whose client goes away while it sends its body leaves nothing behind', async () => {
    const { port, metrics, logLines } = await serve({ put })
    const connection = await RawConnection.open(port)
    connection.send('PUT /put HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"a":')
    await expect.poll(() => metrics.text()).toContain('hearth_http_requests_in_flight 1')
    connection.socket.destroy()
    await expect.poll(() => logLines).toHaveLength(1)
    expect(await metrics.text()).toContain('hearth_http_requests_in_flight 0')
    expect(logLines[0]).not.toContain('error')
  })

  it('that takes too long is answered 504 and told to give up', async () => {
    const { wait, reasons } = waiting({ deadlineMs: 50 })
    const { url } = await serve({ wait })
    const { status, body } = await call(`${url}/wait`)
    expect([status, body['errcode'], reasons]).toEqual([504, 'M_UNKNOWN', ['deadline']])
  })

  it('whose answer is not taken is cut off, and its memory freed', async () => {
    const big = endpoint({
      method: 'GET',
      path: '/big',
      auth: 'none',
      response: s.unknown,
      handle: () => new RawAnswer({ contentType: 'application/json', payload: Buffer.alloc(64 * 1024 * 1024, 0x20) }),
    })
    const limits = { writeTimeoutMs: 100, minBytesPerSecond: 1024 * 1024 * 1024 }
    const { port, metrics } = await serve({ big }, { limits })
    const connection = await RawConnection.open(port)
    connection.socket.pause()
    connection.send('GET /big HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => metrics.text()).toContain('hearth_http_requests_in_flight 1')
    await expect.poll(() => metrics.text()).toContain('hearth_http_connections 0')
    connection.socket.destroy()
  })

  it('whose answer is streamed holds back what the client does not take', async () => {
    let produced = 0
    const endless = endpoint({
      method: 'GET',
      path: '/endless',
      auth: 'none',
      response: s.unknown,
      handle() {
        const payload = new Readable({
          read() {
            produced += 65_536
            this.push(Buffer.alloc(65_536))
          },
        })
        return new RawAnswer({ contentType: 'application/octet-stream', payload })
      },
    })
    const { port, metrics } = await serve({ endless }, { limits: { writeTimeoutMs: 200 } })
    const connection = await RawConnection.open(port)
    connection.socket.pause()
    connection.send('GET /endless HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => metrics.text()).toContain('hearth_http_connections 1')
    await expect.poll(() => metrics.text()).toContain('hearth_http_connections 0')
    expect(produced).toBeLessThan(32 * 1024 * 1024)
    connection.socket.destroy()
  })
})

describe('an answer that comes too late', () => {
  it('is let go of', async () => {
    const payload = new Readable({ read() {} })
    const late = endpoint({
      method: 'GET',
      path: '/late',
      auth: 'none',
      response: s.unknown,
      async handle(_, { signal }) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        return new RawAnswer({ contentType: 'text/plain', payload })
      },
    })
    const { port, metrics } = await serve({ late })
    const connection = await RawConnection.open(port)
    connection.send('GET /late HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => metrics.text()).toContain('hearth_http_requests_in_flight 1')
    connection.socket.destroy()
    await expect.poll(() => payload.destroyed).toBe(true)
  })
})

describe('stopping', () => {
  it('answers long polls at once, lets requests end, and takes no new connections', async () => {
    const { wait, reasons } = waiting({ longPoll: true })
    const { server, port, metrics } = await serve({ wait, whoami })
    const poll = await RawConnection.open(port)
    const idle = await RawConnection.open(port)
    const busy = await RawConnection.open(port)
    poll.send(GET_WAIT)
    busy.send('GET /whoami/300 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice\r\n\r\n')
    await expect.poll(() => metrics.text(), { interval: 1 }).toContain('hearth_http_requests_in_flight 2')
    const stopped = server.stop()
    const answers = [await poll.response(), await busy.response()]
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(answers.every(({ head }) => /^connection: close$/im.test(head))).toBe(true)
    expect(reasons).toEqual(['stopping'])
    await stopped
    await Promise.all([poll, idle, busy].map((connection) => connection.closing()))
    await expect(RawConnection.open(port)).rejects.toThrow('ECONNREFUSED')
  })

  it('cuts off what does not end in time', async () => {
    const { wait, reasons } = waiting()
    const { server, port, metrics, logLines } = await serve({ wait }, { limits: { stopTimeoutMs: 50 } })
    const connection = await RawConnection.open(port)
    connection.send(GET_WAIT)
    await expect.poll(() => metrics.text()).toContain('hearth_http_requests_in_flight 1')
    await server.stop()
    await connection.closing()
    expect(reasons).toEqual(['stopping'])
    expect(logLines.join('\n')).toContain('requests were cut off')
  })
})

import { Readable } from 'node:stream'
import { forbidden, limitExceeded, MatrixError, s } from '@hearth/protocol'
import { Unavailable } from '@hearth/runtime'
import { describe, expect, it } from 'vitest'
import { Answer, RawAnswer, rawJson } from '../src/index.ts'
import { call, endpoint, serve } from './test-server.ts'

function failing(fail: () => never) {
  return serve({
    fail: endpoint({ method: 'GET', path: '/fail', auth: 'none', response: s.object({}), handle: () => fail() }),
    fine: endpoint({ method: 'GET', path: '/fine', auth: 'none', response: s.object({}), handle: () => ({}) }),
  })
}

function answering(handle: () => unknown) {
  const shape = { method: 'GET', path: '/answer', auth: 'none', response: s.object({ n: s.integer }) } as const
  return serve({ answer: { ...shape, handle } })
}

describe('a request that fails', () => {
  it('is answered with the refusal’s status, errcode and fields', async () => {
    const { url } = await failing(() => {
      throw new MatrixError('M_INCOMPATIBLE_ROOM_VERSION', 'No', { fields: { room_version: '99' } })
    })
    const { status, body } = await call(`${url}/fail`)
    expect([status, body]).toEqual([400, { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', error: 'No', room_version: '99' }])
  })

  it('[SEC-66] says when to come back', async () => {
    const { url } = await failing(() => {
      throw limitExceeded(1500)
    })
    const { status, headers, body } = await call(`${url}/fail`)
    expect([status, headers.get('retry-after')]).toEqual([429, '2'])
    expect(body).toMatchObject({ errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 1500 })
  })

  it('[SEC-258] by a bug is answered 500 without detail, logged with its stack, and fails alone', async () => {
    const { url, logLines } = await failing(() => {
      throw new Error('secret detail')
    })
    const { status, headers, body } = await call(`${url}/fail`)
    expect([status, body]).toEqual([500, { errcode: 'M_UNKNOWN', error: 'Internal server error' }])
    expect(headers.get('access-control-allow-origin')).toBe('*')
    const logged = logLines.map((line) => JSON.parse(line) as Record<string, unknown>)
    const failure = logged.find(({ level }) => level === 'error')
    expect(failure).toMatchObject({ requestId: headers.get('x-request-id'), operation: 'fail' })
    expect(failure?.['error']).toMatchObject({
      message: 'secret detail',
      stack: expect.stringContaining('.ts') as unknown,
    })
    expect((await call(`${url}/fine`)).status).toBe(200)
  })

  it('because something is away is answered 503 and says when to come back', async () => {
    const { url, logLines } = await failing(() => {
      throw new Unavailable('the database is away', { retryAfterMs: 5000 })
    })
    const { status, headers, body } = await call(`${url}/fail`)
    expect([status, headers.get('retry-after'), body['errcode']]).toEqual([503, '5', 'M_UNKNOWN'])
    expect(logLines.join('')).not.toContain('"level":"error"')
  })

  it('may throw what is no error', async () => {
    const { url } = await failing(() => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      throw 'a string'
    })
    expect((await call(`${url}/fail`)).status).toBe(500)
  })

  it('while its answer is streamed is cut off', async () => {
    const { url } = await answering(() => {
      const payload = Readable.from(
        (async function* () {
          yield '{"n":'
          await Promise.resolve()
          throw new Error('lost')
        })(),
      )
      return new RawAnswer({ contentType: 'application/json', payload })
    })
    await expect(call(`${url}/answer`)).rejects.toThrow()
  })

  it.each([
    ['a header that cannot be written', () => new Answer({ headers: { 'X-A': 'a\r\nb' }, body: { n: 1 } })],
    ['a value that JSON has no word for', () => ({ n: 1n })],
    ['nothing', () => undefined],
    ['what its schema does not allow', () => ({ n: 'one' })],
    ['raw JSON that its schema does not allow', () => rawJson('{}')],
  ])('by answering %s is answered 500', async (_, handle) => {
    const { url } = await answering(handle)
    const { status, headers, body } = await call(`${url}/answer`)
    expect([status, headers.get('content-type'), body['errcode']]).toEqual([500, 'application/json', 'M_UNKNOWN'])
  })

  it('is a refusal even when nobody is allowed in', async () => {
    const { url } = await failing(() => {
      throw forbidden('You are not in this room')
    })
    expect((await call(`${url}/fail`)).body).toEqual({ errcode: 'M_FORBIDDEN', error: 'You are not in this room' })
  })
})

describe('an answer that is ready', () => {
  it('is sent as it is', async () => {
    const { url } = await answering(() => rawJson('{"n": 1}'))
    expect(await (await fetch(`${url}/answer`)).text()).toBe('{"n": 1}')
  })

  it('may be a stream', async () => {
    const { url } = await answering(
      () => new RawAnswer({ contentType: 'application/json', payload: Readable.from(['{"n"', ':1}']) }),
    )
    expect((await call(`${url}/answer`)).body).toEqual({ n: 1 })
  })
})

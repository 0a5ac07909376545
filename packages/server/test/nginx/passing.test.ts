import { once } from 'node:events'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { NginxProcess, TestCa } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PlainUpstream } from './plain-upstream.ts'

const stack = new AsyncDisposableStack()
let nginx: NginxProcess
let ca: TestCa

beforeAll(async () => {
  ca = stack.use(await TestCa.create())
  const certificate = await ca.issue(['localhost', '127.0.0.1', '::1'])
  nginx = stack.use(await NginxProcess.start({ certificate }))
})
afterAll(() => stack.disposeAsync())

/** One request over HTTP/1.1. The path goes out as it is, which `fetch` does not let it. */
async function ask(path: string, options: RequestOptions & { body?: string } = {}) {
  const { body = '', ...rest } = options
  const request = httpsRequest(nginx.url, { path, ca: ca.certificate, agent: false, ...rest })
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

function http2(): ClientHttp2Session {
  return connectHttp2(nginx.url, { ca: ca.certificate })
}

describe('what nginx passes on', () => {
  it('speaks HTTP/2 to clients, many requests on one connection', async () => {
    await using upstream = await PlainUpstream.start((request, response) => response.end(request.url))
    await nginx.leadTo([upstream.url])
    const session = http2()
    const answers = Array.from({ length: 50 }, (_, number) => text(session.request({ ':path': `/n/${number}` })))
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 50 }, (_, number) => `/n/${number}`))
    expect(session.alpnProtocol).toBe('h2')
    session.close()
  })

  it('leaves the path as it was sent: servers have signed it', async () => {
    await using upstream = await PlainUpstream.start((request, response) => response.end(request.url))
    await nginx.leadTo([upstream.url])
    for (const path of [
      '/_matrix/federation/v1/state/%21room%3Aexample.org?event_id=%24a%2Fb',
      '/_matrix/client/v3/rooms/!a:b/state/m.x/%2F%2e%2e%2Fkey',
      '/_matrix//key/./v2/../v2/server?x=%20+y',
      '/_matrix/media/v3/download/a%2Fb/../c',
    ]) {
      expect((await ask(path)).body).toBe(path)
    }
  })

  it('says itself who asks, over IPv4 and IPv6, whatever the client claims', async () => {
    await using upstream = await PlainUpstream.start((_, response) => response.end())
    await nginx.leadTo([upstream.url])
    const headers = {
      'X-Forwarded-For': '203.0.113.7',
      'X-Forwarded-Proto': 'http',
      'X-Real-IP': '203.0.113.7',
      Forwarded: 'for=203.0.113.7',
    }
    await ask('/', { headers })
    await ask('/', { headers, localAddress: '127.0.0.5' })
    await ask('/', { headers, hostname: '::1', port: nginx.ports.federation })
    await ask('/_matrix/client/v1/media/download/a/b', { headers })
    expect(upstream.requests.map((request) => request.headers['x-forwarded-for'])).toEqual([
      '127.0.0.1',
      '127.0.0.5',
      '::1',
      '127.0.0.1',
    ])
    for (const request of upstream.requests) {
      expect(request.headers).toMatchObject({ 'x-forwarded-proto': 'https' })
      expect(request.headers).not.toHaveProperty('x-real-ip')
      expect(request.headers).not.toHaveProperty('forwarded')
    }
  })

  it('sends a large file on while it comes, and back while it is sent', async () => {
    const size = 24 * 1024 * 1024
    const half = Buffer.alloc(size / 2, 1)
    let arrived = 0
    const begun = Promise.withResolvers<void>()
    await using upstream = await PlainUpstream.start((request, response) => {
      request.on('data', (chunk: Buffer) => {
        arrived += chunk.length
        if (arrived >= 1024 * 1024) begun.resolve()
      })
      request.on('end', () => response.end())
    })
    await nginx.leadTo([upstream.url])
    const session = http2()
    const upload = session.request({
      ':method': 'POST',
      ':path': '/_matrix/media/v3/upload',
      'content-length': String(size),
    })
    upload.write(half)
    // The other half is not sent before the first has begun to arrive.
    await begun.promise
    expect(arrived).toBeLessThan(size)
    upload.end(half)
    await once(upload, 'response')
    expect(arrived).toBe(size)
    session.close()

    const read = Promise.withResolvers<void>()
    await using source = await PlainUpstream.start((_, response) => {
      response.writeHead(200, { 'content-length': size }).write(half)
      void read.promise.then(() => response.end(half))
    })
    await nginx.leadTo([source.url])
    const reader = http2()
    const download = reader.request({ ':path': '/_matrix/client/v1/media/download/example.org/abc' })
    let length = 0
    for await (const chunk of download as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length >= 1024 * 1024) read.resolve()
    }
    expect(length).toBe(size)
    reader.close()
  })

  it('tells the process when the client has gone', async () => {
    const gone = Promise.withResolvers<void>()
    const came = Promise.withResolvers<void>()
    await using upstream = await PlainUpstream.start((_, response) => {
      came.resolve()
      response.on('close', () => gone.resolve())
    })
    await nginx.leadTo([upstream.url])
    const session = http2()
    session.request({ ':path': '/_matrix/client/v3/sync?timeout=300000' }).on('error', () => undefined)
    await came.promise
    session.destroy()
    await gone.promise
  })

  it('asks another process when one is away, but never twice what must not happen twice', async () => {
    // Takes a request, and dies over it.
    await using dying = await PlainUpstream.start((request) => {
      request.resume().on('end', () => request.socket.destroy())
    })
    await using well = await PlainUpstream.start((request, response) => {
      request.resume().on('end', () => response.end('well'))
    })
    const answers: Record<string, unknown> = {}
    for (const method of ['GET', 'PUT', 'POST']) {
      // nginx leaves a process alone for a while that has failed; a new start forgets that.
      await nginx.leadTo([dying.url])
      await nginx.leadTo([dying.url, well.url])
      const seen = dying.requests.length + well.requests.length
      for (let tries = 0; tries < 2; tries++) {
        const { status, body } = await ask('/_matrix/x', { method, body: '{}' })
        answers[`${method} ${tries}`] = [status, body.includes('M_UNKNOWN') || body]
      }
      answers[`${method} arrivals`] = dying.requests.length + well.requests.length - seen
    }
    for (const method of ['GET', 'PUT']) {
      expect([answers[`${method} 0`], answers[`${method} 1`]]).toEqual([
        [200, 'well'],
        [200, 'well'],
      ])
      expect(answers[`${method} arrivals`]).toBe(3)
    }
    expect([answers['POST 0'], answers['POST 1']]).toContainEqual([502, true])
    expect(answers['POST arrivals']).toBe(2)
  })

  it('passes every kind of request to those that are there when one has ended', async () => {
    const ended = await PlainUpstream.start((_, response) => response.end('ended'))
    await using there = await PlainUpstream.start((request, response) => {
      request.resume().on('end', () => response.end('there'))
    })
    const { url } = ended
    await ended[Symbol.asyncDispose]()
    await nginx.leadTo([url, there.url])
    for (const method of ['POST', 'GET', 'PUT', 'DELETE', 'POST']) {
      expect((await ask('/', { method, body: '{}' })).body).toBe('there')
    }
  })

  it('says in the form of Matrix what it refuses itself, readable for browsers', async () => {
    await nginx.leadTo([])
    const away = await ask('/_matrix/client/versions')
    expect([away.status, JSON.parse(away.body)]).toEqual([502, expect.objectContaining({ errcode: 'M_UNKNOWN' })])
    expect(away.headers).toMatchObject({ 'access-control-allow-origin': '*', 'retry-after': '5' })
    const large = await ask('/_matrix/client/v3/keys/upload', {
      method: 'POST',
      headers: { 'content-length': String(17 * 1024 * 1024) },
    }).catch((error: unknown) => error)
    expect(large).toMatchObject({ status: 413, headers: { 'access-control-allow-origin': '*' } })
    expect(JSON.parse((large as { body: string }).body)).toMatchObject({ errcode: 'M_TOO_LARGE' })
  })

  it('refuses a second request that is hidden in a body', async () => {
    await using upstream = await PlainUpstream.start((request, response) => {
      request.resume().on('end', () => response.end('seen'))
    })
    await nginx.leadTo([upstream.url])
    const socket = connectTls({ port: nginx.ports.https, host: '127.0.0.1', ca: ca.certificate })
    socket.write(
      'POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n',
    )
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(upstream.requests).toEqual([])
  })

  it('sends browsers from http to https, and serves the proof that a certificate is asked for with', async () => {
    const from = async (path: string) => {
      const request = httpRequest({ host: '127.0.0.1', port: nginx.ports.http, path, agent: false }).end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      return [response.statusCode, response.headers.location, (await text(response)).slice(0, 10)]
    }
    expect(await from('/_matrix/x?y')).toEqual([308, 'https://127.0.0.1/_matrix/x?y', expect.anything()])
    expect(await from('/.well-known/acme-challenge/proof')).toEqual([200, undefined, 'it is mine'])
  })

  it('logs requests without what is in their query', async () => {
    await using upstream = await PlainUpstream.start((_, response) => response.end())
    await nginx.leadTo([upstream.url])
    await ask('/_matrix/client/v3/sync?access_token=verysecret')
    await expect.poll(() => nginx.accessLog(), { timeout: 60_000 }).toContain('GET /_matrix/client/v3/sync HTTP/1.1')
    expect(await nginx.accessLog()).not.toContain('verysecret')
  })
})

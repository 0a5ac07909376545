import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'

import { HttpClient } from './http-client.ts'

describe('HttpClient', () => {
  const ends: (() => void)[] = []
  afterEach(() => ends.splice(0).forEach((end) => end()))

  async function clientOf(handle: (request: IncomingMessage, response: ServerResponse) => unknown) {
    const server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = new HttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    let connections = 0
    server.on('connection', () => connections++)
    ends.push(() => {
      client.close()
      server.closeAllConnections()
      server.close()
    })
    return { client, server, connections: () => connections }
  }

  it('sends a body and a token, and reads JSON', async () => {
    const { client } = await clientOf(async (request, response) => {
      const seen = { method: request.method, url: request.url, token: request.headers.authorization }
      response.statusCode = 403
      response.end(JSON.stringify({ ...seen, body: JSON.parse(await text(request)) as unknown }))
    })
    const answer = await client.send({ method: 'PUT', path: '/a?b=1', body: { text: 'größer ☃' }, token: 'secret' })
    expect(answer).toEqual({
      status: 403,
      body: { method: 'PUT', url: '/a?b=1', token: 'Bearer secret', body: { text: 'größer ☃' } },
    })
  })

  it('reads chunks, and characters that are split between them', async () => {
    const json = Buffer.from(JSON.stringify({ text: '☃'.repeat(1000) }))
    const { client } = await clientOf((_request, response) => {
      for (let start = 0; start < json.length; start += 1000) response.write(json.subarray(start, start + 1000))
      response.end()
    })
    expect((await client.send({ method: 'GET', path: '/' })).body).toEqual({ text: '☃'.repeat(1000) })
  })

  it('reads bodies larger than what arrives at once', async () => {
    const body = { text: 'x'.repeat(5_000_000) }
    const { client } = await clientOf((_request, response) => {
      const json = JSON.stringify(body)
      response.setHeader('content-length', json.length)
      response.end(json)
    })
    expect((await client.send({ method: 'GET', path: '/' })).body).toEqual(body)
  })

  it('uses a connection for one request after the other, and as many as there are requests at once', async () => {
    const { client, connections } = await clientOf((_request, response) => {
      setTimeout(() => response.end('{}'), 20)
    })
    for (let turn = 0; turn < 3; turn++) await client.send({ method: 'GET', path: '/' })
    expect(connections()).toBe(1)
    await Promise.all([1, 2, 3].map(() => client.send({ method: 'GET', path: '/' })))
    expect(connections()).toBe(3)
  })

  it('opens another connection when the server has closed the idle one', async () => {
    const { client, server, connections } = await clientOf((_request, response) => response.end('{}'))
    await client.send({ method: 'GET', path: '/' })
    server.closeAllConnections()
    await client.send({ method: 'GET', path: '/' })
    expect(connections()).toBe(2)
  })

  it('gives up a request on a signal', async () => {
    const { client } = await clientOf(() => {})
    const end = new AbortController()
    const answer = client.send({ method: 'GET', path: '/', signal: end.signal, onSent: () => end.abort() })
    await expect(answer).rejects.toThrow('closed the connection')
  })

  it('fails when a server ends the connection instead of answering', async () => {
    const { client } = await clientOf((request) => request.socket.destroy())
    await expect(client.send({ method: 'GET', path: '/' })).rejects.toThrow()
  })
})

import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerName } from '@hearth/protocol'
import { FakeNetwork, FakePeer, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { MediaClient, send } from './media-client.ts'

let network: FakeNetwork
let ca: TestCa
let peer: FakePeer
let cdn: FakePeer
let server: TestServer
let directory: string
let person: TestClient
let alice: MediaClient
let ids = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-media-'))
  ca = await TestCa.create()
  network = new FakeNetwork()
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
  cdn = await FakePeer.start({ ca, network, name: 'cdn.test', port: 443 })
  const settings = {
    HEARTH_NETWORK_CA_FILE: ca.caFile,
    HEARTH_MEDIA_DIRECTORY: directory,
    HEARTH_MEDIA_MAX_UPLOAD_SIZE: '1M',
  }
  server = await TestServer.start({ network, settings })
  person = await server.register('alice')
  alice = new MediaClient(() => server.url, person)
})
afterAll(async () => {
  await server.stop()
  await peer[Symbol.asyncDispose]()
  await cdn[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

let mediaId: string
let path: string
beforeEach(() => {
  mediaId = `media${(ids += 1)}`
  path = `peer.test/${mediaId}`
})

const MiB = 1024 * 1024
const authed = /^\/_matrix\/federation\/v1\/media\/download\//
const old = /^\/_matrix\/media\/v3\/download\//
const incoming = (): Promise<string[]> => readdir(join(directory, 'incoming')).catch(() => [])
const askedFor = (pattern: RegExp): number =>
  peer.requestsTo(pattern).filter((each) => each.path.endsWith(mediaId)).length

/** A multipart answer: each part as its headers and its bytes. */
function multipart(parts: readonly (readonly [headers: string, bytes: string | Buffer])[], boundary = 'B'): Buffer {
  const pieces = parts.flatMap(([headers, bytes]) => [
    Buffer.from(`--${boundary}\r\n${headers}\r\n\r\n`),
    Buffer.from(bytes),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)])
}

const metadata = ['Content-Type: application/json', '{}'] as const
const file = (bytes: string | Buffer, headers = 'Content-Type: image/png'): Buffer =>
  multipart([metadata, [headers, bytes]])

function answer(response: ServerResponse, body: Buffer | string, type = 'multipart/mixed; boundary=B'): undefined {
  response.writeHead(200, { 'content-type': type, 'content-length': body.length }).end(body)
}

/** The peer has this at the authenticated endpoint. */
function peerHas(body: Buffer | string, type?: string): void {
  peer.on('GET', authed, (_request, response) => answer(response, body, type))
}

describe('files of other servers', () => {
  it('are asked for once, with a signed request, and kept', async () => {
    const bytes = randomBytes(300_000)
    peerHas(file(bytes, 'Content-Type: image/png\r\nContent-Disposition: inline; filename="a b.png"'))
    const answers = await Promise.all(Array.from({ length: 10 }, () => alice.download(path)))
    for (const each of answers) {
      expect([each.status, each.headers['content-type'], each.bytes.equals(bytes)]).toEqual([200, 'image/png', true])
      expect(each.headers['content-disposition']).toBe('inline; filename="a b.png"')
    }
    expect((await alice.download(path, { range: 'bytes=10-19' })).bytes).toEqual(bytes.subarray(10, 20))
    expect(askedFor(authed)).toBe(1)
    expect(peer.requestsTo(authed).at(-1)!.headers.authorization).toMatch(/^X-Matrix origin="hearth.test"/)
    expect(await incoming()).toEqual([])
  })

  it('are handed on while they arrive', async () => {
    let response: ServerResponse | undefined
    peer.on('GET', authed, (_request, given) => {
      response = given
      given.writeHead(200, { 'content-type': 'multipart/mixed; boundary="B"' })
      given.write('--B\r\nContent-Type: application/json\r\n\r\n{}\r\n--B\r\nContent-Type: text/plain\r\n\r\n')
      given.write('x'.repeat(200_000))
      return undefined
    })
    const received: string[] = []
    const { hostname, port } = new URL(server.url)
    const headers = { authorization: `Bearer ${person.accessToken}` }
    const ended = new Promise<void>((resolve, reject) => {
      httpRequest({ hostname, port, path: `/_matrix/client/v1/media/download/${path}`, headers }, (answered) => {
        answered.on('data', (chunk: Buffer) => received.push(chunk.toString()))
        answered.on('end', resolve).on('error', reject)
      })
        .on('error', reject)
        .end()
    })
    await vi.waitFor(() => expect(received.join('').length).toBeGreaterThan(120_000), { timeout: 60_000 })
    const late = alice.download(path)
    response!.end(`${'y'.repeat(1000)}\r\n--B--\r\n`)
    await ended
    const expected = 'x'.repeat(200_000) + 'y'.repeat(1000)
    expect([received.join(''), (await late).bytes.toString()]).toEqual([expected, expected])
    expect(askedFor(authed)).toBe(1)
  })

  it('are never given to their end when their content is quarantined, and small ones not at all', async () => {
    for (const size of [300_000, 30_000]) {
      const bytes = randomBytes(size)
      const here = await alice.upload(bytes)
      const serverNid = (await server.store.servers.find('hearth.test' as ServerName))!
      const { nid } = (await server.store.media.find(serverNid, here.split('/')[1]!))!
      await server.store.mediaCensus.quarantine([nid], person.userId, Date.now())
      mediaId = `media${(ids += 1)}`
      peerHas(file(bytes))
      const got = alice.download(`peer.test/${mediaId}`)
      // It is known only when all is here, so that its beginning may be on its way: the connection breaks off.
      if (size > 64 * 1024) await expect(got).rejects.toThrow()
      else expect(await got).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
      expect((await alice.download(`peer.test/${mediaId}`)).status).toBe(404)
    }
  })

  it('[SEC-189] are read whatever their bytes look like', async () => {
    const bytes = '\r\n--BX\r\n--B \x00\r\n-\r\n--\r\n--\r\n\r\n--'
    peerHas(file(bytes.replace('--B ', '--b ')))
    expect((await alice.download(path)).bytes.toString()).toBe(bytes.replace('--B ', '--b '))
  })

  it.each([
    ['another boundary', file('x'), 'multipart/mixed; boundary=C'],
    ['no boundary', file('x'), 'multipart/mixed'],
    ['another type', file('x'), 'text/html'],
    ['three parts', multipart([metadata, ['Content-Type: a/b', 'x'], ['Content-Type: a/b', 'y']]), undefined],
    ['one part', multipart([['Content-Type: a/b', 'x']]), undefined],
    [
      'endless metadata',
      multipart([
        ['Content-Type: application/json', 'x'.repeat(500_000)],
        ['a: b', 'x'],
      ]),
      undefined,
    ],
    ['endless headers', multipart([metadata, [`a: ${'b'.repeat(50_000)}`, 'x']]), undefined],
    ['no end', file('x').subarray(0, -10), undefined],
  ])('[SEC-189] are not taken from an answer with %s', async (_what, body, type) => {
    peerHas(body, type)
    const got = await alice.download(path, { range: 'bytes=0-' })
    expect(got).toMatchObject({ status: 502, body: { errcode: 'M_UNKNOWN' } })
    expect(await incoming()).toEqual([])
  })

  it('[SEC-188] are not taken when they are too large, said or not', async () => {
    peerHas(file(Buffer.alloc(2 * MiB)))
    expect(await alice.download(path)).toMatchObject({ status: 502, body: { errcode: 'M_TOO_LARGE' } })
    peer.on('GET', authed, (_request, response) => {
      response.writeHead(200, { 'content-type': 'multipart/mixed; boundary=B' })
      response.write('--B\r\nContent-Type: application/json\r\n\r\n{}\r\n--B\r\nContent-Type: text/plain\r\n\r\n')
      const endless = setInterval(() => response.write(Buffer.alloc(64 * 1024)), 1)
      response.on('close', () => clearInterval(endless))
      return undefined
    })
    mediaId = `media${(ids += 1)}`
    const endless = await alice.download(`peer.test/${mediaId}`, { range: 'bytes=0-' })
    expect(endless).toMatchObject({ status: 502, body: { errcode: 'M_TOO_LARGE' } })
    await expect(alice.download(`peer.test/media${(ids += 1)}`)).rejects.toThrow()
    await vi.waitFor(async () => expect(await incoming()).toEqual([]), { timeout: 60_000 })
  })

  it('are given up when nobody waits for them any longer', async () => {
    let closed = 0
    peer.on('GET', authed, (_request, response) => {
      response.on('close', () => (closed += 1))
      response.writeHead(200, { 'content-type': 'multipart/mixed; boundary=B' })
      response.write(
        '--B\r\nContent-Type: application/json\r\n\r\n{}\r\n--B\r\nContent-Type: text/plain\r\n\r\nabc'.padEnd(200_000),
      )
      return undefined
    })
    const { hostname, port } = new URL(server.url)
    const headers = { authorization: `Bearer ${person.accessToken}` }
    const target = `/_matrix/client/v1/media/download/${path}`
    const asking = httpRequest({ hostname, port, path: target, headers, agent: false }, (answered) => {
      answered.on('error', () => undefined)
      answered.once('data', () => asking.destroy())
    })
    asking.on('error', () => undefined).end()
    await vi.waitFor(() => expect(closed).toBe(1), { timeout: 60_000 })
    await vi.waitFor(async () => expect(await incoming()).toEqual([]), { timeout: 60_000 })
  })

  it('are asked for in the old way from servers that know no other', async () => {
    peer.on('GET', authed, () => [404, { errcode: 'M_UNRECOGNIZED', error: 'what?' }])
    peer.on('GET', old, (_request, response) => {
      response.writeHead(200, {
        'content-type': 'text/plain',
        'content-disposition': "inline; filename*=utf-8''%c3%bc",
      })
      response.end('old')
      return undefined
    })
    const got = await alice.download(path)
    expect([got.bytes.toString(), got.headers['content-disposition']]).toEqual([
      'old',
      "inline; filename*=utf-8''%C3%BC",
    ])
    const asked = peer.requestsTo(old).at(-1)!
    expect([asked.query.get('allow_remote'), asked.headers.authorization]).toEqual(['false', undefined])
    mediaId = `media${(ids += 1)}`
    await alice.download(`peer.test/${mediaId}`)
    expect([askedFor(authed), askedFor(old)]).toEqual([0, 1])
  })
})

describe('files that other servers have elsewhere', () => {
  let elsewhere: FakePeer
  beforeAll(async () => {
    // One that is not taken for an old server by now.
    elsewhere = await FakePeer.start({ ca, network, name: 'elsewhere.test' })
  })
  afterAll(() => elsewhere[Symbol.asyncDispose]())
  beforeEach(() => (path = `elsewhere.test/${mediaId}`))

  const isAt = (location: string): void =>
    elsewhere.on('GET', authed, (_request, response) =>
      answer(response, multipart([metadata, [`Location: ${location}`, '']])),
    )

  it('are fetched from there, without a word of who asks', async () => {
    isAt('https://cdn.test/files/1?token=secret')
    cdn.on('GET', '/files/1', (_request, response) => {
      response.writeHead(302, { location: '/files/2' }).end()
      return undefined
    })
    cdn.on('GET', '/files/2', (_request, response) => {
      response
        .writeHead(200, { 'content-type': 'image/webp', 'content-disposition': 'inline; filename=x.webp' })
        .end('webp')
      return undefined
    })
    const got = await alice.download(path)
    expect([got.bytes.toString(), got.headers['content-type']]).toEqual(['webp', 'image/webp'])
    expect(got.headers['content-disposition']).toBe('inline; filename="x.webp"')
    expect(cdn.requests.at(-1)!.headers).not.toHaveProperty('authorization')
  })

  it.each([
    'http://cdn.test/files/2',
    'file:///etc/passwd',
    'https://10.0.0.1/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://169.254.169.254/latest/meta-data',
    'https://inside.test/',
    'https://user:password@cdn.test/files/2',
    'https://cdn.test/to-inside',
    'https://cdn.test/to-file',
    'https://cdn.test/for-ever',
    'https://cdn.test/missing',
    '/relative',
    'nonsense',
  ])('[SEC-177] [M-05] [D-03] are not fetched from %s', async (location) => {
    network.addHost('inside.test', ['10.0.0.7'])
    const redirect = (from: string, to: string): void =>
      cdn.on('GET', from, (_request, response) => {
        response.writeHead(307, { location: to }).end('inner secret')
        return undefined
      })
    redirect('/to-inside', 'https://inside.test/')
    redirect('/to-file', 'file:///etc/passwd')
    redirect('/for-ever', 'https://cdn.test/for-ever')
    const before = network.attempts.length
    isAt(location)
    const got = await alice.download(path)
    expect([got.status, got.body['errcode']]).toEqual([502, 'M_UNKNOWN'])
    expect(got.bytes.toString()).not.toContain('secret')
    const reached = network.attempts.slice(before).map(({ address }) => address)
    expect(reached.filter((address) => !address.startsWith('9.0.'))).toEqual([])
    expect(await incoming()).toEqual([])
  })

  it('[D-03] [M-05] are not asked for inside of our network', async () => {
    network.addHost('inside.test', ['10.0.0.7'])
    for (const name of ['127.0.0.1:6379', '10.0.0.1', 'inside.test', '[::1]:80']) {
      const got = await alice.download(`${name}/abc`)
      expect([got.status, got.body['errcode']]).toEqual([502, 'M_UNKNOWN'])
    }
    expect(network.attempts.filter(({ address }) => !address.startsWith('9.0.'))).toEqual([])
  })

  it('are not there when the other server says so, or refuses', async () => {
    for (const [status, errcode, expected, expectedCode] of [
      [404, 'M_NOT_FOUND', 404, 'M_NOT_FOUND'],
      [403, 'M_FORBIDDEN', 404, 'M_NOT_FOUND'],
      [504, 'M_NOT_YET_UPLOADED', 504, 'M_NOT_YET_UPLOADED'],
      [502, 'M_TOO_LARGE', 502, 'M_TOO_LARGE'],
      [500, 'M_UNKNOWN', 502, 'M_UNKNOWN'],
    ] as const) {
      elsewhere.on('GET', authed, () => [status, { errcode, error: 'text of the peer' }])
      const got = await alice.download(`elsewhere.test/media${(ids += 1)}`)
      expect([got.status, got.body['errcode']]).toEqual([expected, expectedCode])
      expect(got.bytes.toString()).not.toContain('of the peer')
    }
  })
})

describe('GET /_matrix/federation/v1/media/download', () => {
  const ask = (asker: FakePeer, target: string) =>
    send(server.url, 'GET', target, {
      headers: { authorization: asker.authorization({ destination: 'hearth.test', method: 'GET', target }) },
    })
  const target = (id: string): string => `/_matrix/federation/v1/media/download/${id.split('/').at(-1)!}`

  it('gives other servers the files of this one', async () => {
    const bytes = randomBytes(300_000)
    const uploaded = await alice.upload(bytes, { type: 'image/png', name: 'ü.png' })
    const got = await ask(peer, target(uploaded))
    expect(got.status).toBe(200)
    const [, boundary] = /^multipart\/mixed; boundary=(\w+)$/.exec(got.headers['content-type']!)!
    const parts = multipart(
      [metadata, ["Content-Type: image/png\r\nContent-Disposition: inline; filename*=utf-8''%C3%BC.png", bytes]],
      boundary,
    )
    expect(got.bytes.equals(parts)).toBe(true)
    expect(got.headers['content-length']).toBe(String(parts.length))
  })

  it('gives nothing to who has not signed, of others, or of what is not there', async () => {
    const uploaded = await alice.upload('x')
    expect((await send(server.url, 'GET', target(uploaded))).status).toBe(401)
    peerHas(file('theirs'))
    for (const id of ['unknown', '..%2f..', mediaId]) {
      expect(await ask(peer, target(id))).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    }
    await server.store.database.execute(null, `update media set quarantined_by = 'x' where media_id = $1`, [
      uploaded.split('/')[1]!,
    ])
    expect(await ask(peer, target(uploaded))).toMatchObject({ status: 404 })
    const created = await alice.request('POST', '/_matrix/media/v1/create')
    const waiting = await ask(peer, `${target(created.body['content_uri'] as string)}?timeout_ms=0`)
    expect(waiting).toMatchObject({ status: 504, body: { errcode: 'M_NOT_YET_UPLOADED' } })
  })
})

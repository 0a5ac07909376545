import { canonicalJson } from '@hearth/crypto'
import type { JsonObject } from '@hearth/protocol'
import { FakeNetwork, FakePeer, TestCa, TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendRequest } from '../raw-request.ts'
import { askable, here } from '../shared-room.ts'

// What somebody can have this server do who is nobody, or only claims to be another server.

const network = new FakeNetwork()
let ca: TestCa
let server: TestServer
let peer: FakePeer

beforeAll(async () => {
  ca = await TestCa.create()
  const settings = { HEARTH_NETWORK_CA_FILE: ca.caFile, HEARTH_RATE_LIMITS_ENABLED: 'true' }
  server = await TestServer.start({ network, settings: { ...settings, HEARTH_TRUSTED_PROXIES: '127.0.0.1' } })
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
})

afterAll(async () => {
  await server.stop()
  await peer[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
})

const rooms = '/_matrix/federation/v1/publicRooms'
let addresses = 0

/** Sends a search of the public rooms from an address; the signature is of the canonical form, or forged. */
function search(body: JsonObject, { text, address, forged }: { text: string; address: string; forged: boolean }) {
  const signed = { destination: here, method: 'POST', target: rooms, body: forged ? { ...body, forged: 1 } : body }
  const headers = ['Authorization', peer.authorization(signed), 'X-Forwarded-For', address]
  return sendRequest(server.url, { method: 'POST', target: rooms, headers, body: text })
}

function newAddress(): string {
  return `192.0.2.${++addresses}`
}

describe('somebody who sends large bodies in the name of another server', () => {
  const large = { limit: 1, filler: 'x'.repeat(50_000) }
  const canonical = canonicalJson(large)
  const otherwise = JSON.stringify(large, null, 2)

  it('is not listened to for long, while the server itself is', async () => {
    const address = newAddress()
    const statuses: number[] = []
    for (let i = 0; i < 40; i++) statuses.push((await search(large, { text: canonical, address, forged: true })).status)
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
    expect(statuses.indexOf(429)).toBeLessThan(30)
    // Even from the same address, when it sends what it signs; and in whatever form from its own.
    expect((await search(large, { text: canonical, address, forged: false })).status).toBe(200)
    expect((await search(large, { text: otherwise, address: newAddress(), forged: false })).status).toBe(200)
  })

  it('is somebody else than a server that signs another form than it sends', async () => {
    const address = newAddress()
    for (let i = 0; i < 60; i++) {
      expect((await search(large, { text: otherwise, address, forged: false })).status).toBe(200)
    }
  })
})

describe('somebody who has servers asked for their keys', () => {
  it('has only so many asked, and is answered all the same', async () => {
    const headers = { 'x-forwarded-for': newAddress() }
    const victims = Array.from({ length: 300 }, (_, i) => `victim${i}.test`)
    const addressesOf = new Set(victims.map((name) => network.addHost(name)))
    for (let i = 0; i < victims.length; i += 30) {
      const wanted = Object.fromEntries(victims.slice(i, i + 30).map((name): [string, JsonObject] => [name, {}]))
      const body = { server_keys: { ...wanted, 'peer.test': {} } }
      const answer = await server.anonymous.request('POST', '/_matrix/key/v2/query', { body, headers })
      expect([answer.status, (answer.body['server_keys'] as unknown[]).length <= 1]).toEqual([200, true])
    }
    const attempted = network.attempts.map(({ address }) => address)
    const asked = new Set(attempted.filter((address) => addressesOf.has(address)))
    expect(asked.size).toBeGreaterThan(20)
    expect(asked.size).toBeLessThan(200)
  })
})

describe('a server whose keys cannot be had', () => {
  it.each<[string, (peer: FakePeer) => void]>([
    [
      'answers without end',
      (bad) =>
        bad.on('GET', '/_matrix/key/v2/server', (_, response) => {
          response.writeHead(200, { 'content-type': 'application/json' })
          const more = () =>
            void (response.destroyed || response.write(`{"a":"${'x'.repeat(100_000)}`, () => setImmediate(more)))
          more()
          return undefined
        }),
    ],
    ['answers with a text', (bad) => bad.on('GET', '/_matrix/key/v2/server', () => [200, 'x'] as const)],
    ['answers with a list', (bad) => bad.on('GET', '/_matrix/key/v2/server', () => [200, []] as const)],
    ['answers with an error', (bad) => bad.on('GET', '/_matrix/key/v2/server', () => [500, {}] as const)],
    [
      'answers with another place',
      (bad) =>
        bad.on('GET', '/_matrix/key/v2/server', (_, response) => {
          response.writeHead(302, { location: 'https://peer.test:8448/_matrix/key/v2/server' }).end()
          return undefined
        }),
    ],
    [
      'answers with bytes that are no text',
      (bad) =>
        bad.on('GET', '/_matrix/key/v2/server', (_, response) => {
          response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from([0x7b, 0xff, 0x7d]))
          return undefined
        }),
    ],
    [
      'answers with more nesting than anybody can read',
      (bad) =>
        bad.on('GET', '/_matrix/key/v2/server', (_, response) => {
          response.writeHead(200, { 'content-type': 'application/json' })
          response.end(`{"verify_keys":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
          return undefined
        }),
    ],
    [
      'has a key twice',
      (bad) =>
        bad.on('GET', '/_matrix/key/v2/server', (_, response) => {
          const text = JSON.stringify(bad.keyDocument()).replace('{', '{"server_name":"x",')
          response.writeHead(200, { 'content-type': 'application/json' }).end(text)
          return undefined
        }),
    ],
    [
      'hangs up',
      (bad) =>
        bad.on('GET', '/_matrix/key/v2/server', (_, response) => {
          response.destroy()
          return undefined
        }),
    ],
  ])('[SEC-173] [M-06] is not believed when it %s', async (_, misbehave) => {
    const bad = await FakePeer.start({ ca, network, name: `bad${++addresses}.test` })
    misbehave(bad)
    const target = '/_matrix/federation/v1/version/x'
    expect((await bad.ask(askable(server), 'POST', rooms, {})).status).toBe(401)
    expect((await bad.ask(askable(server), 'GET', target)).status).toBe(404)
    expect((await peer.ask(askable(server), 'POST', rooms, {})).status).toBe(200)
    await bad[Symbol.asyncDispose]()
  })
})

describe('bodies that can be read in two ways', () => {
  it.each<[string, string, string]>([
    [
      'POST',
      '/_matrix/federation/v1/get_missing_events/!r%3Ahearth.test',
      '{"earliest_events":[],"latest_events":[],"latest_events":["$x"]}',
    ],
    ['POST', rooms, '{"limit":1,"limit":2}'],
    ['PUT', '/_matrix/federation/v1/send/twice', '{"pdus":[],"pdus":[{}]}'],
    ['PUT', '/_matrix/federation/v2/send_join/!r%3Ahearth.test/$e', '{"type":"m.room.member","type":"x"}'],
    ['PUT', '/_matrix/federation/v2/invite/!r%3Ahearth.test/$e', '{"event":{},"event":{}}'],
  ])('are refused: %s %s', async (method, target, text) => {
    const rest = canonicalJson({ destination: here, method, origin: peer.name, uri: target }).slice(1)
    const sig = peer.signingKey.sign(`{"content":${text},${rest}`)
    const authorization = `X-Matrix origin="${peer.name}",key="${peer.signingKey.keyId}",sig="${sig}"`
    const answer = await sendRequest(server.url, {
      method,
      target,
      headers: ['Authorization', authorization],
      body: text,
    })
    expect([answer.status, answer.body.errcode]).toEqual([400, 'M_BAD_JSON'])
  })
})

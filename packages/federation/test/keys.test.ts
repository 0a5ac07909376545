import type { JsonObject } from '@hearth/protocol'
import { FakeNetwork, FakePeer, freePort, TestCa, TestServer } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const network = new FakeNetwork()
let ca: TestCa
let server: TestServer
let notary: TestServer
let peer: FakePeer

beforeAll(async () => {
  ca = await TestCa.create()
  server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
  peer = await FakePeer.start({ ca, network, name: 'peer.test' })
  notary = await notaryServer()
})

afterAll(async () => {
  await server.stop()
  await notary.stop()
  await peer[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
})

/** Another Hearth, reached over TLS by its name. */
async function notaryServer(): Promise<TestServer> {
  const certificate = await ca.issue('notary.test')
  const port = await freePort()
  const started = await TestServer.start({
    network,
    settings: {
      HEARTH_SERVER_NAME: 'notary.test',
      HEARTH_LISTEN: `http://127.0.0.1:0,https://127.0.0.1:${port}`,
      HEARTH_TLS_CERTIFICATE: certificate.certificateFile,
      HEARTH_TLS_PRIVATE_KEY: certificate.privateKeyFile,
      HEARTH_NETWORK_CA_FILE: ca.caFile,
    },
  })
  network.listen(network.addHost('notary.test'), 8448, port)
  return started
}

const keysOf = (document: unknown) => Object.keys((document as JsonObject)['verify_keys'] as JsonObject)
const query = async (path: string, body?: unknown) => {
  const method = body === undefined ? 'GET' : 'POST'
  const answer = await server.anonymous.request(method, `/_matrix/key/v2/query${path}`, {
    ...(body !== undefined && { body }),
  })
  return { status: answer.status, documents: (answer.body['server_keys'] ?? []) as JsonObject[] }
}

describe('GET /_matrix/key/v2/server', () => {
  it('gives the keys of this server, signed, to anybody, and whichever key is asked for', async () => {
    const [all, one] = await Promise.all(
      ['', '/ed25519%3Asomething'].map((path) => server.anonymous.request('GET', `/_matrix/key/v2/server${path}`)),
    )
    expect(all!.body).toMatchObject({ server_name: 'hearth.test', old_verify_keys: {} })
    expect(Object.keys((all!.body['signatures'] as JsonObject)['hearth.test'] as JsonObject)).toEqual(keysOf(all!.body))
    expect(one!.body).toEqual(all!.body)
  })
})

describe('GET /_matrix/key/v2/query/{serverName}', () => {
  it('gives what the server says, signed by both', async () => {
    const { documents } = await query('/peer.test')
    expect(documents.map(keysOf)).toEqual([[peer.signingKey.keyId]])
    expect(Object.keys(documents[0]!['signatures'] as JsonObject).toSorted()).toEqual(['hearth.test', 'peer.test'])
    expect((await query(`/peer.test/${peer.signingKey.keyId}?minimum_valid_until_ts=5`)).documents.length).toBe(1)
  })

  it('gives nothing of a server that cannot be reached, and refuses what is no server', async () => {
    expect(await query('/nowhere.test')).toEqual({ status: 200, documents: [] })
    expect((await query('/no%20server')).status).toBe(400)
    expect((await query('/peer.test?minimum_valid_until_ts=x')).status).toBe(400)
  })
})

describe('POST /_matrix/key/v2/query', () => {
  it('gives the keys of several servers', async () => {
    const wanted = {
      'peer.test': {},
      'hearth.test': { 'ed25519:x': {} },
      'nowhere.test': { 'ed25519:x': { minimum_valid_until_ts: 5 } },
      'no server': {},
      __proto__: {},
    }
    const { documents } = await query('', { server_keys: wanted })
    expect(documents.map((document) => document['server_name']).toSorted()).toEqual(['hearth.test', 'peer.test'])
    expect(await query('', { server_keys: {} })).toEqual({ status: 200, documents: [] })
  })

  it('refuses what is no query, and asks about no more servers than a request may', async () => {
    for (const body of [
      {},
      { server_keys: [] },
      { server_keys: { 'peer.test': 5 } },
      { server_keys: { a: { b: { minimum_valid_until_ts: 'x' } } } },
    ]) {
      expect((await query('', body)).status).toBe(400)
    }
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`s${i}.test`, {}]))
    expect((await query('', { server_keys: many })).status).toBe(400)
  })
})

describe('a server that does not answer', () => {
  it('is known through a notary that knew it', async () => {
    const gone = await FakePeer.start({ ca, network, name: 'gone.test' })
    const profile = '/_matrix/federation/v1/query/profile?user_id=%40alice%3Ahearth.test'
    await server.register('alice')
    const settings = { HEARTH_NETWORK_CA_FILE: ca.caFile, HEARTH_FEDERATION_NOTARIES: 'notary.test' }
    await using trusting = await TestServer.start({ network, settings })
    await trusting.register('alice')
    expect((await gone.ask({ url: notary.url, name: 'notary.test' }, 'GET', profile)).status).not.toBe(401)
    await gone[Symbol.asyncDispose]()
    expect((await gone.ask({ url: trusting.url, name: 'hearth.test' }, 'GET', profile)).status).toBe(200)
    expect((await gone.ask({ url: server.url, name: 'hearth.test' }, 'GET', profile)).status).toBe(401)
  })
})

import { createHash } from 'node:crypto'
import { generateSigningKey, signJson, type SigningKey } from '@hearth/crypto'
import type { JsonObject } from '@hearth/protocol'
import { FakeNetwork, FakePeer, TestCa, TestServer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const pepper = 'salt'
const hashOf = (address: string, medium = 'email') =>
  createHash('sha256').update(`${address} ${medium} ${pepper}`).digest('base64url')

let ca: TestCa
let network: FakeNetwork
let identity: FakePeer
let server: TestServer
let alice: TestClient
let bob: TestClient
let tokens = 0

/** What the identity server has come to know: users by the hashes of their addresses. */
const mappings: Record<string, string> = {}
/** The keys that it has signed with, and stands by. */
const identityKey = generateSigningKey()
const validKeys = new Set([identityKey.publicKey])

beforeAll(async () => {
  ca = await TestCa.create()
  network = new FakeNetwork()
  identity = await FakePeer.start({ ca, network, name: 'identity.test', port: 443 })
  identity.on('GET', '/_matrix/identity/v2/hash_details', ({ headers }) =>
    headers.authorization === 'Bearer swordfish'
      ? { algorithms: ['none', 'sha256'], lookup_pepper: pepper }
      : [401, { errcode: 'M_UNAUTHORIZED' }],
  )
  identity.on('POST', '/_matrix/identity/v2/lookup', ({ body }) => {
    const asked = body['addresses'] as string[]
    return { mappings: Object.fromEntries(asked.map((hash) => [hash, mappings[hash] ?? null])) }
  })
  identity.on('POST', '/_matrix/identity/v2/store-invite', () => ({
    token: `token${(tokens += 1)}`,
    display_name: 'c...@e...',
    public_keys: [
      {
        public_key: identityKey.publicKey,
        key_validity_url: 'https://identity.test/_matrix/identity/v2/pubkey/isvalid',
      },
    ],
  }))
  identity.on('GET', '/_matrix/identity/v2/pubkey/isvalid', ({ query }) => ({
    valid: validKeys.has(query.get('public_key')!),
  }))
  server = await TestServer.start({ network, settings: { HEARTH_NETWORK_CA_FILE: ca.caFile } })
  alice = await server.register('alice')
  bob = await server.register('bob')
  mappings[hashOf('bob@example.org')] = bob.userId
})

afterAll(async () => {
  await server.stop()
  await identity[Symbol.asyncDispose]()
  await ca[Symbol.asyncDispose]()
})

const enc = encodeURIComponent
const by = (address: string, changes: JsonObject = {}) => ({
  id_server: 'identity.test',
  id_access_token: 'swordfish',
  medium: 'email',
  address,
  ...changes,
})
const invite = (roomId: string, body: JsonObject, client = alice) =>
  client.request('POST', `rooms/${enc(roomId)}/invite`, { body })
const membershipIn = async (roomId: string, { userId }: TestClient) => {
  const answer = await alice.request('GET', `rooms/${enc(roomId)}/state/m.room.member/${enc(userId)}`)
  return answer.body['membership']
}
const waitingIn = async (roomId: string) => {
  const { list } = (await alice.get(`rooms/${enc(roomId)}/state`)) as { list: JsonObject[] }
  return list.filter(({ type }) => type === 'm.room.third_party_invite')
}

describe('an invitation by an address', () => {
  it('goes to the user whose it is, whom the identity server knows by the hash of it alone', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    const answer = await invite(roomId, by('Bob@Example.org'))
    expect([answer.status, answer.body]).toEqual([200, {}])
    expect(await membershipIn(roomId, bob)).toBe('invite')
    expect(await waitingIn(roomId)).toEqual([])
    const [lookup] = identity.requestsTo(/lookup/).slice(-1)
    expect(lookup?.body).toEqual({ algorithm: 'sha256', pepper, addresses: [hashOf('bob@example.org')] })
    // Who is there already is not invited again.
    await bob.join(roomId)
    expect((await invite(roomId, by('bob@example.org'))).status).toBe(403)
  })

  it('waits in the room for whoever turns out to have it', async () => {
    const carol = await server.register('carol')
    await alice.put(`profile/${enc(alice.userId)}/displayname`, { displayname: 'Alice' })
    const roomId = await alice.createRoom({ preset: 'private_chat', name: 'Tea' })
    expect((await invite(roomId, by('carol@example.org'))).status).toBe(200)
    const [stored] = identity.requestsTo(/store-invite/).slice(-1)
    expect(stored?.body).toEqual({
      medium: 'email',
      address: 'carol@example.org',
      room_id: roomId,
      sender: alice.userId,
      room_name: 'Tea',
      room_join_rules: 'invite',
      sender_display_name: 'Alice',
    })
    const [waiting] = await waitingIn(roomId)
    const publicKey = identityKey.publicKey
    const validity = 'https://identity.test/_matrix/identity/v2/pubkey/isvalid'
    expect(waiting).toMatchObject({
      state_key: `token${tokens}`,
      sender: alice.userId,
      content: {
        display_name: 'c...@e...',
        public_key: publicKey,
        key_validity_url: validity,
        public_keys: [{ public_key: publicKey, key_validity_url: validity }],
      },
    })

    const signed = signedFor(carol)
    const bound = { medium: 'email', address: 'carol@example.org', mxid: carol.userId, room_id: roomId }
    const invites = [{ ...bound, sender: alice.userId, signed }]
    for (const method of ['PUT', 'POST']) {
      // Identity servers use the one, the specification names the other.
      const answer = await server.anonymous.request(method, '/_matrix/federation/v1/3pid/onbind', {
        body: { ...bound, invites },
      })
      expect(answer.status).toBe(200)
    }
    const member = await alice.get(`rooms/${enc(roomId)}/state/m.room.member/${enc(carol.userId)}`)
    expect(member).toMatchObject({ membership: 'invite', third_party_invite: { display_name: 'c...@e...', signed } })
    await carol.join(roomId)
    expect(await membershipIn(roomId, carol)).toBe('join')
  })

  it('can be taken up by who brings what the identity server has signed, with a key that it stands by', async () => {
    const dave = await server.register('dave')
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    await invite(roomId, by('dave@example.org'))
    const join = (signed: JsonObject, client = dave) =>
      client.request('POST', `join/${enc(roomId)}`, { body: { third_party_signed: signed } })
    const signed = signedFor(dave)
    for (const other of [
      { ...signed, mxid: bob.userId },
      { ...signed, token: 'another' },
      signedFor(dave, generateSigningKey()),
    ]) {
      expect((await join(other)).status).toBe(403)
    }
    expect((await join({ ...signed, sender: 7 })).status).toBe(400)
    expect((await join(signed, bob)).status).toBe(403)
    validKeys.delete(identityKey.publicKey)
    expect((await join(signed)).status).toBe(403)
    validKeys.add(identityKey.publicKey)
    expect((await join(signed)).status).toBe(200)
    expect(await membershipIn(roomId, dave)).toBe('join')
    // The next time it takes none.
    expect((await join(signed)).status).toBe(200)
  })

  it('can be part of a new room', async () => {
    const roomId = await alice.createRoom({
      is_direct: true,
      invite_3pid: [by('bob@example.org'), by('eve@example.org')],
    })
    const member = await alice.get(`rooms/${enc(roomId)}/state/m.room.member/${enc(bob.userId)}`)
    expect(member).toMatchObject({ membership: 'invite', is_direct: true })
    expect(await waitingIn(roomId)).toHaveLength(1)
    const tooMany = Array.from({ length: 11 }, (_, index) => by(`user${index}@example.org`))
    expect((await alice.request('POST', 'createRoom', { body: { invite_3pid: tooMany } })).status).toBe(400)
  })

  it('makes nobody ask for those who may not invite, nor where there is no identity server', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const asked = identity.requests.length
    expect((await invite(roomId, by('bob@example.org'), bob)).status).toBe(403)
    await bob.join(roomId)
    expect((await invite(roomId, by('eve@example.org'), bob)).status).toBe(403)
    for (const changes of [
      { id_server: 'identity.test/path' },
      { id_server: 'user@identity.test' },
      { medium: 'post' },
      { address: 'two words' },
    ]) {
      expect((await invite(roomId, by('eve@example.org', changes))).body['errcode']).toBe('M_INVALID_PARAM')
    }
    expect((await invite(roomId, { medium: 'email' })).body['errcode']).toBe('M_MISSING_PARAM')
    expect(identity.requests).toHaveLength(asked)
  })

  it('[SEC-202] reaches no service of the own network, and hands a token to nobody else', async () => {
    const roomId = await alice.createRoom({ preset: 'private_chat' })
    network.addHost('inside.test', ['10.0.0.1'])
    const elsewhere = await FakePeer.start({ ca, network, name: 'elsewhere.test', port: 443 })
    identity.on('POST', '/_matrix/identity/v2/lookup', (_, response) => {
      response.writeHead(307, { location: 'https://elsewhere.test/_matrix/identity/v2/lookup' }).end()
      return undefined
    })
    const refused = [
      by('eve@example.org'),
      by('eve@example.org', { id_server: 'inside.test' }),
      by('eve@example.org', { id_server: '127.0.0.1' }),
      by('eve@example.org', { id_server: 'identity.test:22' }),
      by('eve@example.org', { id_access_token: 'wrong' }),
    ]
    for (const body of refused) {
      const answer = await invite(roomId, body)
      expect([answer.status, answer.body['errcode']]).toEqual([502, 'M_UNKNOWN'])
    }
    expect(elsewhere.requests).toEqual([])
    expect(await waitingIn(roomId)).toEqual([])
    await elsewhere[Symbol.asyncDispose]()
  })
})

/** What the identity server signs when it has found out who has an address. */
function signedFor({ userId: mxid }: TestClient, key: SigningKey = identityKey): JsonObject {
  return signJson({ mxid, sender: alice.userId, token: `token${tokens}` }, 'identity.test', key)
}

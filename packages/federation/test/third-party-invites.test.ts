import { generateSigningKey, signJson } from '@hearth/crypto'
import type { JsonObject } from '@hearth/protocol'
import type { TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FederatedServer } from './fixtures/federated-server.ts'
import { refusalOf, type PeerUser } from './fixtures/peer-user.ts'

let hearth: FederatedServer
let alice: TestClient
let bob: PeerUser

beforeAll(async () => {
  hearth = await FederatedServer.start()
  alice = await hearth.register('alice')
  bob = await hearth.peerUser()
  bob.acceptInvites()
})

afterAll(() => hearth[Symbol.asyncDispose]())

const enc = encodeURIComponent
const identityKey = generateSigningKey()
const token = 'abc123'

/** A room to which alice has invited an address. */
async function roomWithInvite(): Promise<string> {
  const roomId = await alice.createRoom({ preset: 'private_chat', room_version: '10' })
  const content = {
    display_name: 'b...@e...',
    key_validity_url: 'https://identity.test/valid',
    public_key: identityKey.publicKey,
    public_keys: [{ public_key: identityKey.publicKey }],
  }
  await alice.setState(roomId, 'm.room.third_party_invite', content, token)
  return roomId
}

const signedBy = (key: typeof identityKey, mxid: string) => signJson({ mxid, token }, 'identity.test', key)

const eventFor = (roomId: string, changes: JsonObject = {}): JsonObject => ({
  type: 'm.room.member',
  room_id: roomId,
  sender: alice.userId,
  state_key: bob.userId,
  content: {
    membership: 'invite',
    third_party_invite: { display_name: 'b...@e...', signed: signedBy(identityKey, bob.userId) },
  },
  ...changes,
})
const exchange = (roomId: string, event: JsonObject, user = bob) =>
  user.put(`v1/exchange_third_party_invite/${enc(roomId)}`, event)

const invited = async (roomId: string) => {
  const members = await alice.get(`rooms/${enc(roomId)}/members?membership=invite`)
  return (members['chunk'] as { state_key: string }[]).map(({ state_key: stateKey }) => stateKey)
}

describe('PUT /exchange_third_party_invite', () => {
  it('invites whom an identity server has found behind an invited address', async () => {
    const roomId = await roomWithInvite()
    const answer = await exchange(roomId, eventFor(roomId))
    expect([answer.status, answer.body]).toEqual([200, {}])
    expect(await invited(roomId)).toEqual([bob.userId])
  })

  it('invites nobody whom the identity server of the invitation has not signed for', async () => {
    const roomId = await roomWithInvite()
    const withSigned = (signed: JsonObject) =>
      eventFor(roomId, { content: { membership: 'invite', third_party_invite: { display_name: 'x', signed } } })
    const forged = [
      signedBy(generateSigningKey(), bob.userId),
      signedBy(identityKey, `@other:${bob.peer.name}`),
      { ...signedBy(identityKey, bob.userId), token: 'another' },
      { mxid: bob.userId, token },
    ]
    for (const signed of forged)
      expect(refusalOf(await exchange(roomId, withSigned(signed)))).toEqual([403, 'M_FORBIDDEN'])
    expect(await invited(roomId)).toEqual([])
  })

  it('[SEC-154] is about the room of its path, by a user of this server, for one of the server that asks', async () => {
    const [roomId, other] = [await roomWithInvite(), await roomWithInvite()]
    const eve = await hearth.peerUser('eve')
    const of = async (changes: JsonObject, user = bob) =>
      refusalOf(await exchange(roomId, eventFor(roomId, changes), user))
    expect(await of({ room_id: other })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await of({ type: 'm.room.message' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await of({ content: { membership: 'join' } })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await of({ content: { membership: 'invite' } })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await of({ state_key: 5 })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await of({ sender: bob.userId })).toEqual([403, 'M_FORBIDDEN'])
    expect(await of({ sender: '@nobody:hearth.test' })).toEqual([403, 'M_FORBIDDEN'])
    expect(await of({}, eve)).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await exchange('!unknown:hearth.test', eventFor('!unknown:hearth.test')))).toEqual([
      404,
      'M_NOT_FOUND',
    ])
    expect(await invited(roomId)).toEqual([])
  })
})

describe('PUT /3pid/onbind', () => {
  const bound = (mxid: string, invites: JsonObject[]) =>
    hearth.server.anonymous.request('PUT', '/_matrix/federation/v1/3pid/onbind', {
      body: { medium: 'email', address: 'carol@example.org', mxid, invites },
    })
  const pending = (mxid: string, fields: JsonObject) => ({
    medium: 'email',
    address: 'carol@example.org',
    mxid,
    signed: signedBy(identityKey, mxid),
    ...fields,
  })

  it('asks the servers of those who invited for the invitations, and this one itself', async () => {
    const carol = await hearth.register('carol')
    const roomId = await roomWithInvite()
    bob.peer.on('PUT', /exchange_third_party_invite/, () => ({}))
    const invites = [
      pending(carol.userId, { room_id: roomId, sender: alice.userId }),
      pending(carol.userId, { room_id: '!elsewhere:peer.test', sender: bob.userId }),
      pending(bob.userId, { room_id: roomId, sender: alice.userId }),
    ]
    const answer = await bound(carol.userId, invites)
    expect([answer.status, answer.body]).toEqual([200, {}])
    expect(await invited(roomId)).toEqual([carol.userId])
    const [request] = bob.peer.requestsTo(/exchange_third_party_invite/)
    expect(request?.path).toBe(`/_matrix/federation/v1/exchange_third_party_invite/${enc('!elsewhere:peer.test')}`)
    expect(request?.body).toMatchObject({
      type: 'm.room.member',
      room_id: '!elsewhere:peer.test',
      sender: bob.userId,
      state_key: carol.userId,
      content: { membership: 'invite', third_party_invite: { signed: signedBy(identityKey, carol.userId) } },
    })
  })

  it('says that an invitation could not be had, when all have been asked for', async () => {
    const dora = await hearth.register('dora')
    const [roomId, other] = [await roomWithInvite(), await roomWithInvite()]
    const forged = { signed: signedBy(generateSigningKey(), dora.userId), room_id: other, sender: alice.userId }
    const answer = await bound(dora.userId, [
      pending(dora.userId, forged),
      pending(dora.userId, { room_id: roomId, sender: alice.userId }),
    ])
    expect(refusalOf(answer)).toEqual([403, 'M_FORBIDDEN'])
    expect(await invited(roomId)).toEqual([dora.userId])
    expect(await invited(other)).toEqual([])
  })

  it('is about users that there are, and takes nothing else', async () => {
    expect(refusalOf(await bound('@nobody:hearth.test', []))).toEqual([404, 'M_NOT_FOUND'])
    expect(refusalOf(await bound(bob.userId, []))).toEqual([404, 'M_NOT_FOUND'])
    expect((await bound(alice.userId, [{ mxid: alice.userId }])).status).toBe(400)
  })
})

import { isJsonObject, type JsonObject, type JsonValue } from '@hearth/protocol'
import { roomVersions, type BuiltEvent } from '@hearth/rooms'
import { ForeignRoom, type ForeignEvent, type TestAnswer, type TestClient } from '@hearth/test-kit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FederatedServer } from './fixtures/federated-server.ts'
import { refusalOf, type PeerUser } from './fixtures/peer-user.ts'

let hearth: FederatedServer
let alice: TestClient
let bob: PeerUser
let users = 0

beforeAll(async () => {
  hearth = await FederatedServer.start()
  bob = await hearth.peerUser()
})

beforeEach(async () => {
  alice = await hearth.register(`alice${(users += 1)}`)
})

afterAll(() => hearth[Symbol.asyncDispose]())

const enc = encodeURIComponent

/** A room of the peer's. */
const roomOf = (user: PeerUser, version = '10') => {
  const keys = new Map([[user.peer.name, user.peer.signingKey]])
  return new ForeignRoom(version, { creator: user.userId, keys })
}

const invite = (room: ForeignRoom, fields: Partial<ForeignEvent> = {}): BuiltEvent =>
  room.build({ ...room.member(alice.userId, 'invite', { sender: bob.userId }), ...fields })

const told = (room: ForeignRoom): JsonObject[] => room.state.map(({ pdu }) => pdu)

/** What is to be otherwise than it should be. */
interface Otherwise {
  readonly state?: JsonValue
  readonly version?: string
  readonly roomId?: string
  readonly eventId?: string
  readonly from?: PeerUser
}

function send(room: ForeignRoom, event: BuiltEvent, otherwise: Otherwise = {}): Promise<TestAnswer> {
  const { state = told(room), version = room.version.id, from = bob } = otherwise
  const { roomId = room.id, eventId = event.eventId } = otherwise
  const body = { room_version: version, event: event.pdu, invite_room_state: state }
  return from.put(`v2/invite/${enc(roomId)}/${enc(eventId)}`, body)
}

const invitations = async () => Object.keys((await alice.sync()).rooms?.invite ?? {})

const ownSignatures = (answer: TestAnswer) => {
  const event = answer.body['event']
  const signatures = isJsonObject(event) ? event['signatures'] : undefined
  return isJsonObject(signatures) ? Object.keys(signatures).filter((name) => name === 'hearth.test') : []
}

describe('PUT /invite', () => {
  it.each(Object.keys(roomVersions))('invites a user of this server to a room of version %s', async (version) => {
    const room = roomOf(bob, version)
    const event = invite(room)
    const answer = await send(room, event)
    expect(answer.status).toBe(200)
    const signed = answer.body['event'] as unknown as BuiltEvent['pdu']
    expect(Object.keys(signed.signatures).sort()).toEqual(['hearth.test', bob.peer.name].sort())
    expect({ ...signed, signatures: undefined }).toEqual({ ...event.pdu, signatures: undefined })
    const { rooms } = await alice.sync()
    const { events } = rooms!.invite![room.id]!.invite_state
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['m.room.create', 'm.room.member']))
    // Who does not hear the answer asks again.
    expect((await send(room, event)).body).toEqual(answer.body)
  })

  it('[H-31] has a first version for rooms of old versions, with the state in the event', async () => {
    const room = roomOf(bob, '1')
    const { eventId, pdu } = invite(room)
    const body = { ...pdu, unsigned: { invite_room_state: told(room) } }
    const answer = await bob.put(`v1/invite/${enc(room.id)}/${enc(eventId)}`, body)
    expect(answer.status).toBe(200)
    const [status, { event }] = JSON.parse(answer.text) as [number, { event: JsonObject }]
    expect([status, Object.keys(event['signatures'] as JsonObject).sort()]).toEqual([
      200,
      ['hearth.test', bob.peer.name].sort(),
    ])
    expect(await invitations()).toEqual([room.id])
  })

  it('is told of through the founding API too', async () => {
    const room = roomOf(bob)
    const begun = (await alice.get('/_matrix/client/api/v1/initialSync'))['end'] as string
    await send(room, invite(room))
    const { rooms } = await alice.get('/_matrix/client/api/v1/initialSync')
    const member = { type: 'm.room.member', state_key: alice.userId, user_id: bob.userId, room_id: room.id }
    const shown = { ...member, content: { membership: 'invite' } }
    expect(rooms).toMatchObject([{ room_id: room.id, membership: 'invite', inviter: bob.userId, invite: shown }])
    expect((rooms as { invite: JsonObject }[])[0]!.invite['invite_room_state']).toEqual(
      expect.arrayContaining([expect.objectContaining({ type: 'm.room.create' })]),
    )
    const membersSince = async (from: string) => {
      const { chunk, end } = await alice.get('/_matrix/client/api/v1/events', { from, timeout: 0 })
      return { members: (chunk as JsonObject[]).filter(({ type }) => type === 'm.room.member'), end: end as string }
    }
    const { members, end } = await membersSince(begun)
    expect(members).toMatchObject([shown])
    expect((await membersSince(end)).members).toEqual([])
  })

  it('says which room versions are not known', async () => {
    const room = roomOf(bob)
    const answer = await send(room, invite(room), { version: 'org.example.new' })
    expect(refusalOf(answer)).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION'])
  })

  it('[C-06] signs nothing but invitations of users of this server, by users of the server that sends them', async () => {
    const room = roomOf(bob)
    const eve = await hearth.peerUser('eve')
    const forged: Partial<ForeignEvent>[] = [
      { type: 'm.room.message' },
      { type: 'm.room.power_levels', state_key: '' },
      { content: { membership: 'leave' } },
      { content: { membership: 'ban' } },
      { content: { membership: 'join' } },
      { content: {} },
      { state_key: '@x:elsewhere.test' },
      { state_key: bob.userId },
      { state_key: '' },
    ]
    for (const fields of forged) {
      const answer = await send(room, invite(room, fields))
      expect([fields, answer.status, ownSignatures(answer)]).toEqual([fields, 400, []])
    }
    const { state_key: _, ...message } = room.member(alice.userId, 'invite', { sender: bob.userId })
    expect((await send(room, room.build(message))).status).toBe(400)
    const stolen = await send(room, invite(room), { from: eve })
    expect([stolen.status >= 400, ownSignatures(stolen)]).toEqual([true, []])
    expect(await invitations()).toEqual([])
  })

  it('[SEC-154] takes the event that its path names, of that room', async () => {
    const room = roomOf(bob)
    const event = invite(room)
    expect(refusalOf(await send(room, event, { roomId: roomOf(bob).id }))).toEqual([400, 'M_INVALID_PARAM'])
    const eventId = invite(room, { depth: 99 }).eventId
    expect(refusalOf(await send(room, event, { eventId }))).toEqual([400, 'M_INVALID_PARAM'])
    expect(await invitations()).toEqual([])
  })

  it('[S-09] takes nothing that is not signed by the server of its sender', async () => {
    const room = roomOf(bob)
    const event = invite(room)
    const answer = await send(room, { ...event, pdu: { ...event.pdu, signatures: {} } })
    expect(refusalOf(answer)).toEqual([403, 'M_FORBIDDEN'])
    expect(refusalOf(await send(room, { ...event, pdu: { ...event.pdu, depth: -1 } }))).toEqual([400, 'M_BAD_JSON'])
    expect(await invitations()).toEqual([])
  })

  it('is for users that there are', async () => {
    const room = roomOf(bob)
    const answer = await send(room, invite(room, { state_key: '@nobody:hearth.test' }))
    expect(refusalOf(answer)).toEqual([403, 'M_FORBIDDEN'])
  })

  it('[S-64] [SEC-156] takes what is told of the room for what it is, and syncs go on', async () => {
    for (const state of [null, {}, 5, [null], [{}], ['x'], [{ type: 5 }], []]) {
      const room = roomOf(bob)
      const { status } = await send(room, invite(room), { state })
      expect([state, [200, 400].includes(status)]).toEqual([state, true])
      expect((await alice.request('GET', 'sync')).status).toBe(200)
    }
    const large = roomOf(bob)
    const padding = Array.from({ length: 1_000 }, () => ({
      type: 'm.room.name',
      content: { name: 'x'.repeat(10_000) },
    }))
    expect((await send(large, invite(large), { state: padding })).status).toBe(413)
    expect((await alice.request('GET', 'sync')).status).toBe(200)
  })

  it('[SEC-156] wants to be told of a room of version 12 how it was created', async () => {
    const room = roomOf(bob, '12')
    const withoutCreate = told(room).filter(({ type }) => type !== 'm.room.create')
    expect((await send(room, invite(room), { state: withoutCreate })).status).toBe(400)
    const other = roomOf(bob, '12')
    expect((await send(room, invite(room), { state: told(other) })).status).toBe(400)
    expect(await invitations()).toEqual([])
  })

  it('[SEC-157] is not for those who invite a user again and again, whatever their servers', async () => {
    await using limited = await FederatedServer.start({ settings: { HEARTH_RATE_LIMITS_ENABLED: 'true' } })
    const [dora, emil] = [await limited.register('dora'), await limited.register('emil')]
    const peers = [await limited.peerUser('one'), await limited.peerUser('two')]
    const inviteBy = async (user: PeerUser, invited: string) => {
      const room = roomOf(user)
      const event = room.build(room.member(invited, 'invite', { sender: user.userId }))
      const path = `v2/invite/${enc(room.id)}/${enc(event.eventId)}`
      const body = { room_version: '10', event: event.pdu, invite_room_state: told(room) }
      return refusalOf(await user.put(path, body))
    }
    const answers = []
    for (let n = 0; n < 40; n += 1) answers.push(await inviteBy(peers[n % 2]!, dora.userId))
    expect(answers[0]).toEqual([200, undefined])
    expect(answers.slice(-10)).toEqual(Array.from({ length: 10 }, () => [429, 'M_LIMIT_EXCEEDED']))
    expect(await inviteBy(peers[0]!, emil.userId)).toEqual([200, undefined])
  })

  it('[SEC-142] is not for servers that the room shuts out', async () => {
    const carol = await hearth.register(`carol${users}`)
    const roomId = await carol.createRoom({ preset: 'public_chat', room_version: '10' })
    await bob.join(roomId)
    const template = (await bob.template('leave', roomId)).body
    const event = bob.build(template, { state_key: alice.userId, content: { membership: 'invite' } })
    await carol.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: ['*.peers.test'] })
    const path = `v2/invite/${enc(roomId)}/${enc(event.eventId)}`
    const answer = await bob.put(path, { room_version: '10', event: event.pdu, invite_room_state: [] })
    expect(refusalOf(answer)).toEqual([403, 'M_FORBIDDEN'])
    expect(await invitations()).toEqual([])
  })
})

describe('inviting a user of another server', () => {
  it('fails when that answers with an event that the room’s version does not allow', async () => {
    const dave = await hearth.peerUser('dave')
    dave.peer.on('PUT', /^\/_matrix\/federation\/v2\/invite\//, ({ body }) => ({
      event: { ...(body['event'] as JsonObject), bad: 1.1 },
    }))
    const roomId = await alice.createRoom({ room_version: '6' })
    const path = `rooms/${encodeURIComponent(roomId)}/invite`
    expect(refusalOf(await alice.request('POST', path, { body: { user_id: dave.userId } }))).toEqual([
      400,
      'M_BAD_JSON',
    ])
  })
})

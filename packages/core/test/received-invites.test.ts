import { generateSigningKey, VerifyKey } from '@hearth/crypto'
import type { EventId, JsonObject, RoomId, ServerName, UserId } from '@hearth/protocol'
import { roomVersions, type BuiltEvent } from '@hearth/rooms'
import { createLogger, Metrics, SystemClock } from '@hearth/runtime'
import { Store } from '@hearth/store'
import { createTestDatabase, ForeignRoom, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  OutsideMembershipChanges,
  OutsideRooms,
  PduVerifier,
  type ReceivedInvite,
  ReceivedInvites,
  RoomAcls,
  RoomEvents,
  RoomRegistry,
  StreamFeed,
} from '../src/index.ts'

const logger = createLogger({ level: 'error', sink: { write: () => undefined, flush: () => undefined } })
const serverName = 'here.test' as ServerName
const ownKey = generateSigningKey('own')
const keys = new Map([[serverName, ownKey]])
const bob = '@bob:here.test' as UserId
let database: TestDatabase
let store: Store
let feed: StreamFeed
let invites: ReceivedInvites
let bobNid: number

beforeAll(async () => {
  database = await createTestDatabase()
  store = await Store.open({ url: database.url, logger })
  const readHead = () => store.streams.position()
  const readChanges = (_: number, upTo: number) => Promise.resolve({ changes: [], upTo })
  feed = new StreamFeed({
    readHead,
    readChanges,
    readTold: async () => undefined,
    clock: new SystemClock(),
    logger,
    pollMs: 0,
  })
  await feed.start()
  const verifier = new PduVerifier({
    keys: {
      find: (server, keyIds) => {
        const key = keys.get(server)
        const known = key && keyIds.includes(key.keyId) ? [[key.keyId, VerifyKey.import(key.publicKey)!] as const] : []
        return Promise.resolve(new Map(known))
      },
    },
  })
  const memberships = new OutsideMembershipChanges({ store, feed, serverName })
  const metrics = new Metrics()
  const events = new RoomEvents({ store, serverName, cacheBytes: 1_000_000, metrics })
  invites = new ReceivedInvites({
    store,
    rooms: new RoomRegistry({ store, events, maxRooms: 10, metrics }),
    acls: new RoomAcls({ events }),
    verifier,
    memberships,
    serverName,
    signingKey: () => ownKey,
    countInvite: () => Promise.resolve(),
  })
  for (const [localpart, deactivated] of [
    ['bob', false],
    ['gone', true],
  ] as const) {
    const userNid = await store.users.intern(`@${localpart}:here.test` as UserId)
    await store.accounts.insert({ userNid, localpart, passwordHash: null, isAdmin: false, createdTs: 1 })
    if (deactivated)
      await store.database.execute(null, 'update accounts set deactivated_ts = 2 where user_nid = $1', [userNid])
    else bobNid = userNid
  }
})

afterAll(async () => {
  feed.stop()
  await store.close()
  await database.drop()
})

const creator = '@creator:foreign.test'

function newRoom(version: string): ForeignRoom {
  return new ForeignRoom(version, { creator, keys })
}

function invitation(room: ForeignRoom, event: BuiltEvent, more: Partial<ReceivedInvite> = {}): ReceivedInvite {
  return {
    origin: 'foreign.test' as ServerName,
    roomId: room.id,
    eventId: event.eventId,
    roomVersion: room.version.id,
    event: JSON.parse(event.json) as JsonObject,
    inviteRoomState: [room.create.pdu],
    ...more,
  }
}

async function membershipOf(room: ForeignRoom): Promise<string | undefined> {
  const row = await store.rooms.find(room.id)
  return row && (await store.localMemberships.find(bobNid, row.nid))?.membership
}

describe.each(Object.keys(roomVersions))('an invitation into a room of version %s', (version) => {
  it('is signed, kept with what is told of the room, and taken once', async () => {
    const room = newRoom(version)
    const event = room.build(room.member(bob, 'invite', { sender: creator }))
    const signed = await invites.receive(invitation(room, event))
    expect(Object.keys(signed['signatures'] as JsonObject).sort()).toEqual(['foreign.test', 'here.test'])
    const { nid: roomNid } = (await store.rooms.find(room.id))!
    const row = (await store.localMemberships.find(bobNid, roomNid))!
    expect(row).toMatchObject({ membership: 'invite', pos: feed.position })
    const outside = await new OutsideRooms({ store }).of({ userNid: bobNid }, [row])
    expect(outside.get(roomNid)).toMatchObject({ roomId: room.id, membership: 'invite' })
    expect(outside.get(roomNid)!.stripped.map(({ type }) => type)).toEqual(['m.room.create', 'm.room.member'])
    expect(await invites.receive(invitation(room, event))).toEqual(signed)
    expect(feed.position).toBe(row.pos)
    expect((await store.streams.readChanges(row.pos - 1, row.pos, 10)).changes).toMatchObject([
      { kind: 'outside-membership', userNid: bobNid, roomNid, membership: 'invite' },
    ])
  })

  it.each<[string, (room: ForeignRoom) => ReceivedInvite | Promise<ReceivedInvite>, string]>([
    [
      'is no invitation',
      (room) => invitation(room, room.build(room.member(bob, 'ban', { sender: creator }))),
      'M_INVALID_PARAM',
    ],
    [
      'is no member event',
      (room) => invitation(room, room.build({ type: 'm.room.topic', sender: creator, state_key: bob })),
      'M_INVALID_PARAM',
    ],
    [
      'is by a user of another server than the origin',
      (room) =>
        invitation(room, room.build(room.member(bob, 'invite', { sender: creator })), {
          origin: 'other.test' as ServerName,
        }),
      'M_INVALID_PARAM',
    ],
    [
      'is signed by nobody who may',
      (room) => invitation(room, room.build(room.member(bob, 'invite', { sender: creator }), 'other.test')),
      'M_FORBIDDEN',
    ],
    [
      'is for a user of another server',
      (room) => invitation(room, room.build(room.member('@bob:other.test', 'invite', { sender: creator }))),
      'M_INVALID_PARAM',
    ],
    [
      'is for nobody',
      (room) => invitation(room, room.build(room.member('@nobody:here.test', 'invite', { sender: creator }))),
      'M_FORBIDDEN',
    ],
    [
      'is for somebody whose account is closed',
      (room) => invitation(room, room.build(room.member('@gone:here.test', 'invite', { sender: creator }))),
      'M_FORBIDDEN',
    ],
    [
      'is of another room',
      (room) =>
        invitation(room, room.build(room.member(bob, 'invite', { sender: creator })), {
          roomId: '!other:foreign.test' as RoomId,
        }),
      'M_INVALID_PARAM',
    ],
    [
      'has another id',
      (room) =>
        invitation(room, room.build(room.member(bob, 'invite', { sender: creator })), {
          eventId: '$other:foreign.test' as EventId,
        }),
      'M_INVALID_PARAM',
    ],
    [
      'was changed on its way',
      (room) => {
        const said = room.member(bob, 'invite', { sender: creator, displayname: 'Bob' })
        const sent = invitation(room, room.build(said))
        return { ...sent, event: { ...sent.event, content: { membership: 'invite', displayname: 'Eve' } } }
      },
      'M_INVALID_PARAM',
    ],
  ])('is refused when it %s', async (_, make, errcode) => {
    const room = newRoom(version)
    await expect(invites.receive(await make(room))).rejects.toMatchObject({ errcode })
    expect(await membershipOf(room)).toBeUndefined()
  })
})

it('an invitation into a room of a version that is not known is refused', async () => {
  const room = newRoom('11')
  const event = room.build(room.member(bob, 'invite', { sender: creator }))
  await expect(invites.receive(invitation(room, event, { roomVersion: 'x' }))).rejects.toMatchObject({
    errcode: 'M_INCOMPATIBLE_ROOM_VERSION',
    fields: { room_version: 'x' },
  })
})

describe('what is told with an invitation into a room whose id is a hash', () => {
  it.each<[string, (room: ForeignRoom) => ReceivedInvite['inviteRoomState']]>([
    ['lacks the create event', (room) => [room.find('m.room.member', creator)!.pdu]],
    ['is not there', () => undefined],
    [
      'holds a stripped event',
      (room) => [room.create.pdu, { type: 'm.room.name', state_key: '', sender: creator, content: {} }],
    ],
    ['holds an event of another room', (room) => [room.create.pdu, newRoom('12').find('m.room.member', creator)!.pdu]],
    [
      'holds an event that its server did not sign',
      (room) => [
        room.create.pdu,
        room.build({ type: 'm.room.name', sender: creator, state_key: '' }, 'other.test').pdu,
      ],
    ],
    ['holds something else', (room) => [room.create.pdu, 1]],
  ])('is refused when it %s', async (_, told) => {
    const room = newRoom('12')
    const event = room.build(room.member(bob, 'invite', { sender: creator }))
    await expect(invites.receive(invitation(room, event, { inviteRoomState: told(room) }))).rejects.toMatchObject({
      errcode: 'M_INVALID_PARAM',
    })
  })
})

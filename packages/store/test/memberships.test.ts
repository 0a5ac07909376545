import type { ServerName } from '@hearth/protocol'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../src/index.ts'
import {
  append,
  commitOn,
  committed,
  createRoom,
  headOf,
  newEvent,
  newMemberEvent,
  newStateEvent,
  openStore,
} from './fixtures/event-store.ts'

let database: TestDatabase
let store: Store
let here: number
let there: number

beforeAll(async () => {
  database = await createTestDatabase()
  store = await openStore(database.url)
  const servers = await store.servers.internAll(['here.example', 'there.example'] as ServerName[])
  ;[here, there] = [...servers.values()] as [number, number]
  expect(here).toBe(1)
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

const remote = (): { serverNid: number } => ({ serverNid: there })

describe('the current state', () => {
  it('has the members by membership, and counts them', async () => {
    const roomNid = await createRoom(store)
    const { firstPos } = committed(
      await append(
        store,
        roomNid,
        newMemberEvent(2, 'invite'),
        newMemberEvent(3, 'join', remote()),
        newMemberEvent(2, 'join', { previous: 'invite' }),
        newMemberEvent(4, 'ban'),
        newMemberEvent(5, 'knock'),
        newStateEvent(),
      ),
    )
    expect(await store.currentState.listMembers(roomNid, ['join', 'ban'])).toEqual([
      { stateKeyNid: 1, nid: firstPos - 1, membership: 'join' },
      { stateKeyNid: 2, nid: firstPos + 2, membership: 'join' },
      { stateKeyNid: 3, nid: firstPos + 1, membership: 'join' },
      { stateKeyNid: 4, nid: firstPos + 3, membership: 'ban' },
    ])
    expect(await store.currentState.listMemberNids(roomNid, 'knock')).toEqual([firstPos + 4])
    const empty = await createRoom(store)
    expect(await store.currentState.countMembers([roomNid, empty])).toEqual(
      new Map([
        [roomNid, { join: 3, invite: 0, leave: 0, ban: 1, knock: 1 }],
        [empty, { join: 1, invite: 0, leave: 0, ban: 0, knock: 0 }],
      ]),
    )
  })

  it('shows some types of many rooms at once', async () => {
    const rooms = await Promise.all([createRoom(store), createRoom(store)])
    const topics = await Promise.all(
      rooms.map(async (roomNid) => committed(await append(store, roomNid, newStateEvent()))),
    )
    const rows = await store.currentState.listByTypes(rooms, [9, 10])
    expect(rows.map(({ roomNid, nid }) => [roomNid, nid]).sort()).toEqual(
      rooms.map((roomNid, i) => [roomNid, topics[i]!.firstPos]).sort(),
    )
  })
})

describe('memberships of local users', () => {
  it('follow the last member event of each, at its position', async () => {
    const roomNid = await createRoom(store)
    const { firstPos } = committed(
      await append(store, roomNid, newMemberEvent(12, 'invite'), newMemberEvent(13, 'join', remote()), newEvent()),
    )
    const invited = { userNid: 12, roomNid, membership: 'invite', nid: firstPos, pos: firstPos, forgotten: false }
    expect(await store.localMemberships.find(12, roomNid)).toEqual(invited)
    expect(await store.localMemberships.find(13, roomNid)).toBeUndefined()
    await append(store, roomNid, newMemberEvent(12, 'join', { previous: 'invite' }))
    expect(await store.localMemberships.listByUser(12)).toMatchObject([
      { roomNid, membership: 'join', nid: firstPos + 3 },
    ])
    expect(await store.localMemberships.listByRoom(roomNid, ['join'])).toHaveLength(2)
    expect(await store.localMemberships.listByRoom(roomNid, ['invite', 'ban'])).toEqual([])
  })

  it('can be forgotten once the user is out, until they are invited again', async () => {
    const roomNid = await createRoom(store)
    await append(store, roomNid, newMemberEvent(14, 'join'))
    expect(await store.localMemberships.forget(14, roomNid)).toBeUndefined()
    await append(store, roomNid, newMemberEvent(14, 'leave', { previous: 'join' }))
    const start = await store.streams.position()
    expect(await store.localMemberships.forget(14, roomNid)).toBe(start + 1)
    expect(await store.localMemberships.forget(14, roomNid)).toBeUndefined()
    expect(await store.localMemberships.isForgotten(14, roomNid)).toBe(true)
    expect(await store.streams.readChanges(start, start + 1, 10)).toEqual({
      changes: [{ kind: 'forgotten-room', pos: start + 1, userNid: 14, roomNid }],
      upTo: start + 1,
    })
    expect(await store.localMemberships.listByUser(14)).toMatchObject([{ membership: 'leave', forgotten: true }])
    await append(store, roomNid, newMemberEvent(14, 'invite', { previous: 'leave' }))
    expect(await store.localMemberships.find(14, roomNid)).toMatchObject({ membership: 'invite', forgotten: false })
  })

  it('follow a resolution that brings an older event back or takes the last one away', async () => {
    const roomNid = await createRoom(store)
    const joined = committed(await append(store, roomNid, newMemberEvent(15, 'join'), newMemberEvent(16, 'join')))
    await append(store, roomNid, newMemberEvent(15, 'ban', { previous: 'join' }))
    const head = await headOf(store, roomNid)
    const stateNid = await store.states.reserveId()
    const local = { serverNid: here, local: true } as const
    const changes = [
      { typeNid: 2, stateKeyNid: 15, event: joined.firstPos },
      { typeNid: 2, stateKeyNid: 16, event: null },
    ]
    const { lastPos } = committed(
      await store.persister.commit({
        ...commitOn(head, [{ ...newEvent(), stateBefore: joined.stateNid }]),
        merges: [{ stateNid, base: head.stateNid, changes }],
        resolvedHead: {
          state: stateNid,
          changes: [
            { ...changes[0]!, membership: { userNid: 15, ...local, membership: 'join', previous: 'ban' } },
            { ...changes[1]!, membership: { userNid: 16, ...local, membership: 'leave', previous: 'join' } },
          ],
        },
      }),
    )
    expect(await store.localMemberships.find(15, roomNid)).toMatchObject({
      membership: 'join',
      nid: joined.firstPos,
      pos: lastPos,
    })
    expect(await store.localMemberships.find(16, roomNid)).toMatchObject({ membership: 'leave', pos: lastPos })
    expect(await store.roomServers.listByRoom(roomNid)).toMatchObject([{ serverNid: here, joined: 2 }])
    expect((await headOf(store, roomNid)).stateNid).toBe(stateNid)
    expect(await store.currentState.listMemberNids(roomNid, 'join')).toEqual([joined.firstPos - 1, joined.firstPos])
  })
})

describe('the members of one server', () => {
  it('are those who are or were members, and users of it', async () => {
    const roomNid = await createRoom(store)
    const keys = ['@a:there.example', '@b:there.example', '@a:there.example:8448', '@there.example:here.example']
    const interned = await store.stateKeys.internAll(keys)
    const nids = keys.map((key) => interned.get(key)!)
    const members = nids.map((stateKeyNid) => newMemberEvent(40, 'join', { stateKeyNid, ...remote() }))
    const left = newMemberEvent(40, 'leave', { stateKeyNid: nids[1]!, previous: 'join', ...remote() })
    await append(store, roomNid, ...members, left)
    const ofServer = (server: string) => store.currentState.listMembersOfServer(roomNid, server as ServerName)
    expect(await ofServer('there.example')).toEqual([nids[0]!, nids[1]!].sort((a, b) => a - b))
    expect(await ofServer('there.example:8448')).toEqual([nids[2]])
    expect(await ofServer('elsewhere.example')).toEqual([])
  })

  it('have memberships in many rooms', async () => {
    const [joined, banned, empty] = [await createRoom(store), await createRoom(store), await createRoom(store)]
    await append(store, joined, newMemberEvent(31, 'join'))
    await append(store, banned, newMemberEvent(31, 'ban'))
    expect(await store.currentState.findMemberships([joined, banned, empty], 31)).toEqual(
      new Map([
        [joined, 'join'],
        [banned, 'ban'],
      ]),
    )
    expect(await store.currentState.findMemberships([], 31)).toEqual(new Map())
  })
})

describe('the servers in a room', () => {
  it('are counted by their joined users, from the first that joins to the last that leaves', async () => {
    const roomNid = await createRoom(store)
    const other = async (): Promise<unknown> =>
      (await store.roomServers.listByRoom(roomNid)).find(({ serverNid }) => serverNid === there)
    await append(store, roomNid, newMemberEvent(21, 'invite', remote()))
    expect(await other()).toBeUndefined()
    const join = committed(
      await append(
        store,
        roomNid,
        newEvent(),
        newMemberEvent(21, 'join', { previous: 'invite', ...remote() }),
        newMemberEvent(22, 'join', remote()),
      ),
    )
    const since = { roomNid, serverNid: there, sincePos: join.firstPos + 1 }
    expect(await other()).toEqual({ ...since, joined: 2, leftPos: null })
    await append(store, roomNid, newMemberEvent(21, 'leave', { previous: 'join', ...remote() }))
    await append(store, roomNid, newMemberEvent(22, 'join', { previous: 'join', ...remote() }))
    expect(await other()).toEqual({ ...since, joined: 1, leftPos: null })
    const kick = committed(await append(store, roomNid, newMemberEvent(22, 'leave', { previous: 'join', ...remote() })))
    expect(await other()).toEqual({ ...since, joined: 0, leftPos: kick.firstPos })
    expect(await store.roomServers.listJoined(roomNid)).toEqual(['here.example'])
    await append(store, roomNid, newMemberEvent(22, 'ban', { previous: 'leave', ...remote() }))
    expect(await other()).toEqual({ ...since, joined: 0, leftPos: kick.firstPos })
    const again = committed(
      await append(store, roomNid, newMemberEvent(21, 'join', { previous: 'leave', ...remote() })),
    )
    expect(await other()).toEqual({ ...since, sincePos: again.firstPos, joined: 1, leftPos: null })
    expect(await store.roomServers.listByServer(there)).toContainEqual(await other())
    expect(await store.roomServers.find(roomNid, there)).toEqual(await other())
    expect(await store.roomServers.find(roomNid, 999_999)).toBeUndefined()
    const empty = await createRoom(store)
    expect(await store.roomServers.listJoinedAmong([roomNid, empty], there)).toEqual(new Set([roomNid]))
    expect(await store.roomServers.listJoinedAmong([], there)).toEqual(new Set())
  })

  it('include one whose user joined and left within one commit: it is still to be told', async () => {
    const roomNid = await createRoom(store)
    const { firstPos } = committed(
      await append(
        store,
        roomNid,
        newMemberEvent(23, 'join', remote()),
        newMemberEvent(23, 'leave', { previous: 'join', ...remote() }),
      ),
    )
    expect(await store.roomServers.listByRoom(roomNid)).toContainEqual({
      roomNid,
      serverNid: there,
      joined: 0,
      sincePos: firstPos,
      leftPos: firstPos + 1,
    })
  })
})

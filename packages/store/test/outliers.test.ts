import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import type { RoomId } from '@hearth/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventFlags, RoomGone, type NewOutlier, type Store } from '../src/index.ts'
import { append, committed, createRoom, newEvent, newStateEvent, openStore } from './fixtures/event-store.ts'

let database: TestDatabase
let store: Store
let other: Store

beforeAll(async () => {
  database = await createTestDatabase()
  store = await openStore(database.url)
  other = await openStore(database.url)
})

afterAll(async () => {
  await Promise.all([store.close(), other.close()])
  await database.drop()
})

async function newRoom(): Promise<number> {
  return (await store.rooms.intern(`!${Math.random()}:elsewhere` as RoomId, '11')).nid
}

/** A chain of state events, each allowed by the one before. */
function chain(length: number): NewOutlier[] {
  return Array.from({ length }, (_, i) => newStateEvent({ typeNid: 1_000 + i, auth: i === 0 ? [] : [-i] }))
}

describe('outliers', () => {
  it('are events without a position, in the room’s auth graph', async () => {
    const roomNid = await newRoom()
    const position = await store.streams.position()
    const events = [...chain(3), newEvent({ flags: eventFlags.rejected })]
    const stored = await store.outliers.insert(roomNid, events)
    expect(stored.map(({ isNew }) => isNew)).toEqual([true, true, true, true])
    expect(await store.streams.position()).toBe(position)
    const rows = await other.events.findByIds(events.map(({ eventId }) => eventId))
    expect(rows.map(({ nid, streamPos, stateNid, json }) => ({ nid, streamPos, stateNid, json }))).toEqual(
      events.map(({ json }, i) => ({ nid: stored[i]!.nid, streamPos: null, stateNid: null, json })),
    )
    expect(rows[3]!.flags).toBe(eventFlags.rejected)
    const [first, second, third] = stored.map(({ nid }) => nid)
    const graph = await other.authGraphs.load(roomNid, [third!])
    expect(graph.authChain([third!])).toEqual([first, second])
    expect(graph.has(stored[3]!.nid)).toBe(false)
  })

  it('join a graph that is in memory', async () => {
    const roomNid = await createRoom(store)
    const create = committed(await append(store, roomNid, newEvent())).firstPos - 2
    const graph = await store.authGraphs.load(roomNid, [create])
    const [stored] = await store.outliers.insert(roomNid, [newStateEvent({ auth: [create] })])
    expect(await store.authGraphs.load(roomNid, [stored!.nid])).toBe(graph)
    expect(graph.authEventsOf(stored!.nid)).toEqual([create])
  })

  it('are stored once, whoever stores them, and leave known events alone', async () => {
    const roomNid = await createRoom(store)
    const live = newStateEvent()
    const { firstPos } = committed(await append(store, roomNid, live))
    const events = [live, ...chain(700).map((event, i) => ({ ...event, auth: i === 0 ? [-1] : [-1 - i] }))]
    const both = await Promise.all([store.outliers.insert(roomNid, events), other.outliers.insert(roomNid, events)])
    expect(both[0][0]).toEqual({ nid: firstPos, isNew: false, flags: 0 })
    expect(both[0].map(({ nid }) => nid)).toEqual(both[1].map(({ nid }) => nid))
    const graph = await store.authGraphs.load(roomNid, [both[0].at(-1)!.nid])
    expect(graph.authChain([both[0].at(-1)!.nid])).toHaveLength(700)
    expect((await store.events.findByIds([live.eventId]))[0]).toMatchObject({ streamPos: firstPos })
  })

  it('cannot be of a room that is gone, nor take the id of another room’s event', async () => {
    const roomNid = await createRoom(store)
    const [event] = chain(1)
    await store.outliers.insert(roomNid, [event!])
    await expect(store.outliers.insert(await newRoom(), [event!])).rejects.toThrow('another room')
    await store.roomDeletion.delete(roomNid)
    await expect(store.outliers.insert(roomNid, [event!])).rejects.toThrow(RoomGone)
    expect(await store.events.findByIds([event!.eventId])).toEqual([])
  })
})

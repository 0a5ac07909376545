import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EMPTY_STATE_KEY, eventFlags, wellKnownTypes, type Store } from '../src/index.ts'
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

const TOPIC = wellKnownTypes['m.room.topic']

async function streamAfter(reader: Store, position: number) {
  const upTo = await reader.streams.position()
  return (await reader.streams.readChanges(position, upTo, 100)).changes
}

async function reasonOf(nid: number): Promise<string | undefined> {
  const rows = await store.database.query<{ reason: string }>(
    'test.reason',
    'select reason from event_refusals where nid = $1',
    [nid],
  )
  return rows[0]?.reason
}

describe('events that were refused', () => {
  it('are kept with the reason, but have no place in the stream, the timeline or the state', async () => {
    const roomNid = await createRoom(store)
    const head = await headOf(store, roomNid)
    const rejected = newStateEvent({ flags: eventFlags.rejected, refusal: 'not allowed' })
    const softFailed = newStateEvent({
      flags: eventFlags.softFailed,
      refusal: 'banned',
      depth: 99,
      stateBefore: head.stateNid,
    })
    const { firstPos, lastPos } = committed(
      await store.persister.commit({
        ...commitOn(head, [rejected, softFailed, newEvent({ stateBefore: head.stateNid })]),
        resolvedHead: { state: head.stateNid, changes: [] },
      }),
    )
    expect(await headOf(other, roomNid)).toMatchObject({
      lastPos,
      depth: 1,
      stateNid: head.stateNid,
      extremities: [lastPos],
    })
    for (const reader of [store, other]) {
      expect(await reader.events.findByNids([firstPos, firstPos + 1])).toMatchObject([
        { eventId: rejected.eventId, streamPos: null, stateNid: head.stateNid, flags: eventFlags.rejected },
        { eventId: softFailed.eventId, streamPos: null, stateNid: firstPos + 1, flags: eventFlags.softFailed },
      ])
      expect((await streamAfter(reader, head.lastPos)).map(({ pos }) => pos)).toEqual([lastPos])
      const softState = await reader.states.load(roomNid, firstPos + 1)
      expect(softState.get(TOPIC, EMPTY_STATE_KEY)).toBe(firstPos + 1)
    }
    const timeline = await other.events.listRoomEvents(roomNid, {
      after: head.lastPos,
      upTo: lastPos,
      direction: 'f',
      limit: 9,
    })
    expect(timeline.map(({ nid }) => nid)).toEqual([lastPos])
    expect([await reasonOf(firstPos), await reasonOf(firstPos + 1)]).toEqual(['not allowed', 'banned'])
  })
})

describe('events with a number of their own', () => {
  it('are found under it everywhere, and at their position in the stream', async () => {
    const roomNid = await createRoom(store)
    const head = await headOf(store, roomNid)
    const nid = await store.states.reserveId()
    const join = newMemberEvent(7, 'join', { nid, auth: [head.extremities[0]!] })
    const redacted = newEvent()
    const { firstPos, lastPos, stateNid } = committed(
      await append(
        store,
        roomNid,
        redacted,
        join,
        newStateEvent({ nid: await store.states.reserveId(), auth: [nid] }),
        newEvent({
          redacts: { target: -2, prunedJson: '{}' },
        }),
      ),
    )
    expect(stateNid).toBeGreaterThan(nid)
    expect(await headOf(other, roomNid)).toMatchObject({ stateNid, extremities: [lastPos] })
    expect(await other.localMemberships.listWithRooms(7)).toMatchObject([
      { nid, pos: firstPos + 1, membership: 'join' },
    ])
    expect((await other.states.load(roomNid, stateNid)).get(wellKnownTypes['m.room.member'], 7)).toBe(nid)
    expect((await other.events.findByNids([nid]))[0]).toMatchObject({ streamPos: firstPos + 1, json: '{}' })
    expect(
      (await streamAfter(other, head.lastPos)).map((change) => [change.pos, 'event' in change && change.event.nid]),
    ).toEqual([
      [firstPos, firstPos],
      [firstPos + 1, nid],
      [firstPos + 2, stateNid],
      [lastPos, lastPos],
    ])
    const graph = await other.authGraphs.load(roomNid, [stateNid])
    expect(graph.authEventsOf(stateNid)).toEqual([nid])
  })

  it('may have been outliers before', async () => {
    const roomNid = await createRoom(store)
    const head = await headOf(store, roomNid)
    const event = newStateEvent({ auth: [head.stateNid] })
    const [outlier] = await store.outliers.insert(roomNid, [event])
    const nid = outlier!.nid
    expect((await other.events.findByNids([nid]))[0]).toMatchObject({ streamPos: null, stateNid: null })
    other.events.forget([nid])
    const { lastPos } = committed(await append(store, roomNid, { ...event, nid, isLate: true }))
    for (const reader of [store, other]) {
      expect(await reader.events.findByNids([nid])).toMatchObject([
        { streamPos: lastPos, stateNid: nid, eventId: event.eventId },
      ])
      expect((await reader.states.loadBefore(roomNid, nid)).size).toBe(2)
      expect((await reader.states.load(roomNid, nid)).get(TOPIC, EMPTY_STATE_KEY)).toBe(nid)
    }
    expect(await streamAfter(other, head.lastPos)).toMatchObject([{ pos: lastPos, event: { nid } }])
  })
})

describe('the current state after an event', () => {
  it('is told apart from the state in its own history', async () => {
    const roomNid = await createRoom(store)
    const head = await headOf(store, roomNid)
    const first = committed(await append(store, roomNid, newStateEvent({ nid: await store.states.reserveId() })))
    const nid = await store.states.reserveId()
    const { firstPos } = committed(
      await store.persister.commit({
        ...commitOn(await headOf(store, roomNid), [
          newStateEvent({ nid, stateBefore: head.stateNid, currentState: first.stateNid }),
          newEvent({ stateBefore: nid, currentState: first.stateNid }),
          newEvent({ stateBefore: first.stateNid }),
        ]),
        extremities: [-2, -3],
        resolvedHead: { state: first.stateNid, changes: [] },
      }),
    )
    for (const reader of [store, other]) {
      expect(await reader.events.findByNids([nid, firstPos + 1, firstPos + 2])).toMatchObject([
        { stateNid: nid, currentStateNid: first.stateNid },
        { stateNid: nid, currentStateNid: first.stateNid },
        { stateNid: first.stateNid, currentStateNid: null },
      ])
    }
  })
})

import type { EventId } from '@hearth/protocol'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventFlags, type Store } from '../src/index.ts'
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

describe('events', () => {
  it.each([
    ['that were taken', eventFlags.outgoing],
    ['that were soft-failed, without a place in the timeline', eventFlags.outgoing | eventFlags.softFailed],
  ])('%s come back as they were committed, from memory as from the database', async (_, flags) => {
    const roomNid = await createRoom(store)
    const event = newStateEvent({ depth: 12, ts: 1_700_000_000_123, flags })
    const { firstPos } = committed(await append(store, roomNid, event))
    const row = {
      nid: firstPos,
      streamPos: (flags & eventFlags.softFailed) === 0 ? firstPos : null,
      roomNid,
      typeNid: event.typeNid,
      stateKeyNid: event.stateKeyNid,
      senderNid: 1,
      flags,
      depth: 12,
      ts: 1_700_000_000_123,
      stateNid: firstPos,
      currentStateNid: null,
      eventId: event.eventId,
      json: event.json,
      redactedBy: null,
      replacesNid: null,
    }
    expect(store.events.peek(firstPos)).toEqual(row)
    expect(await other.events.findByNids([firstPos])).toEqual([row])
    expect(await other.events.findByIds([event.eventId])).toEqual([row])
  })

  it('are found in the order asked for, missing ones left out', async () => {
    const roomNid = await createRoom(store)
    const events = [newEvent(), newEvent(), newEvent()]
    const { firstPos } = committed(await append(store, roomNid, ...events))
    const nids = [firstPos + 2, 999_999_999, firstPos, firstPos + 1]
    expect((await other.events.findByNids(nids)).map(({ nid }) => nid)).toEqual([firstPos + 2, firstPos, firstPos + 1])
    const ids = [events[1]!.eventId, '$unknown' as EventId, events[0]!.eventId]
    expect((await other.events.findByIds(ids)).map(({ eventId }) => eventId)).toEqual([ids[0], ids[2]])
    expect(await other.events.findNids(ids)).toEqual(
      new Map([
        [ids[0], firstPos + 1],
        [ids[2], firstPos],
      ]),
    )
  })

  it('keep the spelling of their ids, of every room version', async () => {
    const hash = Buffer.alloc(32, 0xfb)
    const [urlSafe, standard] = [`$${hash.toString('base64url')}`, `$${hash.toString('base64').slice(0, 43)}`]
    const text = '$15abc:example.org'
    const roomNid = await createRoom(store)
    await append(store, roomNid, newEvent({ eventId: standard as EventId }), newEvent({ eventId: text as EventId }))
    const found = await other.events.findByIds([standard, text, urlSafe] as EventId[])
    expect(found.map(({ eventId }) => eventId)).toEqual([standard, text])
    expect([...(await other.events.findNids([urlSafe] as EventId[])).keys()]).toEqual([])
  })

  it('are found by nid, their ids or their JSON alone', async () => {
    const roomNid = await createRoom(store)
    const events = [newEvent(), newEvent()]
    const { firstPos } = committed(await append(store, roomNid, ...events))
    const nids = [firstPos + 1, 999_999_999, firstPos]
    expect(await other.events.findIds(nids)).toEqual(
      new Map([
        [firstPos, events[0]!.eventId],
        [firstPos + 1, events[1]!.eventId],
      ]),
    )
    expect(await other.events.findJson(nids)).toEqual(
      new Map([
        [firstPos, events[0]!.json],
        [firstPos + 1, events[1]!.json],
      ]),
    )
    expect(other.events.peek(firstPos)).toBeUndefined()
    expect([await other.events.findIds([]), await other.events.findJson([])]).toEqual([new Map(), new Map()])
  })

  it('page through a room in both directions, backfilled ones included', async () => {
    const roomNid = await createRoom(store)
    const { firstPos } = committed(await append(store, roomNid, ...Array.from({ length: 10 }, () => newEvent())))
    await append(store, await createRoom(store), newEvent())
    await store.database.execute(
      null,
      `insert into events (nid, stream_pos, state_nid, depth, ts, room_nid, type_nid, sender_nid, flags, event_id, json)
       select 1099511627776 + i, -i, null::bigint, 1, 1, $1::int, 17, 1, 2, convert_to('$backfilled' || i, 'UTF8'), '{}'
         from generate_series(1, 3) i
        union all
       select 1099511627780, null::bigint, null, 1, 1, $1::int, 17, 1, 2, '$outlier', '{}'`,
      [roomNid],
    )
    const page = async (after: number, upTo: number, direction: 'f' | 'b', limit: number): Promise<number[]> =>
      (await other.events.listRoomEvents(roomNid, { after, upTo, direction, limit })).map(({ streamPos }) => streamPos!)
    expect(await page(firstPos, firstPos + 5, 'f', 3)).toEqual([1, 2, 3].map((i) => firstPos + i))
    expect(await page(firstPos, firstPos + 5, 'b', 3)).toEqual([5, 4, 3].map((i) => firstPos + i))
    expect(await page(-1000, firstPos + 1, 'b', 100)).toEqual([
      firstPos + 1,
      firstPos,
      firstPos - 1,
      firstPos - 2,
      -1,
      -2,
      -3,
    ])
    expect(await page(-3, firstPos - 2, 'f', 100)).toEqual([-2, -1, firstPos - 2])
    expect(await page(firstPos, firstPos, 'f', 100)).toEqual([])
  })

  it('list the newest of many rooms at once', async () => {
    const rooms = await Promise.all([1, 2, 3].map(() => createRoom(store)))
    for (const [i, roomNid] of rooms.entries()) {
      await append(store, roomNid, ...Array.from({ length: 2 * i + 1 }, () => newEvent()))
    }
    const upTo = await store.streams.position()
    const whole = rooms.map((roomNid) => ({ roomNid, after: 0, upTo }))
    const rows = await other.events.listNewestByRooms(whole, 4)
    const counts = rooms.map((roomNid) => rows.filter((row) => row.roomNid === roomNid).length)
    expect(counts).toEqual([3, 4, 4])
    for (const roomNid of rooms) {
      const newest = await other.events.listRoomEvents(roomNid, { after: 0, upTo, direction: 'b', limit: 4 })
      expect(rows.filter((row) => row.roomNid === roomNid)).toEqual(newest.toReversed())
    }
    const ends = rooms.map((roomNid) => ({ roomNid, after: upTo - 1, upTo }))
    expect((await other.events.listNewestByRooms(ends, 4)).map(({ nid }) => nid)).toEqual([upTo])
    expect(await other.events.listNewestByRooms([], 4)).toEqual([])
  })

  it('are kept in memory up to a bound of bytes', async () => {
    const small = await openStore(database.url, { eventCacheBytes: 20_000 })
    const roomNid = await createRoom(small)
    const { firstPos } = committed(await append(small, roomNid, ...Array.from({ length: 50 }, () => newEvent())))
    const inMemory = Array.from({ length: 50 }, (_, i) => small.events.peek(firstPos + i)).filter((row) => row)
    expect(inMemory.length).toBeGreaterThan(5)
    expect(inMemory.length).toBeLessThan(25)
    expect(small.events.peek(firstPos + 49)).toBeDefined()
    await small.close()
  })
})

import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store, StreamChange, StreamSource } from '../src/index.ts'
import { Streams } from '../src/streams/streams.ts'
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

describe('the stream', () => {
  it('tells another process all that a commit tells its listeners', async () => {
    const roomNid = await createRoom(store)
    const start = await store.streams.position()
    const txn = { deviceNid: 4, scope: Buffer.alloc(16), txnId: 'm1' }
    const events = [newEvent({ txn }), newStateEvent(), newEvent({ redacts: { target: start, prunedJson: '{}' } })]
    const { firstPos } = committed(await append(store, roomNid, ...events))
    const page = await other.streams.readChanges(start, firstPos + 2, 100)
    expect(page.upTo).toBe(firstPos + 2)
    const common = { kind: 'event', stateBeforeNid: null, redactedNid: null, txn: null }
    expect(page.changes).toEqual([
      { ...common, pos: firstPos, event: store.events.peek(firstPos), txn: { deviceNid: 4, txnId: 'm1' } },
      { ...common, pos: firstPos + 1, event: store.events.peek(firstPos + 1), stateBeforeNid: start },
      { ...common, pos: firstPos + 2, event: store.events.peek(firstPos + 2), redactedNid: start },
    ])
  })

  it('can be read in pages of any size', async () => {
    const roomNid = await createRoom(store)
    const start = await store.streams.position()
    await append(store, roomNid, ...Array.from({ length: 23 }, () => newEvent()))
    const head = await store.streams.position()
    for (const limit of [1, 5, 23, 100]) {
      const read: number[] = []
      for (let after = start; after < head;) {
        const { changes, upTo } = await other.streams.readChanges(after, head, limit)
        expect(upTo).toBeGreaterThan(after)
        read.push(...changes.map(({ pos }) => pos))
        after = upTo
      }
      expect(read).toEqual(Array.from({ length: 23 }, (_, i) => start + 1 + i))
    }
    expect(await other.streams.readChanges(head, head, 5)).toEqual({ changes: [], upTo: head })
  })

  it('has an event that was known before at the position where it became part of the timeline', async () => {
    const roomNid = await createRoom(store)
    const start = await store.streams.position()
    const nid = 2 ** 40 + 500
    await append(store, roomNid, newEvent())
    await store.transaction(async ({ streamHead }) => expect(await streamHead.advance(1)).toBe(start + 2))
    await store.database.execute(
      null,
      `insert into events (nid, stream_pos, state_nid, depth, ts, room_nid, type_nid, sender_nid, flags, event_id, json)
       values ($1, $2, $3, 1, 1, $4, 17, 1, 2, '$late', '{}')`,
      [nid, start + 2, start, roomNid],
    )
    await append(store, roomNid, newEvent())
    for (const limit of [1, 100]) {
      const first = await other.streams.readChanges(start + 1, start + 3, limit)
      expect(first.changes[0]).toMatchObject({ pos: start + 2, event: { nid } })
      expect(first.upTo).toBe(limit === 1 ? start + 2 : start + 3)
    }
  })

  it('merges all tables that take part, and goes no further than each was read', async () => {
    const source = (kind: string, positions: readonly number[]): StreamSource<StreamChange> => ({
      kind,
      list: async (after, upTo, limit) =>
        positions
          .filter((pos) => pos > after && pos <= upTo)
          .slice(0, limit)
          .map((pos) => ({ kind, pos })),
    })
    const streams = new Streams({
      head: store.streamHead,
      sources: [source('a', [1, 4, 5, 9]), source('b', [2, 3, 8]), source('c', [])],
    })
    const positions = async (after: number, upTo: number, limit: number): Promise<[number[], number]> => {
      const page = await streams.readChanges(after, upTo, limit)
      return [page.changes.map(({ pos }) => pos), page.upTo]
    }
    expect(await positions(0, 10, 10)).toEqual([[1, 2, 3, 4, 5, 8, 9], 10])
    expect(await positions(0, 10, 2)).toEqual([[1, 2, 3], 3])
    expect(await positions(3, 10, 2)).toEqual([[4, 5], 5])
    expect(await positions(5, 10, 2)).toEqual([[8, 9], 10])
    expect(await positions(5, 7, 2)).toEqual([[], 7])

    const told = async (after: number, upTo: number, kinds: readonly string[]) =>
      (await streams.readTold(after, upTo, kinds))?.map(({ pos }) => pos)
    expect(await told(3, 5, ['a'])).toEqual([4, 5])
    expect(await told(0, 5, ['a', 'b', 'unknown'])).toEqual([1, 2, 3, 4, 5])
    // Not all of it is theirs; some of it is nobody's, or not committed yet.
    expect(await told(0, 5, ['a'])).toBeUndefined()
    expect(await told(8, 10, ['a', 'b', 'c'])).toBeUndefined()
  })
})

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
  newEventId,
  newMemberEvent,
  newRoomCommit,
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

/** A room with rows in every table of the event store. */
async function usedRoom(): Promise<number> {
  const roomNid = await createRoom(store)
  const txn = { deviceNid: 1, scope: Buffer.alloc(16), txnId: newEventId() }
  const { firstPos } = committed(await append(store, roomNid, newEvent({ txn }), newStateEvent()))
  await append(
    store,
    roomNid,
    newEvent({ redacts: { target: firstPos, prunedJson: '{}' } }),
    newEvent({ redacts: { unknownTarget: newEventId() } }),
    ...Array.from({ length: 100 }, (_, i) => newMemberEvent(2 + i, 'join')),
  )
  const head = await headOf(store, roomNid)
  const stateNid = await store.states.reserveId()
  const changes = [{ typeNid: 9, stateKeyNid: 1, event: null }]
  await store.persister.commit({
    ...commitOn(head, [newEvent()]),
    merges: [{ stateNid, base: head.stateNid, changes }],
    resolvedHead: { state: stateNid, changes },
  })
  await store.states.settled()
  return roomNid
}

/** The tables with a column for a room, and how many rows of a room each has. */
async function rowsByTable(roomNid: number): Promise<Map<string, number>> {
  const columns = await store.database.query<{ table: string; column: string }>(
    null,
    `select table_name as table, column_name as column from information_schema.columns
      where table_schema = 'public' and column_name in ('room_nid', 'nid')
        and (column_name = 'room_nid' or table_name = 'rooms')`,
  )
  const counts = new Map<string, number>()
  for (const { table, column } of columns) {
    const [row] = await store.database.query<{ count: number }>(
      null,
      `select count(*) as count from ${table} where ${column} = $1`,
      [roomNid],
    )
    counts.set(table, row!.count)
  }
  const [row] = await store.database.query<{ count: number }>(
    null,
    'select count(*) as count from client_txn where nid not in (select nid from events where room_nid <> $1)',
    [roomNid],
  )
  return counts.set('client_txn', row!.count)
}

const ownTables = [
  'client_txn',
  'current_state',
  'events',
  'local_membership',
  'redactions',
  'room_head',
  'room_servers',
  'rooms',
  'state_events',
  'state_node',
]

describe('deleting a room', () => {
  it('leaves no row of it in any table, and every row of others', async () => {
    const [roomNid, kept] = [await usedRoom(), await usedRoom()]
    const before = await rowsByTable(roomNid)
    for (const table of ownTables) expect([table, before.get(table)]).not.toEqual([table, 0])
    const keptBefore = await rowsByTable(kept)
    await store.roomDeletion.delete(roomNid)
    expect([...(await rowsByTable(roomNid))].filter(([table, count]) => count > 0 && table !== 'client_txn')).toEqual(
      [],
    )
    const keptAfter = await rowsByTable(kept)
    for (const [table, count] of keptBefore)
      if (table !== 'client_txn') expect([table, keptAfter.get(table)]).toEqual([table, count])
    expect(keptAfter.get('client_txn')).toBe(1)
  })

  it('lets nothing be committed to it any more, by whatever process', async () => {
    const commit = await newRoomCommit(store)
    committed(await store.persister.commit(commit))
    const head = await headOf(other, commit.roomNid)
    await store.roomDeletion.delete(commit.roomNid)
    expect(await other.persister.commit(commitOn(head, [newEvent()]))).toEqual({ kind: 'head-moved', lastPos: 0 })
    const { newRoom: _, ...first } = commit
    expect(await other.persister.commit(first)).toEqual({ kind: 'head-moved', lastPos: 0 })
    expect(await store.events.findByNids([head.lastPos])).toEqual([])
  })

  it('holds against commits that are under way', async () => {
    const roomNid = await createRoom(store)
    const writing = (async () => {
      for (;;) {
        const head = await other.roomHeads.find(roomNid)
        if (head === undefined) return
        await other.persister.commit(commitOn(head, [newEvent(), newStateEvent()]))
      }
    })()
    await new Promise((resolve) => setTimeout(resolve, 30))
    await store.roomDeletion.delete(roomNid)
    await writing
    const left = [...(await rowsByTable(roomNid))].filter(([table, count]) => count > 0 && table !== 'client_txn')
    expect(left).toEqual([])
  })

  it('goes on where it was interrupted', async () => {
    const roomNid = await usedRoom()
    await store.database.execute(null, 'update rooms set deleting = true where nid = $1', [roomNid])
    await store.database.execute(null, 'delete from room_head where room_nid = $1', [roomNid])
    expect(await other.rooms.listDeleting()).toEqual([roomNid])
    const { newRoom: _, ...first } = { ...(await newRoomCommit(store)), roomNid }
    expect(await other.persister.commit(first)).toEqual({ kind: 'head-moved', lastPos: 0 })
    await other.roomDeletion.delete(roomNid)
    expect(await other.rooms.listDeleting()).toEqual([])
    expect((await rowsByTable(roomNid)).get('events')).toBe(0)
  })
})

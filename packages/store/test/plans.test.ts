import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import type { EventId, RoomAlias, RoomId, ServerName, UserId } from '@hearth/protocol'
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
  newStateEvent,
  openStore,
} from './fixtures/event-store.ts'

// PostgreSQL plans a prepared statement once and for all after a few uses, which on a new deployment means on empty tables.
// The plans must hold when these have grown, long before their first `analyze`.

let database: TestDatabase
let store: Store

beforeAll(async () => {
  database = await createTestDatabase()
  // Nothing is remembered, so that everything is asked for.
  store = await openStore(database.url, { poolSize: 2, eventCacheBytes: 0, stateCacheBytes: 0 })
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

/** One use of every statement that runs while people send and sync. */
async function useEverything(roomNid: number): Promise<void> {
  const txn = { deviceNid: 1, scope: Buffer.alloc(16), txnId: newEventId() }
  const target = newEvent({ txn })
  const head = await headOf(store, roomNid)
  const { firstPos } = committed(
    await store.persister.commit(
      commitOn(head, [
        target,
        newStateEvent({ auth: [1] }),
        newMemberEvent(2, 'join', { previous: 'leave' }),
        newMemberEvent(2, 'leave', { previous: 'join' }),
        newEvent({ redacts: { target: -1, prunedJson: '{}' } }),
        newEvent({ redacts: { unknownTarget: newEventId() } }),
        newEvent({ relation: { parentId: target.eventId, relType: 'm.thread' } }),
        newEvent({ redacts: { target: -7, prunedJson: '{}' } }),
        newEvent({ relation: { parentId: target.eventId, relType: 'm.annotation', key: 'x' } }),
      ]),
    ),
  )
  const upTo = firstPos + 8
  const range = { after: 0, upTo, limit: 5 }
  const parent = { eventId: target.eventId, roomNid, upTo, nid: firstPos }
  const children = { ...range, ...parent, relType: 'm.thread', typeNid: 17 } as const
  const directory = { searched: undefined, roomTypes: undefined, limit: 5 }
  const { relations } = store
  await Promise.all([
    append(store, await createRoom(store), newEvent()),
    store.persister.commit(commitOn(head, [newEvent({ txn })])),
    store.rooms.find('!unknown' as RoomId),
    store.rooms.findByNid(roomNid),
    store.events.findByNids([firstPos, firstPos + 1]),
    store.events.findByIds([target.eventId, '$x' as EventId]),
    store.events.findNids([target.eventId]),
    store.events.findIds([firstPos]),
    store.events.findJson([firstPos]),
    store.events.listRoomEvents(roomNid, { ...range, direction: 'f' }),
    store.events.listRoomEvents(roomNid, { ...range, direction: 'b' }),
    store.events.listNewestByRooms([{ roomNid, after: 0, upTo }], 5),
    store.events.listByTime(roomNid, { from: { ts: 0, nid: 0 }, upTo, direction: 'f', limit: 5 }),
    store.events.listByTime(roomNid, { from: { ts: 1e15, nid: 0 }, upTo, direction: 'b', limit: 5 }),
    store.states.load(roomNid, firstPos + 3),
    store.states.loadBefore(roomNid, firstPos + 3),
    store.clientTransactions.find(txn),
    store.clientTransactions.findIds(1, [firstPos]),
    store.currentState.listByTypes([roomNid], [9]),
    store.currentState.listMembers(roomNid, ['join']),
    store.currentState.countMembers([roomNid]),
    store.currentState.listEarliestMembers([roomNid], ['join'], 5),
    store.currentState.findMemberships([roomNid], 2),
    store.currentState.listMembersOfServer(roomNid, 'x' as ServerName),
    store.localMemberships.find(1, roomNid),
    store.localMemberships.listByUser(2),
    store.localMemberships.listWithRooms(2),
    store.localMemberships.listByRoom(roomNid, ['join']),
    store.roomServers.listByRoom(roomNid),
    store.roomServers.listJoined(roomNid),
    store.roomServers.listJoinedAmong([roomNid], 1),
    store.roomServers.find(roomNid, 1),
    store.redactions.findPending([target.eventId]),
    relations.findTarget(target.eventId, { senderNid: 1, typeNid: 17, key: 'x' }),
    relations.count([parent], ['m.replace', 'm.thread'], { userNid: 1, ignoredNids: [7] }),
    relations.listNewest([parent], 'm.thread', [7], 5),
    relations.listReplacements([parent], 5),
    relations.listIds([parent], 'm.reference', [7], 5),
    relations.list({ ...children, direction: 'b', depth: 1 }),
    relations.list({ ...children, direction: 'f', depth: 1 }),
    relations.list({ ...children, direction: 'b', depth: 3 }),
    relations.list({ ...children, direction: 'f', depth: 3 }),
    relations.findParents([target.eventId], roomNid, { relTypes: ['m.thread'], senderNids: [1] }),
    store.threads.list(roomNid, { upTo, limit: 5, participantNid: 1 }),
    store.threads.list(roomNid, { upTo, limit: 5 }),
    store.publishedRooms.list({ ...directory, direction: 'f', from: undefined }),
    store.publishedRooms.list({ ...directory, direction: 'f', from: { joined: 1, roomNid } }),
    store.publishedRooms.list({ ...directory, direction: 'b', from: { joined: 1, roomNid } }),
    store.publishedRooms.listAmong([roomNid]),
    store.publishedRooms.follow([roomNid]),
    store.roomStatistics.find(roomNid),
    store.roomStatistics.countJoined([roomNid]),
    store.roomAliases.find('#x:y' as RoomAlias),
    store.roomAliases.findRooms(['#x:y' as RoomAlias]),
    store.roomAliases.countByCreator(1_000_000),
    store.roomAliases.listByRoom(roomNid),
    store.roomAliases.listByRooms([roomNid], 5),
    store.rooms.findAll(['!unknown' as RoomId]),
    store.currentState.listJson(roomNid, 22, { limit: 5, maxBytes: 100 }),
    store.stateEvents.listByRoom(roomNid, firstPos),
    store.streams.readChanges(firstPos, upTo, 100),
    store.streams.readStateChanges(firstPos, upTo, 100),
    store.users.findAll([`@${newEventId()}:x` as UserId]),
    store.stateKeys.internAll([newEventId()]),
  ])
}

async function fillTables(rows: number): Promise<void> {
  const first = (await store.streams.position()) + 1
  await store.transaction(async ({ streamHead }) => {
    await streamHead.advance(rows)
  })
  const rowsOf: Record<string, string> = {
    events: `g, g, g, 1, 1, null, null, 100000 + g % 500, 9, 1, 1, 0, sha256(int8send(g)), '{}'`,
    state_events: `g, g - 500, 100000 + g % 500, 9, 1, ''`,
    state_node: `g, null, null, 100000 + g % 500, 2, ''`,
    current_state: 'g, 100000 + g % 500, 2, g, 1',
    local_membership: 'g, g, g, 100000 + g % 500, 1',
    room_servers: 'g, null, 100000 + g % 500, g, 1',
    relations: `g, g, 100000 + g % 500, 17, 1, sha256(int8send(g)), 'm.thread', null`,
    threads: 'g, 100000 + g % 500, sha256(int8send(g))',
    client_txn: `g, 100 + g % 500, gen_random_uuid(), 't'`,
    redactions: 'g, null, 100000 + g % 500, sha256(int8send(g))',
    'rooms (nid, room_id, version)': `100000 + g, '!' || g, '12'`,
    room_head: 'g, 1, g, 100000 + g, array[g]',
    'users (user_id, server_nid)': `'@' || g, 1`,
    'published_rooms (room_nid, joined)': '100000 + g, g % 3',
    'room_statistics (pos, room_nid, joined, invited, world_readable, guest_can_join)':
      'g, 100000 + g, g % 3, 0, true, true',
    room_aliases: `1, 100000 + g, (select max(nid) from users) - g % 9, '#' || g, '#' || g`,
    'state_keys (key)': `'key' || g`,
  }
  for (const [table, values] of Object.entries(rowsOf)) {
    await store.database.execute(null, `insert into ${table} select ${values} from generate_series($1::bigint, $2) g`, [
      first,
      first + rows - 1,
    ])
  }
}

/** Rows that were read by going through whole tables, by table. */
async function rowsScanned(): Promise<Map<string, number>> {
  // Each connection reports what it has done when it is told to.
  const flush = 'select pg_stat_force_next_flush()'
  await Promise.all([
    store.database.read(null, flush),
    store.database.query(null, flush),
    store.database.query(null, flush),
  ])
  const rows = await store.database.query<{ name: string; read: number }>(
    null,
    'select relname as name, seq_tup_read as read from pg_stat_user_tables',
  )
  return new Map(rows.map(({ name, read }) => [name, read]))
}

describe('the statements of sending, syncing and serving', () => {
  it('never go through a whole table, though they were planned when it had one page', async () => {
    const roomNid = await createRoom(store)
    for (let i = 0; i < 2; i++) await useEverything(roomNid)
    // As PostgreSQL does by itself, at any moment: from then on it knows how small the tables are.
    await store.database.execute(null, 'analyze')
    for (let i = 0; i < 8; i++) await useEverything(roomNid)
    await fillTables(20_000)
    const before = await rowsScanned()
    for (let i = 0; i < 3; i++) await useEverything(roomNid)
    const scanned = [...(await rowsScanned())].map(([name, read]) => [name, read - (before.get(name) ?? 0)] as const)
    expect(scanned.filter(([, read]) => read >= 20_000)).toEqual([])
  })
})

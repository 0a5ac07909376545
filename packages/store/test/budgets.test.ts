import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NewEvent, RoomCommit, Store } from '../src/index.ts'
import { Batch } from '../src/persister/batch.ts'
import { commitStatement } from '../src/persister/commit-statement.ts'
import { planCommit } from '../src/persister/planned-commit.ts'
import {
  append,
  commitOn,
  committed,
  createRoom,
  headOf,
  newEvent,
  newEventId,
  newMemberEvent,
  openStore,
} from './fixtures/event-store.ts'

// What the design promises of each message and each change of state. The figures depend on the shape of the tables and of
// the statements, not on the machine.

let database: TestDatabase
let store: Store

beforeAll(async () => {
  database = await createTestDatabase()
  store = await openStore(database.url)
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

interface Usage {
  disk: number
  state: number
  statements: number
}

async function usage(): Promise<Usage> {
  const { statements } = store.database
  const [row] = await store.database.query<{ disk: number; state: number }>(
    null,
    // The rows and index entries themselves: maps of free and visible pages come whenever autovacuum passes.
    `select sum(bytes)::float8 as disk,
            sum(bytes) filter (where relname in ('state_events', 'state_node'))::float8 as state
       from pg_class c join pg_namespace n on n.oid = relnamespace,
            lateral (select pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(reltoastrelid, 0)), 0)
                              + coalesce(sum(pg_relation_size(indexrelid)), 0) as bytes
                       from pg_index where indrelid in (c.oid, reltoastrelid)) as part
      where nspname = 'public' and relkind = 'r'`,
  )
  return { ...row!, statements }
}

/** What some work takes, for each of the events that it commits. */
async function perEvent(count: number, work: () => Promise<void>): Promise<Usage> {
  const before = await usage()
  await work()
  await store.states.settled()
  const after = await usage()
  return {
    disk: (after.disk - before.disk) / count,
    state: (after.state - before.state) / count,
    statements: (after.statements - before.statements - 1) / count,
  }
}

/** What the transaction's own end writes. */
const COMMIT_RECORD_BYTES = 60

/**
 * The WAL of a batch, as PostgreSQL counts it for this one statement. (The position in the WAL moves with whatever else the
 * server does.)
 */
async function walOf(...commits: RoomCommit[]): Promise<number> {
  const batch = new Batch()
  for (const commit of commits) batch.add(planCommit(commit))
  const [row] = await store.database.query<{ 'QUERY PLAN': [{ Plan: { 'WAL Bytes': number } }] }>(
    null,
    `explain (analyze, wal, timing off, format json) ${commitStatement}`,
    batch.parameters(),
  )
  return row!['QUERY PLAN'][0].Plan['WAL Bytes'] + COMMIT_RECORD_BYTES
}

/** The WAL for each event of a commit in one room, on average over `count` commits. */
async function averageWal(roomNid: number, count: number, newEventOf: (i: number) => NewEvent): Promise<number> {
  let sum = 0
  for (let i = 0; i < count; i++) sum += await walOf(commitOn(await headOf(store, roomNid), [newEventOf(i)]))
  return sum / count
}

function newMessage(): NewEvent {
  return newEvent({ txn: { deviceNid: 1, scope: Buffer.alloc(16), txnId: `m${newEventId().slice(0, 20)}` } })
}

async function rooms(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, () => createRoom(store)))
}

describe('a message of 850 bytes', () => {
  it('takes one statement, at most 2.1 kB of WAL and 1.6 kB of disk when it is sent alone', async () => {
    const [roomNid] = await rooms(1)
    expect(Math.abs(newMessage().json.length - 850)).toBeLessThan(20)
    let head = await headOf(store, roomNid!)
    const count = 400
    const taken = await perEvent(count, async () => {
      for (let i = 0; i < count; i++) {
        const { lastPos } = committed(await store.persister.commit(commitOn(head, [newMessage()])))
        head = { ...head, lastPos }
      }
    })
    expect(taken.statements).toBe(1)
    expect(await averageWal(roomNid!, 200, newMessage)).toBeLessThan(2_100)
    expect(taken.disk).toBeLessThan(1_600)
  })

  it('takes a twentieth of a statement at most when 32 clients send', async () => {
    const heads = await Promise.all((await rooms(32)).map((roomNid) => headOf(store, roomNid)))
    const [clients, each] = [heads.length, 60]
    const taken = await perEvent(clients * each, async () => {
      await Promise.all(
        heads.map(async (head) => {
          for (let i = 0, { lastPos } = head; i < each; i++) {
            ;({ lastPos } = committed(await store.persister.commit(commitOn({ ...head, lastPos }, [newMessage()]))))
          }
        }),
      )
    })
    expect(taken.statements).toBeLessThanOrEqual(0.05)
    // On average over some batches: an index page that splits weighs as much as three messages.
    const batches = 30
    let wal = 0
    for (let i = 0; i < batches; i++) {
      const moved = await Promise.all(heads.map(({ roomNid }) => headOf(store, roomNid)))
      wal += await walOf(...moved.map((head) => commitOn(head, [newMessage()])))
    }
    expect(wal / batches / clients).toBeLessThan(1_900)
    expect(taken.disk).toBeLessThan(1_500)
  })
})

describe('a membership', () => {
  it('takes at most 2.7 kB of WAL and 2 kB of disk', async () => {
    const [roomNid] = await rooms(1)
    const count = 400
    const taken = await perEvent(count, async () => {
      for (let i = 0; i < count; i++) {
        committed(await append(store, roomNid!, newMemberEvent(10_000 + i, 'join', { auth: [1, 2, 3] })))
      }
    })
    expect(taken.disk).toBeLessThan(2_000)
    const join = (i: number): NewEvent => newMemberEvent(50_000 + i, 'join', { auth: [1, 2, 3] })
    expect(await averageWal(roomNid!, 200, join)).toBeLessThan(2_700)
  })
})

describe('a change of state in a room of 10,000 members', () => {
  it('takes at most 130 bytes for its state, auth events and share of snapshots included', async () => {
    const [roomNid] = await rooms(1)
    const auth = [1, 2, 3]
    for (let i = 0; i < 10_000; i += 500) {
      const joins = Array.from({ length: 500 }, (_, j) => newMemberEvent(20_000 + i + j, 'join', { auth, json: '{}' }))
      committed(await append(store, roomNid!, ...joins))
    }
    await store.states.settled()
    const count = 4_500
    const taken = await perEvent(count, async () => {
      for (let i = 0; i < count; i += 100) {
        const changes = Array.from({ length: 100 }, (_, j) =>
          newMemberEvent(20_000 + (((i + j) * 7_919) % 10_000), 'join', { previous: 'join', auth, json: '{}' }),
        )
        committed(await append(store, roomNid!, ...changes))
      }
    })
    expect(taken.state).toBeLessThan(130)
    // Snapshots are what bounds the way to a state: there are some.
    const [row] = await store.database.query<{ count: number }>(
      null,
      'select count(*) as count from state_node where room_nid = $1 and kind = 2',
      [roomNid!],
    )
    expect(row!.count).toBeGreaterThan(5)
  })

  it('is loaded by another process in one query', async () => {
    const [row] = await store.database.query<{ room_nid: number; state_nid: number }>(
      null,
      'select room_nid, state_nid from room_head where room_nid = (select max(room_nid) from room_head)',
    )
    const cold = await openStore(database.url)
    const { statements } = cold.database
    expect((await cold.states.load(row!.room_nid, row!.state_nid)).size).toBe(10_002)
    expect(cold.database.statements).toBe(statements + 1)
    await cold.close()
  })
})

import { Unavailable } from '@hearth/runtime'
import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CommitUnknown,
  isSqlError,
  PersisterOverloaded,
  sqlState,
  type CommittedBatch,
  type RoomCommit,
  type Store,
} from '../src/index.ts'
import { Persister } from '../src/persister/persister.ts'
import {
  append,
  commitOn,
  committed,
  createRoom,
  headOf,
  newEvent,
  newMemberEvent,
  newRoomCommit,
  newStateEvent,
  openStore,
} from './fixtures/event-store.ts'
import { collectingLogger } from './fixtures/quiet-logger.ts'

let database: TestDatabase
let store: Store
/** Another process on the same database. */
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

describe('committing to a room', () => {
  it('creates a room with all its first events at once', async () => {
    const commit = await newRoomCommit(store)
    expect(await store.rooms.find(commit.newRoom!.roomId)).toBeUndefined()
    const { firstPos, lastPos, prevPos, stateNid } = committed(await store.persister.commit(commit))
    expect([prevPos + 1, lastPos, stateNid]).toEqual([firstPos, firstPos + 1, firstPos + 1])
    expect(await other.rooms.find(commit.newRoom!.roomId)).toEqual({
      nid: commit.roomNid,
      roomId: commit.newRoom!.roomId,
      version: '12',
    })
    expect(await headOf(other, commit.roomNid)).toEqual({
      roomNid: commit.roomNid,
      lastPos,
      depth: 1,
      stateNid,
      extremities: [lastPos],
    })
  })

  it('leaves nothing of a room whose first events are refused', async () => {
    const commit = await newRoomCommit(store)
    const refused = { ...commit, events: [...commit.events, newEvent({ json: '{"a":"\0"}' })] }
    await expect(store.persister.commit(refused)).rejects.toThrow()
    expect(await store.rooms.find(commit.newRoom!.roomId)).toBeUndefined()
    committed(await store.persister.commit(commit))
  })

  it('resolves references within the commit', async () => {
    const roomNid = await createRoom(store)
    const head = await headOf(store, roomNid)
    const { firstPos } = committed(
      await store.persister.commit({
        ...commitOn(head, [newEvent(), newStateEvent({ auth: [-1, head.lastPos] }), newEvent(), newEvent()]),
        extremities: [-3, -4, head.lastPos],
      }),
    )
    const after = await headOf(store, roomNid)
    expect(after.extremities).toEqual([firstPos + 2, firstPos + 3, head.lastPos])
    expect(after.stateNid).toBe(firstPos + 1)
    const rows = await other.events.findByNids([firstPos, firstPos + 1, firstPos + 2])
    expect(rows.map((row) => row.stateNid)).toEqual([head.stateNid, firstPos + 1, firstPos + 1])
    const stateEvents = await other.stateEvents.listByRoom(roomNid, head.lastPos)
    expect(stateEvents).toMatchObject([{ nid: firstPos + 1, auth: [firstPos, head.lastPos] }])
  })

  it('keeps the greatest depth', async () => {
    const roomNid = await createRoom(store)
    await append(store, roomNid, newEvent({ depth: 7 }), newEvent({ depth: 5 }))
    await append(store, roomNid, newEvent({ depth: 6 }))
    expect((await headOf(store, roomNid)).depth).toBe(7)
  })

  it('refuses a commit whose room has moved on, and says where it is', async () => {
    const roomNid = await createRoom(store)
    const head = await headOf(store, roomNid)
    const { lastPos } = committed(await append(store, roomNid, newEvent()))
    const outcome = await store.persister.commit(commitOn(head, [newEvent()]))
    expect(outcome).toEqual({ kind: 'head-moved', lastPos })
  })

  it('refuses the first event of a room that is there already, and of one that is not', async () => {
    const commit = await newRoomCommit(store)
    const { lastPos } = committed(await store.persister.commit(commit))
    expect(await other.persister.commit(commit)).toEqual({ kind: 'head-moved', lastPos })
    const { newRoom: _, ...unknown } = await newRoomCommit(store)
    expect(await store.persister.commit(unknown)).toEqual({ kind: 'head-moved', lastPos: 0 })
  })

  it('makes a head for a room that is known from elsewhere', async () => {
    const { newRoom, ...commit } = await newRoomCommit(store)
    const room = await store.rooms.intern(newRoom!.roomId, '11')
    expect(await other.rooms.intern(newRoom!.roomId, '11')).toEqual(room)
    expect(await store.roomHeads.find(room.nid)).toBeUndefined()
    committed(await store.persister.commit({ ...commit, roomNid: room.nid }))
    expect(await store.roomHeads.find(room.nid)).toBeDefined()
  })

  it('answers at once for a commit that contradicts itself', async () => {
    const commit = await newRoomCommit(store)
    await expect(store.persister.commit({ ...commit, events: [] })).rejects.toThrow(RangeError)
    await expect(store.persister.commit({ ...commit, expectedPos: 3 })).rejects.toThrow(RangeError)
    await expect(store.persister.commit({ ...commit, extremities: [] })).rejects.toThrow(RangeError)
    const first = commit.events[0]!
    await expect(store.persister.commit({ ...commit, events: [{ ...first, auth: [-1] }] })).rejects.toThrow(RangeError)
  })
})

describe('group commit', () => {
  it('writes what is committed together in one statement, each room for itself', async () => {
    const rooms = await Promise.all(Array.from({ length: 20 }, () => createRoom(store)))
    const heads = await Promise.all(rooms.map((roomNid) => headOf(store, roomNid)))
    await append(other, rooms[3]!, newEvent())
    const position = await store.streams.position()
    const { statements } = store.database
    const outcomes = await Promise.all(heads.map((head) => store.persister.commit(commitOn(head, [newEvent()]))))
    expect(store.database.statements - statements).toBe(1)
    expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(19)
    expect(outcomes[3]!.kind).toBe('head-moved')
    // The room that lost took no position.
    const positions = outcomes.flatMap((outcome) => (outcome.kind === 'committed' ? outcome.firstPos : []))
    expect(positions.sort((a, b) => a - b)).toEqual(Array.from({ length: 19 }, (_, i) => position + 1 + i))
    expect(await store.streams.position()).toBe(position + 19)
  })

  it('puts at most 500 events into a transaction, and a second commit of a room into the next', async () => {
    const rooms = await Promise.all(Array.from({ length: 12 }, () => createRoom(store)))
    const heads = await Promise.all(rooms.map((roomNid) => headOf(store, roomNid)))
    const batches: CommittedBatch[] = []
    store.persister.onCommitted((batch) => batches.push(batch))
    const commits = heads.map((head) =>
      commitOn(
        head,
        Array.from({ length: 100 }, () => newEvent()),
      ),
    )
    const outcomes = await Promise.all([commits[0]!, ...commits].map((commit) => store.persister.commit(commit)))
    expect(batches.map(({ events }) => events.length)).toEqual([500, 400, 300])
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      'committed',
      'head-moved',
      ...Array<string>(11).fill('committed'),
    ])
  })

  it('keeps a commit that PostgreSQL refuses from taking the others with it', async () => {
    const rooms = await Promise.all(Array.from({ length: 5 }, () => createRoom(store)))
    const [first, second, ...others] = await Promise.all(rooms.map((roomNid) => headOf(store, roomNid)))
    const known = newEvent()
    await append(store, await createRoom(store), known)
    const position = await store.streams.position()
    const results = await Promise.allSettled([
      store.persister.commit(commitOn(first!, [newEvent({ json: '{"content":"\0"}' })])),
      store.persister.commit(commitOn(second!, [newEvent({ eventId: known.eventId })])),
      ...others.map((head) => store.persister.commit(commitOn(head, [newEvent()]))),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
    expect(isSqlError((results[1] as PromiseRejectedResult).reason, sqlState.uniqueViolation)).toBe(true)
    expect(await store.streams.position()).toBe(position + 3)
  })

  it('tells listeners everything, in the order of positions, before it answers', async () => {
    const persister = new Persister({ db: store.database, logger: collectingLogger() })
    const batches: CommittedBatch[] = []
    persister.onCommitted((batch) => batches.push(batch))
    persister.onCommitted(() => {
      throw new Error('a listener fails')
    })
    const roomNid = await createRoom(store)
    const head = await headOf(store, roomNid)
    const commits: RoomCommit[] = [
      commitOn(head, [newEvent(), newStateEvent({ auth: [-1] }), newMemberEvent(7, 'join', { auth: [-2] })]),
      await newRoomCommit(store),
    ]
    const [outcome] = await Promise.all(commits.map((commit) => persister.commit(commit)))
    const { firstPos, prevPos } = committed(outcome!)
    expect(batches).toHaveLength(1)
    const [batch] = batches
    expect(batch).toMatchObject({ prevPos, pos: prevPos + 5 })
    expect(batch!.events.map(({ nid }) => nid)).toEqual([1, 2, 3, 4, 5].map((i) => prevPos + i))
    expect(batch!.rooms[0]).toMatchObject({
      roomNid,
      prevLastPos: head.lastPos,
      lastPos: firstPos + 2,
      stateNid: firstPos + 2,
      extremities: [firstPos + 2],
      created: false,
      stateChanges: [
        { stateKeyNid: 1, event: firstPos + 1 },
        { stateKeyNid: 7, event: firstPos + 2, membership: { membership: 'join', userNid: 7 } },
      ],
    })
    expect(batch!.rooms[0]!.events.map(({ stateBeforeNid, stateNid }) => [stateBeforeNid, stateNid])).toEqual([
      [head.stateNid, head.stateNid],
      [head.stateNid, firstPos + 1],
      [firstPos + 1, firstPos + 2],
    ])
    expect(batch!.rooms[1]).toMatchObject({ created: true, prevLastPos: 0 })
  })

  it('chains its batches by position, and shows what another process committed as a hole', async () => {
    const roomNid = await createRoom(store)
    const batches: CommittedBatch[] = []
    store.persister.onCommitted((batch) => batches.push(batch))
    await append(store, roomNid, newEvent())
    await append(other, roomNid, newEvent(), newEvent())
    await append(store, roomNid, newEvent())
    expect(batches[1]!.prevPos - batches[0]!.pos).toBe(2)
  })

  it('refuses commits beyond its queue, and all of them when it is closing', async () => {
    const persister = new Persister({ db: store.database, logger: collectingLogger(), maxQueuedEvents: 10 })
    const rooms = await Promise.all([createRoom(store), createRoom(store), createRoom(store)])
    const heads = await Promise.all(rooms.map((roomNid) => headOf(store, roomNid)))
    const commits = heads.map((head) =>
      persister.commit(
        commitOn(
          head,
          Array.from({ length: 5 }, () => newEvent()),
        ),
      ),
    )
    expect(persister.queuedEvents).toBe(10)
    const refusal: unknown = await commits[2]!.catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(PersisterOverloaded)
    // What transports answer with 503 instead of as a bug.
    expect(refusal).toBeInstanceOf(Unavailable)
    const closing = persister.close()
    await expect(persister.commit(commitOn(heads[2]!, [newEvent()]))).rejects.toThrow(PersisterOverloaded)
    await closing
    expect((await Promise.all(commits.slice(0, 2))).map(({ kind }) => kind)).toEqual(['committed', 'committed'])
  })

  it('says that it does not know when the connection is lost during a commit', async () => {
    const roomNid = await createRoom(store)
    const head = await headOf(store, roomNid)
    // The commit waits for the stream's lock when its connection is cut.
    const result = await store.database.transaction(async (tx) => {
      await tx.query(null, 'select pos from stream_head for update')
      const commit = store.persister.commit(commitOn(head, [newEvent()])).catch((error: unknown) => error)
      const cut = `select pg_terminate_backend(pid) from pg_stat_activity
                    where datname = current_database() and query like '%hearth_commit(%' and wait_event_type = 'Lock'`
      while ((await other.database.query(null, cut)).length === 0)
        await new Promise((resolve) => setTimeout(resolve, 5))
      return commit
    })
    expect(result).toBeInstanceOf(CommitUnknown)
    expect(result).toBeInstanceOf(Unavailable)
    expect((await headOf(store, roomNid)).lastPos).toBe(head.lastPos)
    committed(await store.persister.commit(commitOn(head, [newEvent()])))
  })
})

import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CurrentStateChange, NewEvent, RoomCommit, StateMap, Store } from '../src/index.ts'
import { StateNodes } from '../src/tables/state-nodes.ts'
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
import { Random } from './fixtures/random.ts'

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

/** A store that has nothing in memory. */
async function withColdStore<T>(work: (cold: Store) => Promise<T>): Promise<T> {
  const cold = await openStore(database.url)
  try {
    return await work(cold)
  } finally {
    await cold.close()
  }
}

/** A state as simple as can be: `type key` to nid. */
type PlainState = ReadonlyMap<string, number>

function plain(state: StateMap): PlainState {
  return new Map([...state.entries()].map(({ typeNid, stateKeyNid, nid }) => [`${typeNid} ${stateKeyNid}`, nid]))
}

function changesBetween(before: PlainState, after: PlainState): CurrentStateChange[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key) !== after.get(key))
    .map((key) => {
      const [typeNid, stateKeyNid] = key.split(' ').map(Number) as [number, number]
      return { typeNid, stateKeyNid, event: after.get(key) ?? null }
    })
}

async function currentStateOf(roomNid: number): Promise<PlainState> {
  const rows = await store.database.query<{ key: string; nid: number }>(
    null,
    `select type_nid || ' ' || skey_nid as key, nid from current_state where room_nid = $1`,
    [roomNid],
  )
  return new Map(rows.map(({ key, nid }) => [key, nid]))
}

/** A room that changes at random, beside a model of every state that it has had. */
class RandomRoom {
  readonly roomNid: number
  readonly states: Map<number, PlainState>
  readonly #random: Random

  constructor(roomNid: number, first: [number, PlainState], random: Random) {
    this.roomNid = roomNid
    this.states = new Map([[0, new Map()], first])
    this.#random = random
  }

  /** Events one after another, as clients send them. */
  async extend(): Promise<void> {
    const head = await headOf(store, this.roomNid)
    const events = Array.from({ length: 1 + this.#random.below(4) }, () =>
      this.#random.chance(30) ? newEvent() : this.#stateEvent(),
    )
    const { firstPos } = committed(await store.persister.commit(commitOn(head, events)))
    let state = this.states.get(head.stateNid)!
    events.forEach((event, i) => {
      if (event.stateKeyNid === null) return
      state = new Map(state).set(`${event.typeNid} ${event.stateKeyNid}`, firstPos + i)
      this.states.set(firstPos + i, state)
    })
  }

  /** An event on an older state, and a resolution of the two that takes some keys of either and drops some. */
  async fork(): Promise<void> {
    const head = await headOf(store, this.roomNid)
    const [current, older] = [this.states.get(head.stateNid)!, this.#random.pick([...this.states.keys()])]
    const event = { ...this.#stateEvent(), stateBefore: older }
    const key = `${event.typeNid} ${event.stateKeyNid}`
    const after = new Map(this.states.get(older)).set(key, -1)
    const resolved = new Map<string, number>()
    for (const either of new Set([...current.keys(), ...after.keys()])) {
      const nid = this.#random.pick([current, after]).get(either)
      if (nid !== undefined) resolved.set(either, nid)
    }
    const stateNid = await store.states.reserveId()
    const onOwnEvent = this.#random.chance(50)
    const commit: RoomCommit = {
      ...commitOn(head, [event]),
      extremities: [...head.extremities.slice(0, 1), -1],
      merges: [
        {
          stateNid,
          base: onOwnEvent ? -1 : head.stateNid,
          changes: changesBetween(onOwnEvent ? after : current, resolved),
        },
      ],
      resolvedHead: { state: stateNid, changes: changesBetween(current, resolved) },
    }
    const { firstPos } = committed(await store.persister.commit(commit))
    const settle = (state: PlainState): PlainState =>
      new Map([...state].map(([each, nid]) => [each, nid === -1 ? firstPos : nid]))
    this.states.set(firstPos, settle(after))
    this.states.set(stateNid, settle(resolved))
  }

  #stateEvent(): NewEvent {
    return newStateEvent({ typeNid: 1 + this.#random.below(3), stateKeyNid: 1 + this.#random.below(40), auth: [1] })
  }
}

describe('States', () => {
  it.each([1, 2, 3])('loads every state that a room has had, as a plain model has it (seed %i)', async (seed) => {
    const random = new Random(seed)
    const roomNid = await createRoom(store)
    const { stateNid } = await headOf(store, roomNid)
    const room = new RandomRoom(roomNid, [stateNid, plain(await store.states.load(roomNid, stateNid))], random)
    for (let i = 0; i < 120; i++) {
      await (random.chance(25) ? room.fork() : room.extend())
      if (i % 20 !== 0) continue
      const head = await headOf(store, roomNid)
      expect(await currentStateOf(roomNid)).toEqual(room.states.get(head.stateNid))
    }
    await store.states.settled()
    await withColdStore(async (cold) => {
      for (const [nid, state] of room.states) {
        expect(plain(await store.states.load(roomNid, nid))).toEqual(state)
        expect(plain(await cold.states.load(roomNid, nid))).toEqual(state)
      }
    })
    // And each by itself, with nothing of the room in memory.
    for (const nid of [...room.states.keys()].filter((_, i) => i % 40 === 0)) {
      expect(await withColdStore(async (cold) => plain(await cold.states.load(roomNid, nid)))).toEqual(
        room.states.get(nid),
      )
    }
    const ids = [...room.states.keys()]
    // And some together, of which a few are in memory.
    for (let i = 0; i < 10; i++) {
      const wanted = Array.from({ length: 12 }, () => random.pick(ids))
      await withColdStore(async (cold) => {
        for (const nid of wanted.slice(0, i % 3)) await cold.states.load(roomNid, nid)
        const found = await cold.states.loadAll(roomNid, wanted)
        expect(new Map([...found].map(([nid, state]) => [nid, plain(state)]))).toEqual(
          new Map(wanted.map((nid) => [nid, room.states.get(nid)])),
        )
      })
    }
    for (let i = 0; i < 40; i++) {
      const [before, after] = [random.pick(ids), random.pick(ids)]
      const found = await store.states.difference(roomNid, before, after)
      const expected = changesBetween(room.states.get(before)!, room.states.get(after)!)
      const text = (typeNid: number, stateKeyNid: number, nid: number | null): string =>
        `${typeNid} ${stateKeyNid} ${nid}`
      expect(found.map((each) => text(each.typeNid, each.stateKeyNid, each.after ?? null)).sort()).toEqual(
        expected.map((each) => text(each.typeNid, each.stateKeyNid, each.event)).sort(),
      )
    }
  })

  it('asks once for a state, however many want it', async () => {
    const roomNid = await createRoom(store)
    const { lastPos } = committed(await append(store, roomNid, newStateEvent(), newStateEvent()))
    await withColdStore(async (cold) => {
      const { statements } = cold.database
      const loaded = await Promise.all([1, 2, 3].map(() => cold.states.load(roomNid, lastPos)))
      expect(new Set(loaded).size).toBe(1)
      expect(cold.database.statements).toBe(statements + 1)
    })
  })

  it('loads states that follow one another with one question', async () => {
    const roomNid = await createRoom(store)
    const events = Array.from({ length: 10 }, () => newStateEvent())
    const { firstPos } = committed(await append(store, roomNid, ...events))
    await withColdStore(async (cold) => {
      const { statements } = cold.database
      const wanted = events.map((_, index) => firstPos + index)
      expect((await cold.states.loadAll(roomNid, wanted)).size).toBe(10)
      expect(cold.database.statements).toBe(statements + 1)
      await cold.states.loadAll(roomNid, wanted)
      expect(cold.database.statements).toBe(statements + 1)
    })
  })

  it('has the states of a commit in memory when it is answered', async () => {
    const roomNid = await createRoom(store)
    const { firstPos } = committed(await append(store, roomNid, newStateEvent(), newMemberEvent(5, 'invite')))
    const { statements } = store.database
    expect(plain(await store.states.load(roomNid, firstPos + 1)).get('2 5')).toBe(firstPos + 1)
    expect(plain(await store.states.loadBefore(roomNid, firstPos + 1)).get('2 5')).toBeUndefined()
    expect(store.database.statements).toBe(statements)
  })

  it('finds the state before an event of another process, and none before the first', async () => {
    const roomNid = await createRoom(store)
    const { firstPos } = committed(await append(store, roomNid, newStateEvent(), newStateEvent()))
    await withColdStore(async (cold) => {
      expect(plain(await cold.states.loadBefore(roomNid, firstPos + 1)).get('9 1')).toBe(firstPos)
      expect((await cold.states.loadBefore(roomNid, firstPos - 2)).size).toBe(0)
      const both = [firstPos, firstPos + 1].map((nid) => ({ roomNid, nid }))
      const bases = await cold.states.findBases([...both, { roomNid, nid: 987_654 }])
      expect(bases.get(firstPos + 1)).toBe(firstPos)
      expect([...bases.keys()].sort()).toEqual([firstPos, firstPos + 1])
    })
  })

  it('refuses a state that is not stored', async () => {
    await expect(store.states.load(await createRoom(store), 987_654)).rejects.toThrow('987654')
  })

  it('stays within its bounds of memory', async () => {
    const small = await openStore(database.url, { stateCacheBytes: 60_000 })
    const roomNid = await createRoom(small)
    for (let i = 0; i < 150; i++) await append(small, roomNid, newMemberEvent(100 + i, 'join'))
    expect(small.states.bytes).toBeLessThanOrEqual(60_000)
    const { stateNid } = await headOf(small, roomNid)
    expect((await small.states.load(roomNid, stateNid)).size).toBe(152)
    await small.close()
  })

  it('writes snapshots so that neither they nor the way to the next one outgrow the changes', async () => {
    const roomNid = await createRoom(store)
    const members = Array.from({ length: 400 }, (_, i) => newMemberEvent(1000 + i, 'join'))
    committed(await append(store, roomNid, ...members))
    for (let i = 0; i < 600; i++) {
      committed(await append(store, roomNid, newMemberEvent(1000 + ((i * 7) % 400), 'join', { previous: 'join' })))
    }
    await store.states.settled()
    const [{ count, bytes }] = (await store.database.query<{ count: number; bytes: number }>(
      null,
      `select count(*) as count, sum(octet_length(data)) as bytes from state_node where room_nid = $1 and kind = 2`,
      [roomNid],
    )) as [{ count: number; bytes: number }]
    expect(count).toBeGreaterThan(5)
    expect(bytes).toBeLessThan(1_000 * 32)
    const { stateNid } = await headOf(store, roomNid)
    const ids = await store.database.query<{ nid: number }>(null, 'select nid from state_events where room_nid = $1', [
      roomNid,
    ])
    const nodes = new StateNodes(store.database)
    const walks = await Promise.all([stateNid, ...ids.map(({ nid }) => nid)].map((nid) => nodes.walk(roomNid, nid, [])))
    const longest = Math.max(...walks.map((steps) => steps.length))
    // 402 keys pack into about 2 kB; a step counts 32 bytes.
    expect(longest).toBeLessThanOrEqual(80)
    expect(longest).toBeGreaterThan(50)
  })

  it('writes a snapshot that was missed when it next comes by', async () => {
    const roomNid = await createRoom(store)
    committed(await append(store, roomNid, ...Array.from({ length: 100 }, (_, i) => newMemberEvent(1000 + i, 'join'))))
    await store.states.settled()
    await store.database.execute(null, 'delete from state_node where room_nid = $1', [roomNid])
    const { stateNid } = await headOf(store, roomNid)
    await withColdStore(async (cold) => {
      await cold.states.load(roomNid, stateNid)
      await cold.states.settled()
      const steps = await new StateNodes(cold.database).walk(roomNid, stateNid, [])
      expect(steps.map(({ kind }) => kind)).toEqual(['snapshot'])
    })
  })
})

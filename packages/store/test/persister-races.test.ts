import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Store } from '../src/index.ts'
import { commitOn, createRoom, headOf, newEvent, openStore } from './fixtures/event-store.ts'

const PROCESSES = 4

let database: TestDatabase
let stores: Store[]

beforeAll(async () => {
  database = await createTestDatabase()
  stores = await Promise.all(Array.from({ length: PROCESSES }, () => openStore(database.url, { poolSize: 3 })))
})

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await database.drop()
})

interface Counts {
  head: number
  events: number
  first: number
  last: number
}

describe('several processes on one database', () => {
  it('let exactly one of them move a room on from each position', async () => {
    const roomNid = await createRoom(stores[0]!)
    for (let round = 0; round < 25; round++) {
      const head = await headOf(stores[0]!, roomNid)
      const outcomes = await Promise.all(stores.map((store) => store.persister.commit(commitOn(head, [newEvent()]))))
      expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(1)
      expect(outcomes.filter(({ kind }) => kind === 'head-moved')).toHaveLength(PROCESSES - 1)
    }
    const events = await stores[1]!.events.listRoomEvents(roomNid, { after: 0, upTo: 1e9, direction: 'f', limit: 100 })
    expect(events).toHaveLength(2 + 25)
  })

  it('leave no gap in the positions, whatever is refused or rolled back', async () => {
    const rooms = await Promise.all(Array.from({ length: 12 }, (_, i) => createRoom(stores[i % PROCESSES]!)))
    const start = await stores[0]!.streams.position()
    const committedEvents = await Promise.all(stores.map((store, process) => writeALot(store, rooms, process)))
    const expected = committedEvents.reduce((sum, count) => sum + count, 0)
    expect(expected).toBeGreaterThan(100)
    const [counts] = await stores[0]!.database.query<Counts>(
      null,
      `select (select pos from stream_head) as head, count(*) as events, min(nid) as first, max(nid) as last
         from events where nid > $1`,
      [start],
    )
    expect(counts).toEqual({ head: start + expected, events: expected, first: start + 1, last: start + expected })
  })

  it('give every position to one change, also where other tables take some', async () => {
    const [store] = stores
    const start = await store!.streams.position()
    const taken = await Promise.all(
      stores.map((each) => each.transaction(async ({ streamHead }) => [await streamHead.advance(3), 3])),
    )
    await expect(
      store!.transaction(async ({ streamHead }) => {
        await streamHead.advance(5)
        throw new Error('rolled back')
      }),
    ).rejects.toThrow('rolled back')
    expect(taken.map(([first]) => first! - start).sort((a, b) => a - b)).toEqual([1, 4, 7, 10])
    expect(await store!.streams.position()).toBe(start + 12)
  })
})

/** Sends to rooms that others send to as well; some commits are refused by PostgreSQL. Resolves to the events written. */
async function writeALot(store: Store, rooms: readonly number[], process: number): Promise<number> {
  let written = 0
  await Promise.all(
    Array.from({ length: 6 }, async (_, writer) => {
      for (let i = 0; i < 20; i++) {
        const roomNid = rooms[(process + writer * 5 + i * 7) % rooms.length]!
        const head = await headOf(store, roomNid)
        const events = Array.from({ length: 1 + (i % 3) }, () => newEvent())
        if ((i + writer) % 5 === 0) events.push(newEvent({ json: '"\0"' }))
        const outcome = await store.persister.commit(commitOn(head, events)).catch(() => undefined)
        if (outcome?.kind === 'committed') written += events.length
      }
    }),
  )
  return written
}

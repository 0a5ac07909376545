import { createTestDatabase, type TestDatabase } from '@hearth/test-kit'
import { Metrics } from '@hearth/runtime'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConsumedPage, Store, StoredChange, StreamConsumer, Tables } from '../src/index.ts'
import { append, createRoom, newEvent, newStateEvent, openStore } from './fixtures/event-store.ts'

let database: TestDatabase
let store: Store
let other: Store
let roomNid: number

beforeAll(async () => {
  database = await createTestDatabase()
})

beforeEach(async () => {
  store = await openStore(database.url)
  other = await openStore(database.url)
  roomNid = await createRoom(other)
  return async () => {
    await Promise.all([store.close(), other.close()])
  }
})

afterAll(async () => {
  await database.drop()
})

let names = 0

/** A consumer that notes each position in a table, in the transaction that it is given, and refuses one that it has. */
class Toy implements StreamConsumer<StoredChange> {
  readonly name: string
  readonly startAt: 'head' | 'beginning' = 'head'
  readonly lingerMs: number = 0
  readonly batchSize: number = 500
  readonly stateOnly: boolean = false
  declare readonly wokenBy?: 'state'
  /** The pages that it was handed, those that failed included. */
  readonly pages: number[][] = []
  /** Called at the end of each page. */
  afterwards: (page: ConsumedPage<StoredChange>) => Promise<void> = async () => undefined

  constructor(
    options: Partial<Pick<Toy, 'name' | 'startAt' | 'lingerMs' | 'batchSize' | 'stateOnly' | 'wokenBy'>> = {},
  ) {
    this.name = `toy ${++names}`
    Object.assign(this, options)
  }

  async handle(page: ConsumedPage<StoredChange>, tx: Tables): Promise<void> {
    this.pages.push(page.changes.map(({ pos }) => pos))
    for (const { pos } of page.changes) {
      const token = `${this.name} ${pos}`
      const note = { token, usesAllowed: null, expiresTs: null, grantsAdmin: false, now: pos }
      if (!(await tx.registrationTokens.insert(note))) throw new Error(`handled twice: ${token}`)
    }
    await this.afterwards(page)
  }

  /** The positions that it has noted. */
  async noted(): Promise<number[]> {
    const rows = await other.database.query<{ pos: number }>(
      null,
      'select created_ts as pos from registration_tokens where starts_with(token, $1) order by created_ts',
      [`${this.name} `],
    )
    return rows.map(({ pos }) => pos)
  }
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}

/** Adds a consumer and waits until it has come to where the stream is. */
async function start(consumer: StreamConsumer<StoredChange>, at: Store = store): Promise<number> {
  at.consumers.add(consumer)
  const head = await at.streams.position()
  await expect.poll(() => at.consumerCursors.find(consumer.name)).toBe(head)
  return head
}

describe('consumers of the stream', () => {
  it('are handed each change once and in order', async () => {
    const toy = new Toy()
    const head = await start(toy)
    await append(store, roomNid, newEvent(), newStateEvent())
    await append(store, roomNid, newEvent())
    await expect.poll(() => toy.noted()).toEqual(range(head + 1, 3))
    expect(toy.pages.flat()).toEqual(range(head + 1, 3))
    await expect.poll(() => store.consumerCursors.find(toy.name)).toBe(head + 3)
  })

  it('begin where they are to begin, and go on where they stopped', async () => {
    const [old, late] = [new Toy({ startAt: 'beginning' }), new Toy()]
    const head = await start(old)
    const first = await openStore(database.url)
    await start(late, first)
    expect((await old.noted()).length).toBeGreaterThan(1)
    expect(await late.noted()).toEqual([])
    await first.close()
    await append(other, roomNid, newEvent())
    const restarted = await openStore(database.url)
    await start(late, restarted)
    expect(await late.noted()).toEqual([head + 1])
    await restarted.close()
  })

  it('are handed a page again after a failure, with nothing left of their first attempt', async () => {
    const toy = new Toy()
    const head = await start(toy)
    let failures = 0
    toy.afterwards = async () => {
      if (++failures <= 2) throw new Error('a consumer fails')
    }
    await append(store, roomNid, newEvent(), newEvent())
    await expect.poll(() => toy.noted()).toEqual(range(head + 1, 2))
    expect(toy.pages).toEqual([range(head + 1, 2), range(head + 1, 2), range(head + 1, 2)])
  })

  it('lose nothing and double nothing when the connection is cut between the effect and the cursor', async () => {
    const toy = new Toy()
    const head = await start(toy)
    let cuts = 0
    toy.afterwards = async () => {
      if (++cuts > 1) return
      await other.database.query(
        null,
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and state = 'idle in transaction'`,
      )
    }
    await append(store, roomNid, newEvent())
    await expect.poll(() => toy.noted()).toEqual([head + 1])
    await expect.poll(() => other.consumerCursors.find(toy.name)).toBe(head + 1)
    expect(toy.pages).toEqual([[head + 1], [head + 1]])
  })

  it('work in one process at a time, where several run them', async () => {
    const name = `toy ${++names}`
    const toys = [new Toy({ name }), new Toy({ name })]
    const quick = await openStore(database.url, { consumerPollMs: 20 })
    const head = await start(toys[0]!)
    await start(toys[1]!, quick)
    for (let i = 0; i < 20; i++) await append(i % 2 === 0 ? store : quick, roomNid, newEvent())
    await expect.poll(() => toys[0]!.noted()).toEqual(range(head + 1, 20))
    expect(toys.flatMap(({ pages }) => pages.flat()).sort((a, b) => a - b)).toEqual(range(head + 1, 20))
    await quick.close()
  })

  it('find out by themselves what other processes commit', async () => {
    const quick = await openStore(database.url, { consumerPollMs: 20 })
    const toy = new Toy()
    const head = await start(toy, quick)
    await append(other, roomNid, newEvent())
    await expect.poll(() => toy.noted()).toEqual([head + 1])
    await quick.close()
  })

  it('are handed long stretches page by page, and short ones together', async () => {
    const [small, slow] = [new Toy({ batchSize: 10 }), new Toy({ lingerMs: 1_000 })]
    const head = await start(small)
    await start(slow)
    for (let i = 0; i < 5; i++) await append(store, roomNid, ...range(0, 5).map(() => newEvent()))
    await expect.poll(() => slow.noted()).toEqual(range(head + 1, 25))
    await expect.poll(() => small.noted()).toEqual(range(head + 1, 25))
    expect(Math.max(...small.pages.map((page) => page.length))).toBeLessThanOrEqual(10)
    expect(slow.pages).toHaveLength(1)
  })

  it('sleep through what they are not interested in, and are handed it later', async () => {
    const toy = new Toy({ wokenBy: 'state' })
    const head = await start(toy)
    await append(store, roomNid, newEvent())
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(toy.pages).toEqual([])
    expect(store.consumers.lag(toy.name)).toBe(1)
    await append(store, roomNid, newStateEvent())
    await expect.poll(() => toy.noted()).toEqual(range(head + 1, 2))
    expect(toy.pages).toEqual([range(head + 1, 2)])
  })

  it('are handed state events and redactions alone, if these are all that they look at', async () => {
    const toy = new Toy({ stateOnly: true })
    const head = await start(toy)
    await append(store, roomNid, newEvent(), newStateEvent())
    const redacts = { target: head + 1, prunedJson: '{}' }
    await append(store, roomNid, newEvent(), newEvent({ redacts }), newEvent())
    await append(store, roomNid, newStateEvent())
    await vi.waitFor(async () => expect(await toy.noted()).toEqual([head + 2, head + 4, head + 6]), 30_000)
    await append(store, roomNid, newEvent())
    await vi.waitFor(async () => expect(await store.consumerCursors.find(toy.name)).toBe(head + 7), 30_000)
    expect(toy.pages.flat()).toEqual([head + 2, head + 4, head + 6])
  })

  it('ask nothing of the database while nothing happens', async () => {
    await start(new Toy())
    await new Promise((resolve) => setTimeout(resolve, 50))
    const { statements } = store.database
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(store.database.statements).toBe(statements)
  })

  it('finish their page before they stop', async () => {
    const toy = new Toy()
    const stopping = await openStore(database.url)
    const head = await start(toy, stopping)
    const entered = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    toy.afterwards = async () => {
      entered.resolve()
      await go.promise
    }
    await append(stopping, roomNid, newEvent())
    await entered.promise
    const closing = stopping.close()
    go.resolve()
    await closing
    expect(await toy.noted()).toEqual([head + 1])
    expect(await other.consumerCursors.find(toy.name)).toBe(head + 1)
  })

  it('show how far they are behind', async () => {
    const metrics = new Metrics()
    const measured = await openStore(database.url, { metrics })
    const toy = new Toy()
    await start(toy, measured)
    const go = Promise.withResolvers<void>()
    toy.afterwards = () => go.promise
    await append(measured, roomNid, newEvent(), newEvent())
    await expect.poll(() => metrics.text()).toContain(`hearth_consumer_lag_positions{consumer="${toy.name}"} 2`)
    go.resolve()
    await expect.poll(() => metrics.text()).toContain(`hearth_consumer_lag_positions{consumer="${toy.name}"} 0`)
    await measured.close()
  })

  it('have names of their own', async () => {
    const toy = new Toy()
    await start(toy)
    expect(() => store.consumers.add(toy)).toThrow(toy.name)
  })
})

import { createLogger, SystemClock } from '@hearth/runtime'
import { describe, expect, it } from 'vitest'
import type { Change } from './change.ts'
import { StreamFeed } from './stream-feed.ts'

const change = (pos: number): Change => ({
  kind: 'account-data',
  pos,
  userNid: 1,
  roomNid: null,
  type: 't',
  content: '{}',
})
const segment = (firstPos: number, count = 1) => ({
  firstPos,
  count,
  changes: Array.from({ length: count }, (_, index) => change(firstPos + index)),
})

/** A feed over a database that holds every position up to `head`. */
async function feedWith(
  head: number,
  options: { pollMs?: number; fail?: () => boolean; failHead?: () => boolean; pageSize?: number } = {},
) {
  const database = { head, reads: 0, told: 0 }
  const delivered: number[] = []
  const feed = new StreamFeed({
    readHead: async () => {
      if (options.failHead?.()) throw new Error('the database is away')
      return database.head
    },
    readChanges: async (after, upTo) => {
      database.reads += 1
      if (options.fail?.()) throw new Error('the database is away')
      const end = Math.min(upTo, after + (options.pageSize ?? 1_000))
      return { changes: segment(after + 1, end - after).changes, upTo: end }
    },
    readTold: async (after, upTo, kinds) => {
      if (upTo > database.head || !kinds.includes('account-data')) return undefined
      database.told += 1
      return segment(after + 1, upTo - after).changes
    },
    clock: new SystemClock(),
    logger: createLogger({ level: 'error', sink: { write: () => undefined, flush: () => undefined } }),
    pollMs: options.pollMs ?? 0,
  })
  const positions: number[] = []
  feed.listen((changes, position) => {
    delivered.push(...changes.map(({ pos }) => pos))
    positions.push(position)
  })
  await feed.start()
  return { feed, database, delivered, positions }
}

describe('StreamFeed', () => {
  it('delivers what is handed in, in order, and moves its position after its listeners', async () => {
    const { feed, delivered } = await feedWith(10)
    const seen: number[] = []
    feed.listen(() => seen.push(feed.position))
    feed.publish(segment(11, 2))
    feed.publish(segment(13))
    expect(delivered).toEqual([11, 12, 13])
    expect(seen).toEqual([10, 12])
    expect(feed.position).toBe(13)
  })

  it('holds back what comes early until what is missing has come', async () => {
    const { feed, delivered, database } = await feedWith(10)
    feed.publish(segment(13))
    feed.publish(segment(12))
    expect(delivered).toEqual([])
    feed.publish(segment(11))
    expect(delivered).toEqual([11, 12, 13])
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(database.reads).toBe(0)
  })

  it('reads from the database what nobody hands in', async () => {
    const { feed, delivered, database } = await feedWith(10)
    database.head = 14
    feed.publish(segment(14))
    await feed.reached(14)
    expect(delivered).toEqual([11, 12, 13, 14])
    expect(database.reads).toBe(1)
  })

  it('delivers nothing twice when a commit that was read is handed in after all', async () => {
    const { feed, delivered } = await feedWith(10)
    feed.hint(12)
    await feed.reached(12)
    feed.publish(segment(11, 2))
    feed.publish(segment(13))
    expect(delivered).toEqual([11, 12, 13])
  })

  it('reads a long hole in pages', async () => {
    const { feed, delivered, database } = await feedWith(0, { pageSize: 10 })
    database.head = 95
    feed.hint(95)
    await feed.reached(95)
    expect(delivered).toEqual(Array.from({ length: 95 }, (_, index) => index + 1))
  })

  it('looks at the head where other processes may write', async () => {
    const { feed, delivered, database } = await feedWith(10, { pollMs: 10 })
    database.head = 11
    await feed.reached(11)
    expect(delivered).toEqual([11])
    feed.stop()
  })

  it('tries again when the database is away, and skips nothing', async () => {
    let failures = 1
    const { feed, delivered } = await feedWith(10, { fail: () => failures-- > 0 })
    feed.hint(11)
    await feed.reached(11, 5_000)
    expect(delivered).toEqual([11])
  })

  it('goes on when a listener fails', async () => {
    const { feed, delivered } = await feedWith(10)
    feed.listen(() => {
      throw new Error('a fault of one reader')
    })
    feed.publish(segment(11))
    feed.publish(segment(12))
    expect(delivered).toEqual([11, 12])
    expect(feed.position).toBe(12)
  })

  it('waits no longer than it is told to', async () => {
    const { feed } = await feedWith(10)
    await feed.reached(99, 20)
    expect(feed.position).toBe(10)
    const stopped = feed.reached(99, 60_000)
    feed.stop()
    await stopped
  })

  it('looks at the head when the answer to a commit was lost, until it can', async () => {
    let away = false
    const { feed, database, delivered } = await feedWith(10, { failHead: () => away })
    database.head = 12
    away = true
    feed.doubt()
    feed.doubt()
    await feed.reached(12, 100)
    expect(delivered).toEqual([])
    away = false
    await feed.reached(12, 5_000)
    expect(delivered).toEqual([11, 12])
  })

  it('takes the word of others for what is committed, and looks for itself where it does not hold', async () => {
    const { feed, delivered, database } = await feedWith(10)
    database.head = 12
    await feed.heard({ before: 10, position: 12, kinds: ['account-data'] })
    expect(delivered).toEqual([11, 12])
    expect(database).toMatchObject({ reads: 0, told: 1 })
    // Something else is there, or nothing yet, or something before it is missing.
    database.head = 14
    await feed.heard({ before: 12, position: 13, kinds: ['receipt'] })
    await feed.reached(14)
    await feed.heard({ before: 14, position: 20, kinds: ['account-data'] })
    expect(feed.position).toBe(14)
    database.head = 17
    await feed.heard({ before: 16, position: 17, kinds: ['account-data'] })
    await feed.reached(17)
    expect(delivered).toEqual([11, 12, 13, 14, 15, 16, 17])
    expect(database.told).toBe(1)
  })

  it('delivers what others are said to have committed once, when its own commits come meanwhile', async () => {
    const { feed, delivered, database } = await feedWith(10)
    database.head = 13
    const hearing = feed.heard({ before: 10, position: 12, kinds: ['account-data'] })
    const again = feed.heard({ before: 11, position: 13, kinds: ['account-data'] })
    feed.publish(segment(11))
    await Promise.all([hearing, again])
    await feed.reached(13)
    expect(delivered).toEqual([11, 12, 13])
  })
})

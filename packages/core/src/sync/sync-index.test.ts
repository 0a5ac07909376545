import type { RoomId, UserId } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'
import { createLogger, FakeClock } from '@hearth/runtime'
import type { Membership } from '@hearth/store'
import { describe, expect, it } from 'vitest'
import type { ClientEvent } from '../events/client-event.ts'
import type { Change, EventChange } from './change.ts'
import { StreamFeed } from './stream-feed.ts'
import { SyncIndex, type SyncIndexDeps } from './sync-index.ts'
import type { UserStream } from './user-stream.ts'

const roomOf = (nid: number) => `!room${nid}:hearth.test` as RoomId
const userOf = (nid: number) => `@user${nid}:hearth.test` as UserId

interface Row {
  readonly roomNid: number
  readonly membership: Membership
  readonly pos: number
}

function message(pos: number, roomNid: number, body = 'text'): EventChange {
  const event = {
    eventId: `$${pos}`,
    pdu: { type: 'm.room.message', sender: userOf(9), content: { body }, origin_server_ts: 0 },
  } as unknown as RoomEvent
  return {
    kind: 'event',
    pos,
    nid: pos,
    roomNid,
    roomId: roomOf(roomNid),
    event,
    stateNid: 1,
    stateBeforeNid: 1,
    replaced: undefined,
  }
}

function membershipChange(pos: number, roomNid: number, userNid: number, membership: Membership): EventChange {
  const event = {
    eventId: `$${pos}`,
    pdu: {
      type: 'm.room.member',
      sender: userOf(userNid),
      state_key: userOf(userNid),
      content: { membership },
      origin_server_ts: 0,
    },
  } as unknown as RoomEvent
  return {
    ...message(pos, roomNid),
    event,
    stateNid: pos,
    stateBeforeNid: pos - 1,
    membership: { userNid, membership, previous: undefined, local: true },
  }
}

/** An index over a stream that tests write, and a database that answers when it is told to. */
async function setUp(options: Partial<Pick<SyncIndexDeps, 'maxUsers' | 'maxTimelineBytes'>> = {}) {
  const clock = new FakeClock()
  const memberships = new Map<number, readonly Row[]>()
  const heads = new Map<number, number>()
  const questions: PromiseWithResolvers<void>[] = []
  let holdsBack = false
  let headsQuestion: PromiseWithResolvers<void> | undefined
  const feed = new StreamFeed({
    readHead: async () => 100,
    readChanges: async (_after, upTo) => ({ changes: [], upTo }),
    readTold: async () => undefined,
    clock,
    logger: createLogger({ level: 'error' }),
    pollMs: 0,
  })
  const store = {
    localMemberships: {
      async listWithRooms(userNid: number) {
        const rows = memberships.get(userNid) ?? []
        if (holdsBack) {
          const question = Promise.withResolvers<void>()
          questions.push(question)
          await question.promise
        }
        return rows.map((row) => ({ ...row, userNid, nid: row.pos, roomId: roomOf(row.roomNid), forgotten: false }))
      },
    },
    presenceLists: { listOf: async () => [] },
    roomHeads: {
      async findAll(nids: readonly number[]) {
        const found = new Map(nids.map((nid) => [nid, { lastPos: heads.get(nid) ?? 0 }]))
        await headsQuestion?.promise
        return found
      },
    },
  } as unknown as SyncIndexDeps['store']
  const remembered = new Map<number, ClientEvent>()
  const serializer = {
    remember: (nid: number, event: ClientEvent) => void remembered.set(nid, event),
    forget: (nid: number) => void remembered.delete(nid),
  }
  const index = new SyncIndex({ store, feed, serializer, maxUsers: 10, maxTimelineBytes: 1_000_000, ...options })
  await feed.start()
  return {
    feed,
    index,
    memberships,
    heads,
    remembered,
    load: (userNid: number): Promise<UserStream> => index.user(userNid, userOf(userNid)),
    holdBack: () => (holdsBack = true),
    holdBackHeads: () => (headsQuestion = Promise.withResolvers<void>()),
    answer: () => questions.shift()!.resolve(),
    publish: (...changes: Change[]) => feed.publish({ firstPos: changes[0]!.pos, count: changes.length, changes }),
  }
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
const joined = (roomNid: number, pos = 50): Row => ({ roomNid, membership: 'join', pos })

describe('SyncIndex', () => {
  it('knows the rooms of a user, and what happens in them from then on', async () => {
    const { load, memberships, heads, publish } = await setUp()
    memberships.set(1, [joined(7), { roomNid: 8, membership: 'invite', pos: 60 }])
    heads.set(7, 90)
    const user = await load(1)
    expect([...user.rooms.values()].map(({ roomNid, membership }) => [roomNid, membership])).toEqual([
      [7, 'join'],
      [8, 'invite'],
    ])
    expect(user.roomsWithNews(100)).toEqual([])
    publish(message(101, 7))
    expect(user.roomsWithNews(100).map(({ roomNid }) => roomNid)).toEqual([7])
    const { timeline } = user.rooms.get(7)!.watch!
    expect(timeline.completeFrom).toBe(100)
    expect(timeline.between(100, 101).map(({ pos }) => pos)).toEqual([101])
  })

  it('gives nobody a user who is still being loaded', async () => {
    const { load, memberships, holdBack, answer } = await setUp()
    memberships.set(1, [joined(7)])
    holdBack()
    const both = [load(1), load(1)]
    answer()
    const [first, second] = await Promise.all(both)
    expect(first!.rooms.size).toBe(1)
    expect(second).toBe(first)
  })

  it('misses nothing that happens between the question and the answer', async () => {
    const { load, memberships, holdBack, answer, publish } = await setUp()
    memberships.set(1, [joined(7, 50)])
    holdBack()
    const loading = load(1)
    await nextTurn()
    publish(membershipChange(101, 7, 1, 'leave'))
    publish(membershipChange(102, 8, 1, 'join'))
    answer()
    const user = await loading
    expect([...user.rooms.values()].map(({ roomNid, membership, pos }) => [roomNid, membership, pos])).toEqual([
      [7, 'leave', 101],
      [8, 'join', 102],
    ])
  })

  it('misses nothing that happens while it asks where the rooms stand', async () => {
    const { load, memberships, heads, publish, holdBackHeads } = await setUp()
    memberships.set(1, [joined(7)])
    heads.set(7, 90)
    const question = holdBackHeads()
    const loading = load(1)
    await nextTurn()
    publish(message(101, 7))
    question.resolve()
    expect((await loading).roomsWithNews(100).map(({ roomNid }) => roomNid)).toEqual([7])
  })

  it('waits for the stream where the database is ahead of it', async () => {
    const { load, memberships, publish, feed } = await setUp()
    memberships.set(1, [joined(7, 102)])
    let isLoaded = false
    const loading = load(1).then(() => (isLoaded = true))
    await nextTurn()
    expect(isLoaded).toBe(false)
    publish(message(101, 3), membershipChange(102, 7, 1, 'join'))
    await loading
    expect(feed.position).toBe(102)
  })

  it('does not take the first part of a commit for known in which somebody comes in', async () => {
    const { load, publish } = await setUp()
    const user = await load(1)
    publish(message(101, 7), message(102, 7), membershipChange(103, 7, 1, 'join'), message(104, 7))
    const { timeline } = user.rooms.get(7)!.watch!
    expect(timeline.completeFrom).toBe(102)
    expect(timeline.between(102, 104).map(({ pos }) => pos)).toEqual([103, 104])
  })

  it('wakes those who are in a room, and nobody else', async () => {
    const { load, memberships, publish } = await setUp()
    memberships.set(1, [joined(7)])
    memberships.set(2, [joined(8)])
    const woken: number[] = []
    for (const nid of [1, 2]) (await load(nid)).waiters.onNext(() => woken.push(nid))
    publish(message(101, 7))
    await nextTurn()
    expect(woken).toEqual([1])
  })

  it('wakes a large room in slices, all of it', async () => {
    const { load, memberships, publish } = await setUp({ maxUsers: 1_000 })
    let woken = 0
    for (let nid = 1; nid <= 250; nid += 1) {
      memberships.set(nid, [joined(7)])
      ;(await load(nid)).waiters.onNext(() => (woken += 1))
    }
    publish(message(101, 7))
    await nextTurn()
    expect(woken).toBe(100)
    await nextTurn()
    await nextTurn()
    expect(woken).toBe(250)
  })

  it('wakes of the devices of a user the one that is sent something', async () => {
    const { feed, load } = await setUp()
    const user = await load(1)
    const [phone, tablet] = [user.inboxOf(11), user.inboxOf(12)]
    const woken: string[] = []
    phone.waiters.onNext(() => woken.push('phone'))
    tablet.waiters.onNext(() => woken.push('tablet'))
    user.waiters.onNext(() => woken.push('all'))
    feed.publish({ firstPos: 101, count: 1, changes: [{ kind: 'to-device', pos: 101, userNid: 1, deviceNid: 12 }] })
    await new Promise((resolve) => setImmediate(resolve))
    expect(woken).toEqual(['tablet'])
    expect([phone.mayHoldAfter(100), tablet.mayHoldAfter(100), tablet.mayHoldAfter(101)]).toEqual([false, true, false])
  })

  it('wakes a user who is invited, thrown out, or sets account data', async () => {
    const { load, publish } = await setUp()
    const user = await load(1)
    let woken = 0
    const wait = () => user.waiters.onNext(() => (woken += 1))
    wait()
    publish(membershipChange(101, 7, 1, 'invite'))
    await nextTurn()
    wait()
    publish({ kind: 'account-data', pos: 102, userNid: 1, roomNid: null, type: 't', content: '{}' })
    await nextTurn()
    expect(woken).toBe(2)
    expect(user.recentAccountData(101, 102)).toHaveLength(1)
    expect(user.recentAccountData(99, 102)).toBeUndefined()
  })

  it('drops the users who have not synced for longest, with rooms that nobody else is in, but nobody who waits', async () => {
    const { load, memberships, index } = await setUp({ maxUsers: 3 })
    memberships.set(1, [joined(1)])
    memberships.set(2, [joined(2), joined(3)])
    memberships.set(3, [joined(3)])
    memberships.set(4, [joined(4)])
    const first = await load(1)
    first.waiters.onNext(() => undefined)
    await load(2)
    await load(3)
    await load(4)
    await nextTurn()
    expect(index.userCount).toBe(3)
    expect(index.waiterCount).toBe(1)
    // The second one is gone, and room 2 with them; room 3 has the third one.
    expect(index.roomCount).toBe(3)
    expect(await load(1)).toBe(first)
  })

  it('keeps those who are about to wait, whenever others come', async () => {
    for (let steps = 0; steps < 40; steps += 1) {
      const { load, holdBack, answer } = await setUp({ maxUsers: 1 })
      const first = await load(1)
      holdBack()
      const second = load(2)
      answer()
      for (let step = 0; step < steps; step += 1) await Promise.resolve()
      const user = await load(1)
      user.waiters.onNext(() => undefined)
      await second
      await nextTurn()
      expect(user).toBe(first)
      expect(await load(1)).toBe(first)
    }
  })

  it('tells whether somebody else has let go of a room that nobody was in', async () => {
    const { index, publish } = await setUp()
    const watch = index.watch(7, roomOf(7))
    expect(index.watch(7, roomOf(7))).toBe(watch)
    expect(index.follows(watch)).toBe(true)
    index.unwatch(watch)
    expect(index.follows(watch)).toBe(false)
    publish(message(101, 7))
    expect(watch.lastPos).toBe(0)
  })

  it('stops following a room when the last one who syncs leaves it', async () => {
    const { load, memberships, index, publish } = await setUp()
    memberships.set(1, [joined(7)])
    await load(1)
    publish(message(101, 7))
    expect(index.timelineBytes).toBeGreaterThan(0)
    publish(membershipChange(102, 7, 1, 'leave'))
    expect([index.roomCount, index.timelineBytes]).toEqual([0, 0])
  })

  it('empties the timelines of the quietest rooms when all together take too much', async () => {
    const { load, memberships, index, publish } = await setUp({ maxTimelineBytes: 40_000 })
    memberships.set(1, [joined(7), joined(8)])
    const user = await load(1)
    const timelineOf = (roomNid: number) => user.rooms.get(roomNid)!.watch!.timeline
    for (let pos = 101; pos <= 105; pos += 1) publish(message(pos, 7, 'x'.repeat(1_000)))
    expect(timelineOf(7).completeFrom).toBe(100)
    for (let pos = 106; pos <= 110; pos += 1) publish(message(pos, 8, 'x'.repeat(1_000)))
    expect(index.timelineBytes).toBeLessThan(40_000)
    expect(timelineOf(7).completeFrom).toBe(105)
    expect(timelineOf(7).between(0, 200)).toEqual([])
    expect(timelineOf(8).weight).toBe(index.timelineBytes)
  })

  it('shows a redacted event, and the one that quotes it, without what it said', async () => {
    const { load, memberships, publish, remembered } = await setUp()
    memberships.set(1, [joined(7)])
    const user = await load(1)
    const topic = { ...message(101, 7), event: stateEvent('$101', 'secret') }
    const later = { ...message(102, 7), event: stateEvent('$102', 'harmless'), replaced: topic.event }
    publish(topic, later)
    const pruned = stateEvent('$101', undefined)
    publish({ ...message(103, 7), redacted: { nid: 101, event: pruned } })
    const shown = user.rooms.get(7)!.watch!.timeline.between(100, 103)
    const text = shown.map(({ client }) => client.syncJson({ now: 0 })).join()
    expect(text).not.toContain('secret')
    expect(text).toContain('redacted_because')
    expect(text).toContain('"prev_content":{}')
    expect(remembered.has(101)).toBe(false)
  })
})

function stateEvent(eventId: string, topic: string | undefined): RoomEvent {
  return {
    eventId,
    pdu: {
      type: 'm.room.topic',
      state_key: '',
      sender: userOf(9),
      content: topic === undefined ? {} : { topic },
      origin_server_ts: 0,
    },
  } as unknown as RoomEvent
}

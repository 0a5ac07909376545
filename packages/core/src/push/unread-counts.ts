import { LruCache, type Metrics } from '@hearth/runtime'
import type { ReceiptRow, Store } from '@hearth/store'
import type { IgnoredUsers } from '../account-data/ignored-users.ts'
import { mainTimeline } from '../receipts/thread-of.ts'
import type { Room } from '../rooms/room.ts'
import type { RoomWatch } from '../sync/room-watch.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import type { SyncFilter } from '../sync/sync-filter.ts'
import type { UserStream } from '../sync/user-stream.ts'
import type { CountableEvent } from './judged-events.ts'
import type { PushRules } from './push-rules.ts'
import { RoomTally } from './room-tally.ts'
import type { Reader, Tallying } from './tallying.ts'
import { unreadCountsConsumer } from './unread-counts-consumer.ts'

/** What somebody has not read of a room. */
export interface UnreadRoom {
  /** Of the main timeline. */
  readonly main: UnreadCount
  /** Of all of the room. */
  readonly total: UnreadCount
  /** Of each thread that has something, by the id of its root. */
  readonly threads: ReadonlyMap<string, UnreadCount>
}

export interface UnreadCount {
  readonly notifications: number
  readonly highlights: number
}

export interface UnreadCountsDeps {
  readonly store: Store
  readonly feed: Pick<StreamFeed, 'position'>
  readonly tallying: Tallying
  readonly pushRules: PushRules
  readonly ignoredUsers: IgnoredUsers
  readonly maxBytes: number
  readonly metrics: Metrics
}

/** A room that somebody is joined to. */
interface JoinedRoom {
  readonly room: Room
  readonly watch: RoomWatch | undefined
}

/** A room's counts and how far events and receipts are in them. */
interface CountedRoom {
  readonly tally: RoomTally
  upTo: number
  receiptsUpTo: number
  /** Receipts up to there that are still to be taken into account. */
  pending: readonly ReceiptRow[]
}

/** The counts of a user who syncs. */
interface CountedUser {
  readonly rooms: Map<number, CountedRoom>
  /** What was stored, and up to where that was known. */
  readonly stored: ReadonlyMap<number, RoomTally>
  readonly storedUpTo: number
  /** The user's receipts after that, by room, and up to where they were read. */
  readonly receipts: ReadonlyMap<number, readonly ReceiptRow[]>
  readonly receiptsUpTo: number
}

const bytesPerRoom = 200
const nothing: UnreadCount = { notifications: 0, highlights: 0 }

/**
 * How much users have not read, exact at the position of an answer: what the consumer has stored, and on top of it the
 * events and receipts since, which are in memory where somebody syncs.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications}
 */
export class UnreadCounts {
  readonly #deps: UnreadCountsDeps
  readonly #users: LruCache<number, CountedUser>
  /** What is going on for each user: one after the other, so that no event counts twice. */
  readonly #working = new Map<number, Promise<unknown>>()

  constructor(deps: UnreadCountsDeps) {
    this.#deps = deps
    this.#users = new LruCache({
      name: 'unread-counts',
      maxBytes: deps.maxBytes,
      sizeOf: ({ rooms, stored }) => bytesPerRoom * (1 + rooms.size + stored.size),
      metrics: deps.metrics,
    })
  }

  /** What a user has not read of rooms that they are joined to, at a position or a little later. */
  async of(user: UserStream, rooms: readonly JoinedRoom[], position: number): Promise<Map<number, UnreadRoom>> {
    if (rooms.length === 0) return new Map()
    const { userNid } = user
    const before = this.#working.get(userNid)
    const work = (before ?? Promise.resolve()).catch(() => undefined).then(() => this.#count(user, rooms, position))
    this.#working.set(userNid, work)
    try {
      return await work
    } catch (error) {
      // Counted in part: the next one who asks begins anew.
      this.#users.delete(userNid)
      throw error
    } finally {
      if (this.#working.get(userNid) === work) this.#working.delete(userNid)
    }
  }

  /** The same, if nothing has to be asked for: where little has happened since the user was told last. */
  peek(user: UserStream, rooms: readonly JoinedRoom[], position: number): Map<number, UnreadRoom> | undefined {
    const { userNid, userId } = user
    const counted = this.#users.get(userNid)
    const rules = this.#deps.pushRules.peek(userNid)
    const ignored = this.#deps.ignoredUsers.peek(user)
    if (!counted || !rules || !ignored || this.#working.has(userNid)) return undefined
    const reader: Reader = { userNid, userId, rules: rules.compiled, ignored }
    const unread = new Map<number, UnreadRoom>()
    for (const each of rooms) {
      const known = counted.rooms.get(each.room.nid)
      if (!known || !isInMemory(counted, each, position)) return undefined
      if (!this.#advanceInMemory(known, each, reader, position)) return undefined
      unread.set(each.room.nid, unreadIn(known.tally))
    }
    return unread
  }

  /** The joined rooms in which a user has read something between two positions. */
  async roomsReadIn(user: UserStream, since: number, upTo: number): Promise<number[]> {
    const read: number[] = []
    const asked: number[] = []
    for (const { roomNid, watch } of user.roomsWithReceipts(since)) {
      const receipts = watch?.receipts.between(since, upTo)
      if (!receipts) asked.push(roomNid)
      else if (receipts.some(({ userNid }) => userNid === user.userNid)) read.push(roomNid)
    }
    const rows = asked.length === 0 ? [] : await this.#deps.store.receipts.listByUser(user.userNid, asked)
    return [...read, ...rows.filter(({ pos }) => pos > since && pos <= upTo).map(({ roomNid }) => roomNid)]
  }

  async #count(user: UserStream, rooms: readonly JoinedRoom[], position: number): Promise<Map<number, UnreadRoom>> {
    const { userNid, userId } = user
    const { pushRules, ignoredUsers } = this.#deps
    let counted = this.#users.get(userNid)
    // What memory no longer tells of, the consumer has stored: that is one question for all rooms.
    if (!counted || rooms.some((each) => !isInMemory(counted!, each, position))) counted = await this.#load(user)
    const [rules, ignored] = await Promise.all([pushRules.of(userNid), ignoredUsers.of(userId)])
    const reader: Reader = { userNid, userId, rules: rules.compiled, ignored }
    const unread = new Map<number, UnreadRoom>()
    const stored = await this.#readStored(counted, rooms, position)
    for (const each of rooms) {
      const { nid } = each.room
      let known = counted.rooms.get(nid)
      if (!known) counted.rooms.set(nid, (known = firstOf(counted, nid)))
      await this.#advance(known, each, stored.get(nid), reader, position)
      unread.set(nid, unreadIn(known.tally))
    }
    this.#users.set(userNid, counted)
    return unread
  }

  /** The events since rooms were last counted, where they are not in memory. */
  async #readStored(
    counted: CountedUser,
    rooms: readonly JoinedRoom[],
    upTo: number,
  ): Promise<ReadonlyMap<number, readonly CountableEvent[]>> {
    const missing = rooms.filter((each) => !isInMemory(counted, each, upTo))
    if (missing.length === 0) return new Map()
    return this.#deps.tallying.readEvents(
      missing.map(({ room }) => ({ room, after: countedUpTo(counted, room), upTo })),
    )
  }

  async #load(user: UserStream): Promise<CountedUser> {
    const { store, feed } = this.#deps
    const { userNid } = user
    const { pos, rows } = await store.unreadCounts.load(userNid, unreadCountsConsumer)
    const receiptsUpTo = feed.position
    const joined = [...user.rooms.values()].filter(({ membership }) => membership === 'join')
    const receipts = await store.receipts.listByUser(
      userNid,
      joined.map(({ roomNid }) => roomNid),
    )
    const stored = new Map<number, RoomTally>()
    for (const { roomNid, threadId, ...tally } of rows) {
      let room = stored.get(roomNid)
      if (!room) stored.set(roomNid, (room = new RoomTally()))
      room.set(threadId, tally)
    }
    const later = receipts.filter((receipt) => receipt.pos > pos)
    return {
      rooms: new Map(),
      stored,
      storedUpTo: pos,
      receipts: Map.groupBy(later, ({ roomNid }) => roomNid),
      receiptsUpTo,
    }
  }

  /** Brings a room's counts to a position. */
  async #advance(
    known: CountedRoom,
    { room, watch }: JoinedRoom,
    stored: readonly CountableEvent[] | undefined,
    reader: Reader,
    position: number,
  ): Promise<void> {
    const { tallying } = this.#deps
    if (known.upTo < position) {
      await tallying.take(known.tally, room, stored ?? recentEvents(watch, known.upTo, position), reader)
      known.upTo = position
    }
    const receipts = [...known.pending]
    known.pending = []
    if (known.receiptsUpTo < position) {
      receipts.push(...(await this.#receipts(room, watch, reader, known.receiptsUpTo, position)))
      known.receiptsUpTo = position
    }
    const rest = receipts.flatMap(({ threadId, eventPos }) => known.tally.readUpTo(threadId, eventPos))
    if (rest.length > 0) await tallying.recount(known.tally, room, [...new Set(rest)], reader, known.upTo)
  }

  /** Brings a room's counts to a position, unless the user has read something or it takes more than what is in memory. */
  #advanceInMemory(known: CountedRoom, { room, watch }: JoinedRoom, reader: Reader, position: number): boolean {
    if (known.pending.length > 0) return false
    if (known.receiptsUpTo < position) {
      const receipts = watch?.receipts.between(known.receiptsUpTo, position)
      if (!receipts || receipts.some(({ userNid }) => userNid === reader.userNid)) return false
      known.receiptsUpTo = position
    }
    if (known.upTo < position) {
      const events = recentEvents(watch, known.upTo, position)
      if (!this.#deps.tallying.takeKnown(known.tally, room, events, reader)) return false
      known.upTo = position
    }
    return true
  }

  async #receipts(
    room: Room,
    watch: RoomWatch | undefined,
    { userNid }: Reader,
    after: number,
    upTo: number,
  ): Promise<readonly ReceiptRow[]> {
    const recent = watch?.receipts.between(after, upTo)
    if (recent) return recent.filter((receipt) => receipt.userNid === userNid)
    const all = await this.#deps.store.receipts.listByUser(userNid, [room.nid])
    return all.filter(({ pos }) => pos > after && pos <= upTo)
  }
}

/** The counts as members of a room's object in `/sync`: by thread, or folded into one for clients that know no threads. */
export function unreadJson({ main, total, threads }: UnreadRoom, { countsThreads }: SyncFilter): string {
  const counts = `"unread_notifications":${countJson(countsThreads ? main : total)}`
  if (!countsThreads || threads.size === 0) return counts
  const byThread = [...threads].map(([threadId, count]) => `${JSON.stringify(threadId)}:${countJson(count)}`)
  return `${counts},"unread_thread_notifications":{${byThread.join(',')}}`
}

function countJson({ notifications, highlights }: UnreadCount): string {
  return `{"notification_count":${notifications},"highlight_count":${highlights}}`
}

/** Whether all that has happened in a room since it was last counted is in memory. */
function isInMemory(counted: CountedUser, { room, watch }: JoinedRoom, position: number): boolean {
  const upTo = countedUpTo(counted, room)
  if (upTo >= position || !watch) return upTo >= position
  return watch.timeline.completeFrom <= upTo || (watch.lastPos > 0 && watch.lastPos <= upTo)
}

function countedUpTo({ rooms, storedUpTo }: CountedUser, { nid }: Room): number {
  return rooms.get(nid)?.upTo ?? storedUpTo
}

function recentEvents(watch: RoomWatch | undefined, after: number, upTo: number): readonly CountableEvent[] {
  const entries = watch?.timeline.between(after, upTo) ?? []
  return entries.map((entry) => ({ ...entry, isRedacted: entry.client.isRedacted }))
}

function firstOf({ stored, storedUpTo, receipts, receiptsUpTo }: CountedUser, roomNid: number): CountedRoom {
  const tally = stored.get(roomNid) ?? new RoomTally()
  return { tally, upTo: storedUpTo, receiptsUpTo, pending: receipts.get(roomNid) ?? [] }
}

function unreadIn({ threads }: RoomTally): UnreadRoom {
  const counts = [...threads.values()]
  return {
    main: threads.get(mainTimeline) ?? nothing,
    total: {
      notifications: counts.reduce((sum, { notifications }) => sum + notifications, 0),
      highlights: counts.reduce((sum, { highlights }) => sum + highlights, 0),
    },
    threads: new Map([...threads].filter(([threadId]) => threadId !== mainTimeline)),
  }
}

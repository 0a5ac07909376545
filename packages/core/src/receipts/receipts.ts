import { invalidParam, notFound, type EventId, type UserId } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'
import type { Clock } from '@hearth/runtime'
import type { ReceiptRow, ReceiptType, Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { RoomAccess } from '../rooms/room-access.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { Room } from '../rooms/room.ts'
import type { StreamFeed } from '../sync/stream-feed.ts'
import { mainTimeline, threadOf } from './thread-of.ts'

export interface ReceiptRequest {
  readonly requester: Requester
  readonly room: Room
  readonly type: ReceiptType
  /** The event that was read, with everything before it. */
  readonly eventId: EventId
  /** `main` or the id of a thread's root; absent for a receipt that is for the whole room. */
  readonly threadId?: string | undefined
}

/** What another server says of its user. */
export interface HeardReceipt {
  readonly userId: UserId
  readonly eventId: EventId
  readonly threadId?: string | undefined
  /** When they read it, in milliseconds. */
  readonly ts: number
}

/** Receipts of one room that are taken from one EDU; there is another for whoever has more readers. */
const maxHeard = 500

type NewReceipt = Omit<ReceiptRow, 'pos'> & { readonly userId: UserId }

/** An event of a room's timeline. */
export interface ReadEvent {
  readonly nid: number
  /** Where it stands in the stream. */
  readonly pos: number
  readonly event: RoomEvent
}

/**
 * How far people have read. A receipt only moves forward, and each move is a change of the stream.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#receipts}
 */
export class Receipts {
  readonly #deps: {
    readonly store: Store
    readonly events: RoomEvents
    readonly access: RoomAccess
    readonly feed: Pick<StreamFeed, 'publish' | 'reached' | 'writing'>
    readonly clock: Clock
  }

  constructor(deps: {
    store: Store
    events: RoomEvents
    access: RoomAccess
    feed: Pick<StreamFeed, 'publish' | 'reached' | 'writing'>
    clock: Clock
  }) {
    this.#deps = deps
  }

  /**
   * Takes note that a user has read up to an event. One that is not after the last leaves that as it is.
   *
   * @throws MatrixError M_FORBIDDEN for who is not joined, M_NOT_FOUND for what is no event of the room's timeline,
   *   M_INVALID_PARAM for a thread that the event is not in.
   */
  async send({ requester, room, type, eventId, threadId }: ReceiptRequest): Promise<void> {
    await this.#deps.access.requireJoined(room, requester.userId)
    const read = await this.findEvent(room, eventId)
    if (threadId !== undefined) await this.#checkThread(room, read.event, threadId)
    const { userNid, userId } = requester
    const row = {
      roomNid: room.nid,
      userNid,
      type,
      threadId: threadId ?? null,
      eventNid: read.nid,
      eventPos: read.pos,
      ts: this.#deps.clock.now(),
    }
    await this.#advance([{ ...row, eventId, userId }])
  }

  /**
   * Takes the word of a server for how far its users have read in a room. Passed over is whoever is not joined, and what
   * is no event of the room's timeline or not in the thread.
   */
  async receive(room: Room, heard: readonly HeardReceipt[]): Promise<void> {
    const receipts = heard.slice(0, maxHeard)
    const { store, access } = this.#deps
    const rows = await store.events.findByIds([...new Set(receipts.map(({ eventId }) => eventId))])
    const events = new Map(rows.map((row) => [row.eventId, row]))
    const accepted: NewReceipt[] = []
    for (const { userId, eventId, threadId, ts } of receipts) {
      const row = events.get(eventId)
      if (!row || row.roomNid !== room.nid || row.streamPos === null) continue
      if ((await access.membershipOf(room, userId)) !== 'join') continue
      if (threadId !== undefined && !(await this.#isInThread(room, this.#deps.events.parse(row), threadId))) continue
      const userNid = await store.users.intern(userId)
      const read = { eventNid: row.nid, eventPos: row.streamPos, eventId, ts }
      accepted.push({ roomNid: room.nid, userNid, userId, type: 'm.read', threadId: threadId ?? null, ...read })
    }
    await this.#advance(accepted)
  }

  /** How far a user has read in a room: one receipt a type and thread. */
  async ofUser(userNid: number, roomNid: number): Promise<readonly ReceiptRow[]> {
    return this.#deps.store.receipts.listByUser(userNid, [roomNid])
  }

  /** An event of a room's timeline. @throws MatrixError M_NOT_FOUND for anything else, events of other rooms included. */
  async findEvent(room: Room, eventId: EventId): Promise<ReadEvent> {
    const [row] = await this.#deps.store.events.findByIds([eventId])
    if (!row || row.roomNid !== room.nid || row.streamPos === null) throw notFound('The room has no such event')
    return { nid: row.nid, pos: row.streamPos, event: this.#deps.events.parse(row) }
  }

  async #advance(receipts: readonly NewReceipt[]): Promise<void> {
    if (receipts.length === 0) return
    const { store, feed } = this.#deps
    const { firstPos, count, moved } = await feed.writing(() => store.receipts.advance(receipts))
    if (count === 0) return
    const changes = moved.map(({ index, pos }) => ({ kind: 'receipt' as const, ...receipts[index]!, pos }))
    feed.publish({ firstPos, count, changes })
    // So that a sync after the answer has it.
    await feed.reached(firstPos + count - 1)
  }

  async #checkThread(room: Room, event: RoomEvent, threadId: string): Promise<void> {
    if (await this.#isInThread(room, event, threadId)) return
    const place = threadId === mainTimeline ? 'the main timeline' : 'this thread'
    throw invalidParam(`thread_id: the event is not in ${place}`)
  }

  async #isInThread(room: Room, event: RoomEvent, threadId: string): Promise<boolean> {
    // A thread's root is in the main timeline, and what is read of a thread may be no more than its root.
    if (threadId === event.eventId) return true
    const thread = await threadOf(event, async (eventId) => {
      const [row] = await this.#deps.store.events.findByIds([eventId])
      return row?.roomNid === room.nid ? this.#deps.events.parse(row) : undefined
    })
    return thread === threadId
  }
}

import type { UserId } from '@hearth/protocol'
import type { CompiledPushRules, PushEffect, RoomEvent } from '@hearth/rooms'
import { TimeSlice, type Clock } from '@hearth/runtime'
import type { EventRow, ReceiptRow, Store } from '@hearth/store'
import { membershipOf } from '../rooms/membership-content.ts'
import type { RoomEvents } from '../rooms/room-events.ts'
import type { Room } from '../rooms/room.ts'
import type { CountableEvent, JudgedEvents } from './judged-events.ts'
import { RoomTally } from './room-tally.ts'

/** Whose unread events are counted, and by which rules. */
export interface Reader {
  readonly userNid: number
  readonly userId: UserId
  readonly rules: CompiledPushRules
  readonly ignored: ReadonlySet<string>
}

/** A part of a room's timeline: positions in `(after, upTo]`. */
export interface Stretch {
  readonly room: Room
  readonly after: number
  readonly upTo: number
}

export interface TallyingDeps {
  readonly store: Pick<Store, 'events' | 'receipts'>
  readonly events: RoomEvents
  readonly judged: JudgedEvents
  readonly clock: Clock
}

/**
 * The newest events of a room that are looked at to count what is unread. It takes a bot that never reads, or a receipt
 * far in the past, to have more.
 */
const maxScanned = 2_000
/** The same for all rooms of an answer together, which matters only while the consumer is far behind. */
const maxScannedTogether = 20_000

/** Counts, event by event, what one user has not read. */
export class Tallying {
  readonly #deps: TallyingDeps

  constructor(deps: TallyingDeps) {
    this.#deps = deps
  }

  /** The events of rooms after one position up to another, from the store, with one query for all of them. */
  async readEvents(stretches: readonly Stretch[]): Promise<Map<number, CountableEvent[]>> {
    const { store, events, clock } = this.#deps
    const slice = new TimeSlice(clock)
    const found = new Map(stretches.map(({ room }) => [room.nid, { room, read: new Array<CountableEvent>() }]))
    const ranges = stretches.map(({ room: { nid: roomNid }, after, upTo }) => ({ roomNid, after, upTo }))
    const limit = Math.min(maxScanned, Math.ceil(maxScannedTogether / stretches.length))
    for (const row of await store.events.listNewestByRooms(ranges, limit)) {
      if (slice.isOver) await slice.rest()
      const { room, read } = found.get(row.roomNid)!
      read.push(countableOf(row, events.parse(row), room))
    }
    return new Map([...found].map(([nid, { read }]) => [nid, read]))
  }

  /**
   * Takes events into account, in order. Who sends a message has read the thread; a stay begins with nothing unread.
   *
   * @param counts Whether an event of a thread at a position is one to count.
   */
  async take(
    tally: RoomTally,
    room: Room,
    counted: Iterable<CountableEvent>,
    reader: Reader,
    counts: (threadId: string, pos: number) => boolean = () => true,
  ): Promise<void> {
    const { judged, clock } = this.#deps
    const { userId, rules, ignored } = reader
    const slice = new TimeSlice(clock)
    for (const each of counted) {
      if (slice.isOver) await slice.rest()
      const { event, pos } = each
      const { sender, type, state_key: stateKey } = event.pdu
      if (type === 'm.room.member' && stateKey === userId) {
        const stays = membershipOf(event) === 'join' && (await judged.wasJoinedBefore(room, each, userId))
        if (!stays) tally.clear()
      } else if (sender === userId) {
        if (stateKey === undefined) tally.clear(judged.peekThread(room, event) ?? (await judged.threadOf(room, event)))
      } else if (!each.isRedacted && !ignored.has(sender)) {
        const effect =
          judged.peekEffect(room, each, userId, rules) ?? (await judged.effectOf(room, each, userId, rules))
        if (!effect.notifies) continue
        const threadId = judged.peekThread(room, event) ?? (await judged.threadOf(room, event))
        if (counts(threadId, pos)) tally.add(threadId, effect, pos)
      }
    }
  }

  /** The same where nothing has to be asked for; false, and nothing is taken into account, where something has to be. */
  takeKnown(tally: RoomTally, room: Room, counted: readonly CountableEvent[], reader: Reader): boolean {
    const { judged } = this.#deps
    const { userId, rules, ignored } = reader
    const added: { threadId: string; effect: PushEffect; pos: number }[] = []
    for (const each of counted) {
      const { event, pos, isRedacted } = each
      const { sender, type, state_key: stateKey } = event.pdu
      if (sender === userId || (type === 'm.room.member' && stateKey === userId)) return false
      if (isRedacted || ignored.has(sender)) continue
      const effect = judged.peekEffect(room, each, userId, rules)
      if (!effect) return false
      if (!effect.notifies) continue
      const threadId = judged.peekThread(room, event)
      if (threadId === undefined) return false
      added.push({ threadId, effect, pos })
    }
    for (const { threadId, effect, pos } of added) tally.add(threadId, effect, pos)
    return true
  }

  /** Counts threads of a room anew: what comes after the user's receipts, up to a position. */
  async recount(
    tally: RoomTally,
    room: Room,
    threadIds: readonly string[],
    reader: Reader,
    upTo: number,
  ): Promise<void> {
    const receipts = await this.#deps.store.receipts.listByUser(reader.userNid, [room.nid])
    const readUpTo = new Map(threadIds.map((threadId) => [threadId, lastRead(receipts, threadId)]))
    const from = Math.min(...readUpTo.values())
    const counted = (await this.readEvents([{ room, after: from, upTo }])).get(room.nid)!
    // What the user sent in other threads is in their counts already.
    const anew = new RoomTally()
    await this.take(anew, room, counted, reader, (threadId, pos) => pos > (readUpTo.get(threadId) ?? Infinity))
    for (const threadId of threadIds) {
      const thread = anew.threads.get(threadId)
      if (thread) tally.set(threadId, thread)
      else tally.clear(threadId)
    }
  }
}

/** An event as it is stored, for counting. */
export function countableOf(row: EventRow, event: RoomEvent, room: Room): CountableEvent {
  const { nid, streamPos, stateNid, redactedBy, replacesNid } = row
  return {
    pos: streamPos!,
    nid,
    event,
    stateNid: stateNid ?? room.head.stateNid,
    isRedacted: redactedBy !== null,
    replacesNid,
  }
}

/** Where the last event stands that receipts say was read of a thread. */
function lastRead(receipts: readonly ReceiptRow[], threadId: string): number {
  const read = receipts.filter((receipt) => receipt.threadId === null || receipt.threadId === threadId)
  return Math.max(0, ...read.map(({ eventPos }) => eventPos))
}

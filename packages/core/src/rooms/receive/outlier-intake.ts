import { type EventId, type UserId } from '@hearth/protocol'
import { authEventIds, createEventIdOf, roomIdOf, type RoomEvent } from '@hearth/rooms'
import { TimeSlice, type Clock } from '@hearth/runtime'
import { eventFlags, type NewOutlier, type Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'
import { inAuthOrder } from './auth-order.ts'
import { checkAuthEvents } from './check-auth-events.ts'
import type { VerifiedEvent } from './verified-event.ts'

/** What became of an event that was given. */
export interface TakenOutlier {
  readonly nid: number
  /** Whether its own auth events do not allow it (or it was rejected before). */
  readonly rejected: boolean
}

/** What became of a set of events. */
export interface OutlierOutcome {
  /** The events that are stored now, those that were before among them. */
  readonly stored: ReadonlyMap<EventId, TakenOutlier>
  /**
   * Those that could not be judged, with the ids of the events that are neither given nor stored and without which their
   * auth chains are incomplete. Nothing is kept of them. No ids: the event is one of another room, or leads back to itself.
   */
  readonly unjudged: ReadonlyMap<EventId, readonly EventId[]>
}

/** An event with what judging others takes. */
interface KnownEvent extends TakenOutlier {
  readonly event: RoomEvent
}

/** Of a room without a head, its number, id and version are enough. */
export type OutlierRoom = Pick<Room, 'nid' | 'id' | 'version'>

/**
 * The step that takes events without their place in the timeline: checks each against its own auth events, those first,
 * and stores it as an outlier, rejected or not.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu}
 */
export class OutlierIntake {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #clock: Clock

  constructor(deps: { store: Store; events: RoomEvents; clock: Clock }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#clock = deps.clock
  }

  /**
   * Takes events of a room in any order. Auth events that are not among them are looked up. The room needs a row
   * (`rooms.intern`), not a head.
   *
   * @throws RoomGone when the room is being deleted.
   */
  async take(room: OutlierRoom, events: readonly VerifiedEvent[]): Promise<OutlierOutcome> {
    const given = new Map(events.map((verified) => [verified.event.eventId, verified]))
    const unjudged = new Map<EventId, readonly EventId[]>()
    for (const { event } of given.values()) {
      if (roomIdOf(room.version, event) !== room.id) unjudged.set(event.eventId, [])
    }
    const { known, foreign } = await this.#findKnown(room, given, unjudged)
    const fresh = new Map([...given].filter(([eventId]) => !known.has(eventId) && !unjudged.has(eventId)))
    const judged = await this.#judgeAll(room, fresh, { known, foreign, unjudged })
    await this.#insert(room, judged, known)
    const stored = new Map<EventId, TakenOutlier>()
    for (const eventId of given.keys()) {
      const taken = known.get(eventId)
      if (taken !== undefined) stored.set(eventId, { nid: taken.nid, rejected: taken.rejected })
      else if (!unjudged.has(eventId)) unjudged.set(eventId, [])
    }
    return { stored, unjudged }
  }

  /** The given events and their auth events, as far as they are stored; those of other rooms apart. */
  async #findKnown(
    room: OutlierRoom,
    given: ReadonlyMap<EventId, VerifiedEvent>,
    unjudged: Map<EventId, readonly EventId[]>,
  ): Promise<{ known: Map<EventId, KnownEvent>; foreign: Set<EventId> }> {
    const ids = new Set(given.keys())
    for (const { event } of given.values()) for (const id of authEventIds(event.pdu)) ids.add(id)
    if (!room.version.createIsAuthEvent) ids.add(createEventIdOf(room.id))
    const known = new Map<EventId, KnownEvent>()
    const foreign = new Set<EventId>()
    for (const row of await this.#store.events.findByIds([...ids])) {
      if (row.roomNid !== room.nid) {
        foreign.add(row.eventId)
        if (given.has(row.eventId)) unjudged.set(row.eventId, [])
        continue
      }
      const rejected = (row.flags & eventFlags.rejected) !== 0
      const event = this.#events.parse(row)
      known.set(row.eventId, { nid: row.nid, rejected, event: rejected ? { ...event, rejected } : event })
    }
    return { known, foreign }
  }

  /** Judges events in the order of their auth events; what is judged can allow the next. */
  async #judgeAll(
    room: OutlierRoom,
    fresh: ReadonlyMap<EventId, VerifiedEvent>,
    {
      known,
      foreign,
      unjudged,
    }: {
      readonly known: ReadonlyMap<EventId, KnownEvent>
      readonly foreign: ReadonlySet<EventId>
      readonly unjudged: Map<EventId, readonly EventId[]>
    },
  ): Promise<JudgedEvent[]> {
    const createId = room.version.createIsAuthEvent ? undefined : createEventIdOf(room.id)
    const authOf = ({ event }: VerifiedEvent): readonly EventId[] =>
      createId === undefined || event.pdu.type === 'm.room.create'
        ? authEventIds(event.pdu)
        : [createId, ...authEventIds(event.pdu)]
    const judged = new Map<EventId, JudgedEvent>()
    const slice = new TimeSlice(this.#clock)
    for (const verified of inAuthOrder(fresh, authOf)) {
      const { eventId } = verified.event
      const find = (id: EventId): RoomEvent | undefined => judged.get(id)?.event ?? known.get(id)?.event
      const isForeign = authOf(verified).some((id) => foreign.has(id))
      const missing = isForeign ? [] : authOf(verified).filter((id) => find(id) === undefined)
      if (missing.length > 0) unjudged.set(eventId, [...new Set(missing.flatMap((id) => unjudged.get(id) ?? [id]))])
      else {
        const auth = authEventIds(verified.event.pdu).flatMap((id) => find(id) ?? [])
        const create = createId && find(createId)
        const rejected = isForeign || !checkAuthEvents(room.version, verified.event, auth, create).allowed
        judged.set(eventId, {
          event: rejected ? { ...verified.event, rejected } : verified.event,
          json: verified.json,
          rejected,
        })
      }
      if (slice.isOver) await slice.rest()
    }
    return [...judged.values()]
  }

  async #insert(room: OutlierRoom, judged: readonly JudgedEvent[], known: Map<EventId, KnownEvent>): Promise<void> {
    if (judged.length === 0) return
    const { eventTypes, stateKeys, users, outliers } = this.#store
    const typeNids = await eventTypes.internAll(judged.map(({ event }) => event.pdu.type))
    const stateKeyNids = await stateKeys.internAll(judged.flatMap(({ event }) => event.pdu.state_key ?? []))
    const senderNids = await users.internAll(judged.map(({ event }) => event.pdu.sender as UserId))
    const indexes = new Map(judged.map(({ event }, index) => [event.eventId, index]))
    // What names an event of another room is rejected, and authorized by nothing.
    const reference = (id: EventId): number | readonly [] => {
      const index = indexes.get(id)
      return index === undefined ? (known.get(id)?.nid ?? []) : -(1 + index)
    }
    const rows = judged.map(({ event: { eventId, pdu }, json, rejected }): NewOutlier => {
      const isState = pdu.state_key !== undefined
      return {
        eventId,
        json,
        typeNid: typeNids.get(pdu.type)!,
        stateKeyNid: isState ? stateKeyNids.get(pdu.state_key!)! : null,
        senderNid: senderNids.get(pdu.sender as UserId)!,
        depth: storedNumber(pdu.depth),
        ts: storedNumber(pdu.origin_server_ts),
        flags: rejected ? eventFlags.rejected : 0,
        auth: isState ? authEventIds(pdu).flatMap(reference) : [],
      }
    })
    const stored = await outliers.insert(room.nid, rows)
    judged.forEach(({ event }, index) => {
      const { nid, flags } = stored[index]!
      known.set(event.eventId, { nid, rejected: (flags & eventFlags.rejected) !== 0, event })
    })
  }
}

interface JudgedEvent extends VerifiedEvent {
  readonly rejected: boolean
}

/** Room versions before 6 allow numbers that no integer of ours holds. */
function storedNumber(value: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER))
}

import type { EventId } from '@hearth/protocol'
import { authEventIds, createEventIdOf, prevEventIds, redactionTarget, type RoomEvent } from '@hearth/rooms'
import { eventFlags, isRefused, type Store } from '@hearth/store'
import type { Room } from '../room.ts'
import type { RoomEvents } from '../room-events.ts'

/** A stored event of a room, as the checks on receipt look at it. */
export interface KnownEvent {
  readonly nid: number
  readonly event: RoomEvent
  /** The state after it; null for an outlier. */
  readonly stateNid: number | null
  readonly isRejected: boolean
  /** Rejected or soft-failed: it never is a forward extremity. */
  readonly isRefused: boolean
  readonly isRedacted: boolean
  readonly json: string
}

/** Stored events by id, looked up together. */
export class KnownEvents {
  readonly #store: Store
  readonly #events: RoomEvents
  readonly #room: Room
  readonly #found = new Map<EventId, KnownEvent>()
  /** Events that are stored as those of other rooms. */
  readonly #foreign = new Set<EventId>()

  constructor(deps: { store: Store; events: RoomEvents; room: Room }) {
    this.#store = deps.store
    this.#events = deps.events
    this.#room = deps.room
  }

  /** Looks up, with one query, events and all that they refer to. */
  async loadWithReferences(received: readonly RoomEvent[]): Promise<void> {
    const ids = new Set<EventId>()
    for (const event of received) {
      ids.add(event.eventId)
      for (const id of prevEventIds(event.pdu)) ids.add(id)
      for (const id of authEventIds(event.pdu)) ids.add(id)
      const target = redactionTarget(this.#room.version, event.pdu)
      if (target !== undefined) ids.add(target)
    }
    if (!this.#room.version.createIsAuthEvent) ids.add(createEventIdOf(this.#room.id))
    await this.load([...ids])
  }

  async load(eventIds: readonly EventId[]): Promise<void> {
    for (const row of await this.#store.events.findByIds(eventIds)) {
      if (row.roomNid !== this.#room.nid) {
        this.#foreign.add(row.eventId)
        continue
      }
      this.#found.set(row.eventId, {
        nid: row.nid,
        event: this.#events.parse(row),
        stateNid: row.stateNid,
        isRejected: (row.flags & eventFlags.rejected) !== 0,
        isRefused: isRefused(row),
        isRedacted: row.redactedBy !== null,
        json: row.json,
      })
    }
  }

  /** An event of the room that was looked up, outliers included. */
  get(eventId: EventId): KnownEvent | undefined {
    return this.#found.get(eventId)
  }

  /** Whether an event that was looked up is one of another room. */
  isForeign(eventId: EventId): boolean {
    return this.#foreign.has(eventId)
  }
}

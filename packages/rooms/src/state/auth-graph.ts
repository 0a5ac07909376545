import type { EventId } from '@hearth/protocol'
import { authEventIds, type RoomEvent } from '../events/pdu.ts'

/** How the caller names events: by event id, or by a number of its own. */
export type EventHandle = string | number

/**
 * The graph of a room's state events and their auth events. It is asked for far more events than are ever loaded, so a
 * caller keeps it in memory.
 */
export interface AuthGraph<Id extends EventHandle> {
  /** The auth events of an event; none for an event that is not known. */
  authEventsOf(id: Id): Iterable<Id>
  /** Whether the event is an `m.room.power_levels` event with the empty state key. */
  isPowerLevels(id: Id): boolean
  /** What `authDifference` finds, if the caller has a faster way than its search. */
  authDifference?(conflict: StateConflict<Id>): Iterable<Id>
}

/** Several states of a room, split into what they agree on and what they do not. */
export interface StateConflict<Id extends EventHandle> {
  /** The events on which all states agree. Iterated once. */
  readonly unconflicted: Iterable<Id>
  /** The events of each state that are not among those, in the order of the states; one list for each. */
  readonly conflicted: readonly (readonly Id[])[]
}

/** The graph of events that are all at hand. */
export function authGraphOf(event: (id: EventId) => RoomEvent | undefined): AuthGraph<EventId> {
  return {
    authEventsOf(id) {
      const pdu = event(id)?.pdu
      return pdu === undefined ? [] : authEventIds(pdu)
    },
    isPowerLevels(id) {
      const pdu = event(id)?.pdu
      return pdu?.type === 'm.room.power_levels' && pdu.state_key === ''
    },
  }
}

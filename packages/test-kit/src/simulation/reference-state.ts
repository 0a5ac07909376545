import type { EventId } from '@hearth/protocol'
import {
  authorize,
  prevEventIds,
  stateTupleKey,
  type Pdu,
  type RoomEvent,
  type RoomVersion,
  type StateMap,
} from '@hearth/rooms'
import { SlowResolution } from './slow-resolution.ts'

/**
 * The state of a room by the specification's definition, from nothing but its events: before each event, what the states
 * after its previous events are resolved to; after it, the event in its place, if that state allows it.
 */
export function referenceState(
  version: RoomVersion,
  events: ReadonlyMap<EventId, Pdu>,
  extremities: readonly EventId[],
): StateMap {
  const byId = new Map([...events].map(([eventId, pdu]) => [eventId, { eventId, pdu } satisfies RoomEvent]))
  const resolution = new SlowResolution(version, byId)
  const after = new Map<EventId, StateMap>()

  const resolve = (ids: readonly EventId[]): StateMap => {
    const states = [...new Set(ids)].flatMap((id) => after.get(id) ?? [])
    if (states.length === 0) return new Map()
    return states.length === 1 ? states[0]! : resolution.resolve(states)
  }
  for (const event of inOrder(byId)) {
    const before = resolve(prevEventIds(event.pdu))
    const { type, state_key: stateKey } = event.pdu
    const lookup = (ofType: string, key: string): RoomEvent | undefined => {
      const id = before.get(stateTupleKey(ofType, key))
      return id === undefined ? undefined : byId.get(id)
    }
    const isAllowed = authorize(version, event, lookup).allowed
    after.set(
      event.eventId,
      isAllowed && stateKey !== undefined
        ? new Map([...before, [stateTupleKey(type, stateKey), event.eventId]])
        : before,
    )
  }
  return resolve(extremities)
}

/** Every event after those that it follows. */
function inOrder(events: ReadonlyMap<EventId, RoomEvent>): RoomEvent[] {
  const ordered: RoomEvent[] = []
  const seen = new Set<EventId>()
  const visit = (event: RoomEvent): void => {
    if (seen.has(event.eventId)) return
    seen.add(event.eventId)
    for (const id of prevEventIds(event.pdu)) {
      const previous = events.get(id)
      if (previous) visit(previous)
    }
    ordered.push(event)
  }
  for (const event of events.values()) visit(event)
  return ordered
}

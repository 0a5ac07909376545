/**
 * Which events a room's next event follows.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#pdus}
 */
import type { EventId } from '@hearth/protocol'
import { prevEventIds, type RoomEvent } from '@hearth/rooms'

/** Refused events that are looked through at most. */
const maxRefused = 100

/** An event whose fate is known. */
export interface JudgedEvent {
  readonly event: RoomEvent
  readonly isRefused: boolean
}

/**
 * The events that a new event comes after: its previous events, and, since refused ones are never extremities, what those
 * came after. `find` resolves to undefined for an event that is not known.
 */
export async function eventsBefore(
  event: RoomEvent,
  find: (eventId: EventId) => Promise<JudgedEvent | undefined>,
): Promise<ReadonlySet<EventId>> {
  const before = new Set(prevEventIds(event.pdu))
  let refused = 0
  // What is found on the way is added to the set that is walked.
  for (const eventId of before) {
    const judged = await find(eventId)
    if (judged?.isRefused !== true || ++refused > maxRefused) continue
    for (const earlier of prevEventIds(judged.event.pdu)) before.add(earlier)
  }
  return before
}

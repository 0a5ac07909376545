import { isEventId, isJsonObject, type EventId } from '@hearth/protocol'
import type { RoomEvent } from '@hearth/rooms'

/** The thread of whatever is in no thread. */
export const mainTimeline = 'main'

/** How far relations are followed to the event that is in a thread. */
const maxHops = 3

/** The thread of an event that is related to nothing, or to its thread at once; undefined for others, see {@link threadOf}. */
export function peekThread(event: RoomEvent): string | undefined {
  const relation = relationOf(event)
  if (!relation) return mainTimeline
  return relation.type === 'm.thread' ? relation.eventId : undefined
}

/**
 * The thread that an event is in: the id of its root, or {@link mainTimeline}.
 *
 * @param findEvent gives an event of the same room.
 * @see https://spec.matrix.org/v1.19/client-server-api/#threaded-read-receipts
 */
export async function threadOf(
  event: RoomEvent,
  findEvent: (eventId: EventId) => Promise<RoomEvent | undefined>,
): Promise<string> {
  let current: RoomEvent | undefined = event
  for (let hops = 0; current && hops <= maxHops; hops += 1) {
    const known = peekThread(current)
    if (known !== undefined) return known
    current = hops < maxHops ? await findEvent(relationOf(current)!.eventId) : undefined
  }
  return mainTimeline
}

function relationOf({ pdu }: RoomEvent): { readonly type: unknown; readonly eventId: EventId } | undefined {
  const relation = pdu.content['m.relates_to']
  if (!isJsonObject(relation)) return undefined
  const { rel_type: type, event_id: eventId } = relation
  return typeof eventId === 'string' && isEventId(eventId) ? { type, eventId } : undefined
}

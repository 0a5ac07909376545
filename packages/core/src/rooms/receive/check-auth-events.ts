/**
 * Step 4 of the checks on receipt: do an event's own auth events allow it? If not, it is rejected.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu}
 */
import {
  authorize,
  checkAuthEventsOf,
  stateTupleKey,
  type RoomEvent,
  type RoomVersion,
  type Verdict,
} from '@hearth/rooms'

/**
 * Judges an event by its auth events, all of which are given. The room's create event is asked for apart: since room
 * version 12 the room's id names it, and nothing else does.
 */
export function checkAuthEvents(
  version: RoomVersion,
  event: RoomEvent,
  authEvents: readonly RoomEvent[],
  create: RoomEvent | undefined,
): Verdict {
  const considered = checkAuthEventsOf(version, event, authEvents)
  if (!considered.allowed) return considered
  const state = new Map(authEvents.map((authEvent) => [tupleOf(authEvent), authEvent]))
  if (create !== undefined && !version.createIsAuthEvent && event.pdu.type !== 'm.room.create') {
    state.set(tupleOf(create), create)
  }
  return authorize(version, event, (type, stateKey) => state.get(stateTupleKey(type, stateKey)))
}

function tupleOf({ pdu }: RoomEvent): string {
  return stateTupleKey(pdu.type, pdu.state_key ?? '')
}

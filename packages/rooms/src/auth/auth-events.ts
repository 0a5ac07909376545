import type { RoomEvent } from '../events/pdu.ts'
import { roomIdOf } from '../events/room-id.ts'
import type { RoomVersion } from '../room-versions.ts'
import { authTypesFor } from './auth-types.ts'
import { allow, numbered, refuse, type Verdict } from './verdict.ts'

/**
 * Considers an event's own auth events, rule 2 (since v12, 3): the part of authorization that does not depend on the
 * state of the room. All of its auth events must have been loaded. The create event itself has none and is allowed.
 * {@link https://spec.matrix.org/v1.19/rooms/v12/#authorization-rules}
 */
export function checkAuthEventsOf(version: RoomVersion, event: RoomEvent, authEvents: readonly RoomEvent[]): Verdict {
  if (event.pdu.type === 'm.room.create') return allow
  const rule = version.authRules.event.indexOf('auth-events') + 1
  return numbered(rule, checkEntries(version, event, authEvents))
}

function checkEntries(version: RoomVersion, event: RoomEvent, authEvents: readonly RoomEvent[]): Verdict {
  const tuples = authEvents.map(({ pdu }) => tupleText(pdu.type, pdu.state_key))
  const distinct = new Set(tuples)

  // 1. If there are duplicate entries for a given type and state_key pair, reject.
  if (distinct.size < tuples.length) return refuse('two auth events have the same type and state key', '1')

  // 2. If there are entries whose type and state_key don't match those specified by the auth events selection
  // algorithm, reject.
  const expected = new Set(authTypesFor(version, event.pdu).map(([type, stateKey]) => tupleText(type, stateKey)))
  if (!tuples.every((tuple) => expected.has(tuple))) return refuse('an auth event is none that the event needs', '2')

  // 3. If there are entries which were themselves rejected under the checks performed on receipt of a PDU, reject.
  if (authEvents.some(({ rejected }) => rejected === true)) return refuse('an auth event was rejected', '3')

  // 4, until v11. If there is no m.room.create event among the entries, reject.
  if (version.createIsAuthEvent && !distinct.has(tupleText('m.room.create', ''))) {
    return refuse('the create event is not among the auth events', '4')
  }

  // 5, since v12 4. If any event in auth_events has a room_id which does not match that of the event being authorised,
  // reject.
  const roomId = roomIdOf(version, event)
  if (authEvents.some((authEvent) => roomIdOf(version, authEvent) !== roomId)) {
    return refuse('an auth event is of another room', version.createIsAuthEvent ? '5' : '4')
  }
  return allow
}

function tupleText(type: string, stateKey: string | undefined): string {
  return JSON.stringify([type, stateKey])
}

/**
 * Step 1 of the checks on receipt: is it an event at all, and one that can be kept? With it comes what identifies it.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu}
 */
import { sha256 } from '@hearth/crypto'
import { isStorableText, type EventId, type JsonObject, type RoomId } from '@hearth/protocol'
import {
  authEventIds,
  checkPduFormat,
  eventIdOfHash,
  prevEventIds,
  roomIdOf,
  signedPart,
  type Pdu,
  type RoomEvent,
  type RoomVersion,
} from '@hearth/rooms'

/** An event of the right format, of which nothing else has been checked. */
export interface WellFormedPdu {
  readonly event: RoomEvent
  readonly roomId: RoomId
  /** Its canonical JSON, made anew: what a peer wrote is not trusted to be canonical. */
  readonly json: string
  /** What its servers have signed. */
  readonly signedText: string
}

/** Why something that was received is no event. */
export interface Malformed {
  readonly fault: string
}

/**
 * Checks the format of what a peer says is an event of a room of that version. `unsigned` is dropped: no signature
 * covers it, and nothing in it is for us to hand on.
 */
export function checkFormat(version: RoomVersion, received: JsonObject): WellFormedPdu | Malformed {
  const { unsigned: _, ...signed } = received
  const format = checkPduFormat(version, signed)
  if (!format.valid) return { fault: format.reason }
  const { pdu, json } = format
  const fault = unstorable(pdu)
  if (fault !== undefined) return { fault }

  const signedText = signedPart(version, pdu)
  const eventId =
    version.eventIds === 'assigned' ? (pdu.event_id as EventId) : eventIdOfHash(version, sha256(signedText))
  const event = { eventId, pdu }
  // With hashes for ids nobody can do this.
  if (prevEventIds(pdu).includes(eventId) || authEventIds(pdu).includes(eventId)) {
    return { fault: 'the event names itself' }
  }
  return { event, roomId: roomIdOf(version, event), json, signedText }
}

/** What some room versions allow and no table can hold. */
function unstorable(pdu: Pdu): string | undefined {
  if (!Number.isSafeInteger(pdu.depth)) return 'depth is larger than 2^53-1'
  if (!Number.isSafeInteger(pdu.origin_server_ts)) return 'origin_server_ts is not in ±(2^53-1)'
  if (!isStorableText(pdu.type)) return 'type has characters that cannot be kept'
  if (pdu.state_key !== undefined && !isStorableText(pdu.state_key)) {
    return 'state_key has characters that cannot be kept'
  }
  return undefined
}

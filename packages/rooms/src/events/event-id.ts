/**
 * Content hash, reference hash and event id.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#signing-events}
 */
import { encodeUnpaddedBase64, encodeUrlSafe, sha256 } from '@hearth/crypto'
import type { EventId, JsonObject } from '@hearth/protocol'
import type { RoomVersion } from '../room-versions.ts'
import { canonicalEventJson } from './canonical-event-json.ts'
import type { EventDraft, EventReference, Pdu, RoomEvent } from './pdu.ts'
import { redact } from './redact.ts'

/** The hash of the complete event, in unpadded base64, which belongs into `hashes.sha256`. */
export function contentHash(version: RoomVersion, pdu: EventDraft): string {
  const hashed = withoutKeys(pdu, ['unsigned', 'signatures', 'hashes'])
  return encodeUnpaddedBase64(sha256(canonicalEventJson(version, hashed)))
}

/**
 * The canonical JSON of the event's protected part without its signatures: what servers sign, and what the reference
 * hash is taken of.
 */
export function signedPart(version: RoomVersion, pdu: EventDraft): string {
  return canonicalEventJson(version, withoutKeys(redact(version, pdu), ['unsigned', 'signatures']))
}

/** The SHA-256 hash of the event's protected part. */
export function referenceHash(version: RoomVersion, pdu: EventDraft): Buffer {
  return sha256(signedPart(version, pdu))
}

/** The event's id: `event_id` in room versions 1 and 2, computed from 3 on. */
export function eventId(version: RoomVersion, pdu: Pdu): EventId {
  if (version.eventIds === 'assigned') return pdu.event_id as EventId
  return eventIdOfHash(version, referenceHash(version, pdu))
}

/** The event id that a reference hash makes, in room versions from 3 on. */
export function eventIdOfHash(version: RoomVersion, hash: Buffer): EventId {
  const text = version.eventIds === 'hash' ? encodeUnpaddedBase64(hash) : encodeUrlSafe(hash)
  return `$${text}` as EventId
}

/** How later events of the room refer to this one in `prev_events` and `auth_events`. */
export function referenceTo(version: RoomVersion, event: RoomEvent): EventReference {
  if (version.references === 'id') return event.eventId
  return [event.eventId, { sha256: encodeUnpaddedBase64(referenceHash(version, event.pdu)) }]
}

function withoutKeys(pdu: JsonObject, dropped: readonly string[]): JsonObject {
  // A draft has none of them.
  if (!dropped.some((key) => Object.hasOwn(pdu, key))) return pdu
  // Entries keep a member named `__proto__`, which assignment would lose.
  return Object.fromEntries(Object.entries(pdu).filter(([key]) => !dropped.includes(key)))
}

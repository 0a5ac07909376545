/**
 * The format of events per room version: what an event must look like before anything else is asked of it.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#size-limits}
 */
import { CanonicalJsonError } from '@hearth/crypto'
import { isEventId, isJsonObject, isRoomId, isUserId, type JsonObject, type JsonValue } from '@hearth/protocol'
import type { RoomVersion } from '../room-versions.ts'
import { canonicalEventJson } from './canonical-event-json.ts'
import type { Pdu } from './pdu.ts'

/** The size limit of a complete event as canonical JSON, in bytes. */
export const maxEventBytes = 65_536
/** The size limit of `type`, `state_key` and each identifier of an event, in bytes. */
export const maxEventFieldBytes = 255
/** The most events that `prev_events` may name. */
export const maxPrevEvents = 20
/** The most events that `auth_events` may name. */
export const maxAuthEvents = 10

/** The outcome of a format check; a valid event comes with its canonical JSON. */
export type FormatVerdict =
  | { readonly valid: true; readonly pdu: Pdu; readonly json: string }
  | { readonly valid: false; readonly reason: string }

/** Checks that a JSON value is an event of that room version, within the size limits. */
export function checkPduFormat(version: RoomVersion, value: JsonValue): FormatVerdict {
  if (!isJsonObject(value)) return { valid: false, reason: 'the event is not an object' }
  const reason = fieldFault(version, value)
  if (reason !== undefined) return { valid: false, reason }

  const json = canonicalOrFault(version, value)
  if (typeof json !== 'string') return { valid: false, reason: json.reason }
  const oversize = checkEventSize(json)
  if (oversize !== undefined) return { valid: false, reason: oversize }
  return { valid: true, pdu: value as Pdu, json }
}

/** Says what is wrong if an event's canonical JSON exceeds the size limit. */
export function checkEventSize(json: string): string | undefined {
  // A UTF-16 unit makes at most three bytes, so most events need no count.
  if (json.length * 3 <= maxEventBytes || Buffer.byteLength(json) <= maxEventBytes) return undefined
  return `the event is larger than ${maxEventBytes} bytes`
}

/** Says what is wrong if `type` or `state_key` exceeds the size limit of a field. */
export function checkFieldSizes(pdu: { readonly type: string; readonly state_key?: string }): string | undefined {
  if (Buffer.byteLength(pdu.type) > maxEventFieldBytes) return `type is longer than ${maxEventFieldBytes} bytes`
  if (pdu.state_key !== undefined && Buffer.byteLength(pdu.state_key) > maxEventFieldBytes) {
    return `state_key is longer than ${maxEventFieldBytes} bytes`
  }
  return undefined
}

type FieldCheck = (version: RoomVersion, pdu: JsonObject) => string | undefined

const fieldChecks: readonly FieldCheck[] = [
  (_, { type }) => (typeof type === 'string' ? undefined : 'type is not a string'),
  (_, pdu) =>
    pdu['state_key'] === undefined || typeof pdu['state_key'] === 'string' ? undefined : 'state_key is not a string',
  (_, pdu) => checkFieldSizes(pdu as { type: string; state_key?: string }),
  (_, { sender }) => (typeof sender === 'string' && isUserId(sender) ? undefined : 'sender is not a user id'),
  roomIdFault,
  eventIdFault,
  (_, { content }) => (isJsonObject(content) ? undefined : 'content is not an object'),
  (_, pdu) => (isTimestamp(pdu['origin_server_ts']) ? undefined : 'origin_server_ts is not an integer'),
  depthFault,
  (version, pdu) => referencesFault(version, pdu, 'prev_events', maxPrevEvents),
  (version, pdu) => referencesFault(version, pdu, 'auth_events', maxAuthEvents),
  (_, { hashes }) =>
    isJsonObject(hashes) && typeof hashes['sha256'] === 'string' ? undefined : 'hashes has no sha256',
  (_, { signatures }) => (areSignatures(signatures) ? undefined : 'signatures is not an object of objects of strings'),
  (_, { unsigned }) => (unsigned === undefined || isJsonObject(unsigned) ? undefined : 'unsigned is not an object'),
  (version, pdu) => redactsFault(version, pdu),
]

function fieldFault(version: RoomVersion, pdu: JsonObject): string | undefined {
  for (const check of fieldChecks) {
    const fault = check(version, pdu)
    if (fault !== undefined) return fault
  }
  return undefined
}

function canonicalOrFault(version: RoomVersion, pdu: JsonObject): string | { reason: string } {
  try {
    return canonicalEventJson(version, pdu)
  } catch (error) {
    if (error instanceof CanonicalJsonError) return { reason: error.message }
    throw error
  }
}

function roomIdFault(version: RoomVersion, pdu: JsonObject): string | undefined {
  // The create event of room version 12 has none; that it must not have one is an authorization rule.
  if (version.roomIds === 'create-event' && pdu['type'] === 'm.room.create' && pdu['room_id'] === undefined)
    return undefined
  const roomId = pdu['room_id']
  return typeof roomId === 'string' && isRoomId(roomId) ? undefined : 'room_id is not a room id'
}

function eventIdFault(version: RoomVersion, pdu: JsonObject): string | undefined {
  if (version.eventIds !== 'assigned') return undefined
  const eventId = pdu['event_id']
  return typeof eventId === 'string' && isEventId(eventId) && eventId.includes(':')
    ? undefined
    : 'event_id is not an event id'
}

function depthFault(version: RoomVersion, pdu: JsonObject): string | undefined {
  const { depth } = pdu
  if (typeof depth !== 'number' || !Number.isInteger(depth) || depth < 0) return 'depth is not a non-negative integer'
  // Before version 6 the limit is 2^63-1, which a double cannot tell from its neighbors.
  if (version.strictCanonicalJson && depth > Number.MAX_SAFE_INTEGER) return 'depth is larger than 2^53-1'
  return undefined
}

function referencesFault(version: RoomVersion, pdu: JsonObject, key: string, limit: number): string | undefined {
  const references = pdu[key]
  if (!Array.isArray(references)) return `${key} is not an array`
  if (references.length > limit) return `${key} names more than ${limit} events`
  const isReference = version.references === 'id' ? isIdReference : isPairReference
  return references.every(isReference) ? undefined : `${key} holds something other than event references`
}

function isIdReference(reference: JsonValue): boolean {
  return typeof reference === 'string' && isEventId(reference)
}

function isPairReference(reference: JsonValue): boolean {
  if (!Array.isArray(reference) || reference.length !== 2) return false
  const [id, hashes] = reference
  return typeof id === 'string' && isEventId(id) && isJsonObject(hashes)
}

function redactsFault(version: RoomVersion, pdu: JsonObject): string | undefined {
  if (version.redactsIn !== 'event' || pdu['type'] !== 'm.room.redaction') return undefined
  const { redacts } = pdu
  return redacts === undefined || typeof redacts === 'string' ? undefined : 'redacts is not a string'
}

function isTimestamp(value: JsonValue | undefined): boolean {
  return typeof value === 'number' && Number.isInteger(value)
}

function areSignatures(value: JsonValue | undefined): boolean {
  if (!isJsonObject(value)) return false
  return Object.values(value).every(
    (ofServer) => isJsonObject(ofServer) && Object.values(ofServer).every((signature) => typeof signature === 'string'),
  )
}

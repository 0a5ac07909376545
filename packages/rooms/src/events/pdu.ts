import type { EventId, JsonObject } from '@hearth/protocol'

/** An entry of `prev_events` or `auth_events`: a pair in room versions 1 and 2, an event id from 3 on. */
export type EventReference = EventId | [EventId, ReferenceHashes]

/** What a pair of room versions 1 and 2 holds beside the event id. */
export interface ReferenceHashes extends JsonObject {
  sha256: string
}

/** The hashes of an event's full content. */
export interface ContentHashes extends JsonObject {
  sha256: string
}

/** Signatures by server name and key id. */
export interface EventSignatures extends JsonObject {
  [serverName: string]: { [keyId: string]: string }
}

/**
 * An event before it is hashed and signed.
 * `room_id` is absent from the create event of room version 12; `event_id` is present in room versions 1 and 2 only.
 */
export interface EventDraft extends JsonObject {
  type: string
  sender: string
  room_id?: string
  state_key?: string
  content: JsonObject
  depth: number
  /** Milliseconds since 1970. */
  origin_server_ts: number
  prev_events: EventReference[]
  auth_events: EventReference[]
  redacts?: string
  unsigned?: JsonObject
}

/**
 * An event as servers exchange it, its format checked.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#pdus}
 */
export interface Pdu extends EventDraft {
  event_id?: string
  hashes: ContentHashes
  signatures: EventSignatures
}

/** An event as authorization and state resolution look at it. */
export interface RoomEvent {
  readonly eventId: EventId
  readonly pdu: Pdu
  /** Whether the event failed the checks on receipt: state resolution does not let it authorize others. */
  readonly rejected?: boolean
}

/** The event id that a reference names. */
export function referencedId(reference: EventReference): EventId {
  return typeof reference === 'string' ? reference : reference[0]
}

/** The ids of an event's previous events. */
export function prevEventIds(pdu: Pick<Pdu, 'prev_events'>): readonly EventId[] {
  return referencedIds(pdu.prev_events)
}

/** The ids of the events that an event names as giving its sender permission. */
export function authEventIds(pdu: Pick<Pdu, 'auth_events'>): readonly EventId[] {
  return referencedIds(pdu.auth_events)
}

function referencedIds(references: readonly EventReference[]): readonly EventId[] {
  // All references of an event have the same form. State resolution asks for those of a whole room, so nothing is copied.
  return typeof references[0] === 'string' ? (references as EventId[]) : references.map(referencedId)
}

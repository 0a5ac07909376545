import { encodeUrlSafe, sha256, type SigningKey } from '@hearth/crypto'
import type { EventId } from '@hearth/protocol'
import type { RoomVersion } from '../room-versions.ts'
import { canonicalEventJson } from './canonical-event-json.ts'
import { contentHash, eventIdOfHash, signedPart } from './event-id.ts'
import type { EventDraft, EventReference, Pdu, RoomEvent } from './pdu.ts'

/** Whose event it is, and the key that says so. */
export interface EventSigner {
  readonly serverName: string
  readonly signingKey: Pick<SigningKey, 'keyId' | 'sign'>
}

/** An event that is ready to be stored and sent. */
export interface BuiltEvent extends RoomEvent {
  /** The event as canonical JSON, with hashes and signatures. */
  readonly json: string
}

/**
 * Hashes and signs a draft and gives it its id. In room versions 1 and 2 the id is derived from the draft, so that
 * building the same draft again gives the same event.
 *
 * Throws `CanonicalJsonError` for content that has no canonical JSON, and `TypeError` where a reference has not the form
 * of the room version (see `referenceTo`).
 * {@link https://spec.matrix.org/v1.19/server-server-api/#adding-hashes-and-signatures-to-outgoing-events}
 */
export function buildEvent(version: RoomVersion, draft: EventDraft, signer: EventSigner): BuiltEvent {
  for (const reference of [...draft.prev_events, ...draft.auth_events]) checkReference(version, reference)

  const identified =
    version.eventIds === 'assigned' ? { ...draft, event_id: assignedId(version, draft, signer) } : draft
  const hashed = { ...identified, hashes: { sha256: contentHash(version, identified) } }
  const signed = signedPart(version, hashed)
  const signatures = { [signer.serverName]: { [signer.signingKey.keyId]: signer.signingKey.sign(signed) } }

  const pdu: Pdu = { ...hashed, signatures }
  const eventId = (pdu.event_id as EventId | undefined) ?? eventIdOfHash(version, sha256(signed))
  return { eventId, pdu, json: canonicalEventJson(version, pdu) }
}

/**
 * Adds a server's signature to an event that another server has built, such as a restricted join.
 * The event's id and hashes do not change.
 */
export function addSignature(version: RoomVersion, event: RoomEvent, signer: EventSigner): BuiltEvent {
  const signature = signer.signingKey.sign(signedPart(version, event.pdu))
  const ofServer = { ...event.pdu.signatures[signer.serverName], [signer.signingKey.keyId]: signature }
  const pdu = { ...event.pdu, signatures: { ...event.pdu.signatures, [signer.serverName]: ofServer } }
  return { eventId: event.eventId, pdu, json: canonicalEventJson(version, pdu) }
}

function assignedId(version: RoomVersion, draft: EventDraft, signer: EventSigner): EventId {
  const opaque = encodeUrlSafe(sha256(canonicalEventJson(version, draft)))
  return `$${opaque}:${signer.serverName}` as EventId
}

function checkReference(version: RoomVersion, reference: EventReference): void {
  if ((version.references === 'id') !== (typeof reference === 'string')) {
    throw new TypeError(`room version ${version.id} refers to events by ${version.references}`)
  }
}

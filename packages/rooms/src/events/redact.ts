/**
 * The redaction algorithm: what is left of an event when its content is taken away, and what its id and its
 * signatures therefore cover.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#redactions}
 */
import { isJsonObject, type JsonObject } from '@hearth/protocol'
import type { KeptKey, RoomVersion } from '../room-versions.ts'
import type { EventDraft, Pdu } from './pdu.ts'

/**
 * A copy of the event with only the keys that its room version protects. Redacting twice gives the same as once.
 * `unsigned` is gone too: who serves the event adds `redacted_because` anew.
 */
export function redact(version: RoomVersion, pdu: Pdu): Pdu
export function redact<Draft extends EventDraft>(version: RoomVersion, draft: Draft): Draft
export function redact(version: RoomVersion, pdu: EventDraft): EventDraft {
  const redacted: JsonObject = {}
  for (const key of version.redaction.topLevel) {
    if (Object.hasOwn(pdu, key)) redacted[key] = pdu[key]
  }
  redacted['content'] = redactContent(version, pdu.type, pdu.content)
  return redacted as EventDraft
}

/** What redaction leaves of the content of an event of that type. */
export function redactContent(version: RoomVersion, type: string, content: JsonObject): JsonObject {
  // An event may be of the type `__proto__` or `constructor`.
  const kept = Object.hasOwn(version.redaction.content, type) ? version.redaction.content[type]! : []
  if (kept === 'all') return content
  const redacted: JsonObject = {}
  for (const key of kept) keep(key, content, redacted)
  return redacted
}

function keep(key: KeptKey, content: JsonObject, redacted: JsonObject): void {
  if (typeof key === 'string') {
    if (Object.hasOwn(content, key)) redacted[key] = content[key]
    return
  }
  const [outer, inner] = key
  const object = Object.hasOwn(content, outer) ? content[outer] : undefined
  if (!isJsonObject(object)) return
  // The outer object stays even when nothing in it is kept: event ids depend on it.
  redacted[outer] = Object.hasOwn(object, inner) ? { [inner]: object[inner] } : {}
}

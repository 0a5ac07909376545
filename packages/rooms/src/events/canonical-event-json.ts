import { canonicalJson } from '@hearth/crypto'
import type { JsonObject } from '@hearth/protocol'
import type { RoomVersion } from '../room-versions.ts'

/**
 * The canonical JSON of an event of that room version, as text to be encoded in UTF-8. Throws `CanonicalJsonError` for
 * an event that has none: from room version 6 on numbers must be integers in ±(2^53-1).
 * {@link https://spec.matrix.org/v1.19/rooms/v6/#canonical-json}
 */
export function canonicalEventJson(version: RoomVersion, pdu: JsonObject): string {
  return canonicalJson(pdu, { numbers: version.strictCanonicalJson ? 'strict' : 'legacy' })
}

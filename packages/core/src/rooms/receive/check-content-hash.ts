/**
 * Step 3 of the checks on receipt: is the content what its sender hashed? If not, the event is redacted before it is
 * processed further: its protected part is what the signatures are of.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu}
 */
import { decodeUnpaddedBase64 } from '@hearth/crypto'
import { canonicalEventJson, contentHash, redact, type RoomVersion } from '@hearth/rooms'
import type { WellFormedPdu } from './check-format.ts'

/** The event as it came, or redacted where its content is not what the hash says. The event id is the same. */
export function withCheckedContent(version: RoomVersion, received: WellFormedPdu): WellFormedPdu {
  const { pdu, eventId } = received.event
  if (isSameHash(pdu.hashes.sha256, contentHash(version, pdu))) return received
  const pruned = redact(version, pdu)
  return { ...received, event: { eventId, pdu: pruned }, json: canonicalEventJson(version, pruned) }
}

function isSameHash(claimed: string, actual: string): boolean {
  // Base64 may be padded.
  return claimed === actual || decodeUnpaddedBase64(claimed)?.equals(Buffer.from(actual, 'base64')) === true
}

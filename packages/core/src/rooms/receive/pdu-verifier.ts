import type { EventId, JsonObject, RoomId } from '@hearth/protocol'
import type { RoomEvent, RoomVersion } from '@hearth/rooms'
import { withCheckedContent } from './check-content-hash.ts'
import { checkFormat, type WellFormedPdu } from './check-format.ts'
import { findSignatureFault, type VerifyKeys } from './check-signatures.ts'

/** An event that its servers have signed. Nothing is known yet of whether it is allowed. */
export interface VerifiedPdu {
  readonly event: RoomEvent
  readonly roomId: RoomId
  /** Its canonical JSON, without `unsigned`; that of the redacted event where the content hash was wrong. */
  readonly json: string
}

/** What came of a received event's checks on itself. */
export type PduVerdict =
  | ({ readonly valid: true } & VerifiedPdu)
  | {
      readonly valid: false
      /** Absent where the format does not even give it one. */
      readonly eventId?: EventId
      readonly reason: string
    }

/**
 * The checks of a received event on itself, steps 1 to 3: format, signatures, content hash. All that comes from other
 * servers, by whatever way, goes through here first.
 * {@link https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu}
 */
export class PduVerifier {
  readonly #keys: VerifyKeys

  constructor(deps: { keys: VerifyKeys }) {
    this.#keys = deps.keys
  }

  /** Checks one event. Signatures are checked in libuv's thread pool: call it for many at once. */
  async verify(version: RoomVersion, received: JsonObject): Promise<PduVerdict> {
    const wellFormed = checkFormat(version, received)
    if ('fault' in wellFormed) return { valid: false, reason: wellFormed.fault }
    return this.verifyWellFormed(version, wellFormed)
  }

  /** Checks one event whose format was checked before, to find its id. */
  async verifyWellFormed(version: RoomVersion, wellFormed: WellFormedPdu): Promise<PduVerdict> {
    const { eventId } = wellFormed.event
    const fault = await findSignatureFault(version, wellFormed, this.#keys)
    if (fault !== undefined) return { valid: false, eventId, reason: fault }
    const { event, roomId, json } = withCheckedContent(version, wellFormed)
    return { valid: true, event, roomId, json }
  }
}

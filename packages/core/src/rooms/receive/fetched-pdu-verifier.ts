import type { EventId, JsonObject } from '@hearth/protocol'
import type { Room } from '../room.ts'
import type { PduVerifier } from './pdu-verifier.ts'
import type { VerifiedEvent } from './verified-event.ts'

/** How many signatures are checked at once. */
const sliceSize = 100

/** Events that were asked for, of which no one can be trusted before it is verified. */
export class FetchedPduVerifier {
  readonly #verifier: PduVerifier

  constructor(deps: { verifier: PduVerifier }) {
    this.#verifier = deps.verifier
  }

  /** Those of these that are events of the room and that their servers have signed, by id. */
  async verify(
    room: Pick<Room, 'id' | 'version'>,
    received: readonly JsonObject[],
  ): Promise<Map<EventId, VerifiedEvent>> {
    const verified = new Map<EventId, VerifiedEvent>()
    for (let start = 0; start < received.length; start += sliceSize) {
      const verdicts = await Promise.all(
        received.slice(start, start + sliceSize).map((pdu) => this.#verifier.verify(room.version, pdu)),
      )
      for (const verdict of verdicts) {
        if (!verdict.valid || verdict.roomId !== room.id) continue
        verified.set(verdict.event.eventId, { event: verdict.event, json: verdict.json })
      }
    }
    return verified
  }
}

import { eventId, type EventDraft, type Pdu, type RoomEvent, type RoomVersion } from '../src/index.ts'
import type { SeededRandom } from './seeded-random.ts'

/** An unsigned event under its true id. Two of the same draft are two events. */
export function identifiedEvent(version: RoomVersion, draft: EventDraft, random: SeededRandom): RoomEvent {
  const domain = draft.sender.slice(draft.sender.indexOf(':') + 1)
  const pdu: Pdu = {
    ...draft,
    hashes: { sha256: `hash${random.integer(0, 2 ** 30)}` },
    signatures: {},
    ...(version.eventIds === 'assigned' && { event_id: `$${random.integer(0, 2 ** 30)}:${domain}` }),
  }
  return { eventId: eventId(version, pdu), pdu }
}

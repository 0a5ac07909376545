import type { RoomEvent } from '../events/pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import { domainOf } from './domain.ts'
import { RoomStateView, type StateLookup } from './room-state-view.ts'

/**
 * Whether an authorized redaction takes effect on its target: its sender has the redact level, or both are of the same
 * server. Both events must be of the same room, which is for the caller to see to.
 * {@link https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions}
 */
export function mayRedact(version: RoomVersion, redaction: RoomEvent, target: RoomEvent, state: StateLookup): boolean {
  const { powerLevels } = new RoomStateView({ version, state })
  if (powerLevels.of(redaction.pdu.sender) >= powerLevels.level('redact')) return true
  // Until v2 the authorization rules have decided by the domains of the event ids.
  if (version.redactionDomain === 'event-id') return domainOf(redaction.eventId) === domainOf(target.eventId)
  return domainOf(redaction.pdu.sender) === domainOf(target.pdu.sender)
}

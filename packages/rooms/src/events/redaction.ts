import type { EventId } from '@hearth/protocol'
import type { RoomVersion } from '../room-versions.ts'
import type { EventDraft } from './pdu.ts'

/**
 * The event that an `m.room.redaction` event wants redacted: `redacts` of the event, or of its content from room
 * version 11 on. `undefined` for other events, and where it names none.
 */
export function redactionTarget(version: RoomVersion, pdu: EventDraft): EventId | undefined {
  if (pdu.type !== 'm.room.redaction') return undefined
  const redacts = version.redactsIn === 'content' ? pdu.content['redacts'] : pdu.redacts
  return typeof redacts === 'string' ? (redacts as EventId) : undefined
}

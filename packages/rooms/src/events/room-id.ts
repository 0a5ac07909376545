import type { EventId, RoomId } from '@hearth/protocol'
import type { RoomVersion } from '../room-versions.ts'
import type { RoomEvent } from './pdu.ts'

/**
 * The id of the room that an event belongs to. From room version 12 on, the create event does not name it: there it is
 * that event's own id under another sigil.
 */
export function roomIdOf(version: RoomVersion, event: RoomEvent): RoomId {
  const { pdu } = event
  if (version.roomIds === 'create-event' && pdu.type === 'm.room.create' && pdu.state_key === '') {
    return `!${event.eventId.slice(1)}` as RoomId
  }
  return pdu.room_id as RoomId
}

/** The id of the create event of a room whose id is that event's hash. */
export function createEventIdOf(roomId: string): EventId {
  return `$${roomId.slice(1)}` as EventId
}

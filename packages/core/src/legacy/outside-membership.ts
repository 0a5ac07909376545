import type { JsonObject } from '@hearth/protocol'
import { ClientEvent } from '../events/client-event.ts'
import type { OutsideRoom } from '../sync/outside-rooms.ts'
import { legacyEvent } from './legacy-event.ts'

/** The member event of somebody who knows of a room from another server alone: an invitation with what it tells of the room. */
export function outsideMembership({ roomId, membership, member, stripped }: OutsideRoom, now: number): JsonObject {
  const event = legacyEvent(new ClientEvent(member, roomId).toObject({ now }))
  return membership === 'invite' ? { ...event, invite_room_state: [...stripped] } : event
}

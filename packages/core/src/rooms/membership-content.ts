import type { RoomEvent } from '@hearth/rooms'
import { isMembership, type Membership } from '@hearth/store'

/** The membership that an `m.room.member` event sets; undefined for other events and unknown values. */
export function membershipOf(event: Pick<RoomEvent, 'pdu'> | undefined): Membership | undefined {
  if (event?.pdu.type !== 'm.room.member') return undefined
  const { membership } = event.pdu.content
  return isMembership(membership) ? membership : undefined
}

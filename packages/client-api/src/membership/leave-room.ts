import { s, type RoomId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** Leaves a room, or rejects an invitation. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidleave} */
export const leaveRoom = endpoint({
  method: 'POST',
  path: v3AndFounding('/rooms/:roomId/leave'),
  auth: 'userOrGuest',
  rateLimit: 'membership',
  allowEmptyBody: true,
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: s.object({ reason: s.optional(s.string) }),
  response: s.object({}),
  async handle({ membershipAnywhere }, { params: { roomId }, body: { reason }, requester }) {
    await membershipAnywhere.leave({ requester, roomId, reason })
    return {}
  },
})

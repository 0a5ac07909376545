import { s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** Bans a user from a room, and makes them leave it. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidban} */
export const ban = endpoint({
  method: 'POST',
  path: v3AndFounding('/rooms/:roomId/ban'),
  auth: 'activeUser',
  rateLimit: 'membership',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: s.object({ user_id: s.format<UserId>('mx-user-id'), reason: s.optional(s.string) }),
  response: s.object({}),
  async handle({ rooms, membership }, { params, body, requester }) {
    const room = await rooms.get(params.roomId)
    await membership.ban({ requester, room, target: body.user_id, reason: body.reason })
    return {}
  },
})

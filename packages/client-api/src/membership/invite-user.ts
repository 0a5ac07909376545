import { MatrixError, s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/** Invites a user into a room. {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite} */
export const inviteUser = endpoint({
  method: 'POST',
  path: v3AndFounding('/rooms/:roomId/invite'),
  auth: 'user',
  rateLimit: 'invites',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: s.object({
    user_id: s.optional(s.format<UserId>('mx-user-id')),
    reason: s.optional(s.string),
    medium: s.optional(s.string),
  }),
  response: s.object({}),
  async handle({ rooms, membership }, { params, body, requester }) {
    if (body.user_id === undefined) {
      if (body.medium === undefined) throw new MatrixError('M_MISSING_PARAM', 'user_id is missing')
      throw new MatrixError('M_FORBIDDEN', 'Invitations by e-mail address or phone number are not offered here')
    }
    const room = await rooms.get(params.roomId)
    await membership.invite({ requester, room, target: body.user_id, reason: body.reason })
    return {}
  },
})

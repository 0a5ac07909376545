import { MatrixError, s, type RoomId, type UserId } from '@hearth/protocol'
import { endpoint } from '../context.ts'
import { v3AndFounding } from '../paths.ts'

/**
 * Invites a user into a room, or somebody of whom an address is known.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite}
 * {@link https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite-1}
 */
export const inviteUser = endpoint({
  method: 'POST',
  path: v3AndFounding('/rooms/:roomId/invite'),
  auth: 'activeUser',
  rateLimit: 'invites',
  params: s.object({ roomId: s.format<RoomId>('mx-room-id') }),
  body: s.object({
    user_id: s.optional(s.format<UserId>('mx-user-id')),
    reason: s.optional(s.string),
    id_server: s.optional(s.string),
    id_access_token: s.optional(s.string),
    medium: s.optional(s.string),
    address: s.optional(s.string),
  }),
  response: s.object({}),
  async handle({ rooms, membership, inviteAddress }, { params, body, requester }) {
    const { user_id: target, reason, medium, address, id_server: identityServer, id_access_token: accessToken } = body
    const room = await rooms.get(params.roomId)
    if (target !== undefined) {
      await membership.invite({ requester, room, target, reason })
      return {}
    }
    if (medium === undefined || address === undefined || identityServer === undefined || accessToken === undefined) {
      throw new MatrixError('M_MISSING_PARAM', 'Either user_id or id_server, id_access_token, medium and address')
    }
    await inviteAddress.invite({ requester, room, invited: { medium, address, identityServer, accessToken } })
    return {}
  },
})
